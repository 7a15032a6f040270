"""Entries that a ledger folds after others wrote them: each as one text.

Two servers that write one book fold all that the other wrote while nobody else can append, so this
has to be fast. Most entries are plain transfers. Postgres puts the columns of those together, much
as they were hashed; whatever else there is comes as a JSON array of all columns.
"""

import json
from typing import NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.evolve import DivergedError
from yupana_server.journal.pieces import micros
from yupana_server.journal.rows import (
    COLUMNS,
    NULL,
    TEXTS,
    check_version,
    decode,
    encode,
    format_time,
)

_FORMAT, _KIND = "2", str(int(Kind.TRANSFER))
_HEAD = ("seq", "epoch", "format", "rules", "kind", "id")
_BODY = (
    "debit_account", "credit_account", "amount", "asset",
    "debit_debits_posted", "debit_credits_posted", "debit_debits_pending", "debit_credits_pending",
    "credit_debits_posted", "credit_credits_posted", "credit_debits_pending",
    "credit_credits_pending",
)  # fmt: skip
_REST = {
    "recorded_at": micros("recorded_at"),
    "hash": "encode(hash, 'hex')",
    "effective_at": f"coalesce({micros('effective_at')}::text, '')",
    "actor": "coalesce(actor, '')",
    "trace_id": "coalesce(encode(trace_id, 'hex'), '')",
    "code": "coalesce(code, '')",
}
"""What is not read as it was hashed, with nothing for NULL."""

_PARTS = (_HEAD, _BODY, tuple(_REST.values()))
_ABSENT = [name for name in COLUMNS.split(", ") if name not in (*_HEAD, *_BODY, *_REST)]
# All columns of a row are looked at: what the line leaves out is hashed too.
_PLAIN = (
    f"kind = {_KIND} AND format = {_FORMAT} "
    f"AND num_nulls({', '.join(_ABSENT)}) = {len(_ABSENT)} "
    f"AND num_nulls({', '.join(_BODY)}) = 0 "
    r"AND trace_id IS DISTINCT FROM ''::bytea "
    r"AND code IS DISTINCT FROM '' AND coalesce(actor ~ '^[^\t\n\r\\]+$', true)"
)
_LINE = ", E'\\n', ".join(f"concat_ws(E'\\t', {', '.join(part)})" for part in _PARTS)

LINE = (
    f"CASE WHEN {_PLAIN} THEN concat({_LINE}) ELSE json_build_array({', '.join(TEXTS)})::text END"
)
"""The expression for an entry of `yupana.journal`; `read_line` reads it."""

_BYTES = "\\\\x"
_NO_EFFECT_TO_CHAIN = f"\t{NULL}" * 8 + "\t"
_NO_REASON_TO_CHAIN = f"\t{NULL}" * 5 + "\t"
_NO_ACCOUNT_TO_REQUESTED = f"\t{NULL}" * 4 + "\t"
_NO_PAYMENT_TO_RESULT = f"\t{NULL}" * 12
_NO_ACCOUNT_TO_RESULT = f"\t{NULL}" * 17
_UNTIL_EPOCH = (None,) * 12
"""An entry's fields from `payment` to `result`."""


class Linked(NamedTuple):
    """An entry with what chains it to the one before it."""

    entry: Entry
    text: str
    """As it was hashed: see `rows.chain_hash`."""
    hash: bytes


def read_line(line: str) -> Linked:
    """Read what LINE gives.

    Raises:
        UnknownVersionError: A later release wrote it.
        DivergedError: No release wrote it.
    """
    if line[0] == "[":
        other, its_hash = decode(json.loads(line))
        return Linked(other, encode(other), its_hash)
    try:
        head, body, rest = line.split("\n")
        seq, epoch, version, rules, _, id_ = head.split("\t")
        debit, credit, amount, asset, d0, d1, d2, d3, c0, c1, c2, c3 = body.split("\t")
        recorded_at, digest, effective, who, trace, what = rest.split("\t")
    except ValueError as error:
        raise DivergedError("an entry has names that none has") from error
    check_version(seq, version, rules)
    at = int(recorded_at)
    effective_at = actor = trace_id = code = None
    if not (effective or who or trace or what):
        text = f"{head}\t{format_time(at)}{_NO_EFFECT_TO_CHAIN}{body}{_NO_ACCOUNT_TO_RESULT}"
    else:
        actor, code = who or None, what or None
        effective_at = int(effective) if effective else None
        trace_id = bytes.fromhex(trace) if trace else None
        text = (
            f"{head}\t{format_time(at)}\t"
            f"{NULL if effective_at is None else format_time(effective_at)}\t{actor or NULL}\t"
            f"{NULL if trace_id is None else _BYTES + trace}{_NO_REASON_TO_CHAIN}"
            f"{body}{_NO_ACCOUNT_TO_REQUESTED}{code or NULL}{_NO_PAYMENT_TO_RESULT}"
        )
    # Tuples are made without their constructors, which take keywords into account and so longer.
    new = tuple.__new__
    entry = new(
        Entry,
        (
            int(seq), at, Kind.TRANSFER, id_, None, None, debit, credit, int(amount), asset,
            new(Totals, (int(d0), int(d1), int(d2), int(d3))),
            new(Totals, (int(c0), int(c1), int(c2), int(c3))),
            effective_at, None, None, None, None, None,
            code, *_UNTIL_EPOCH, int(epoch), actor, trace_id, int(version), int(rules),
        ),
    )  # fmt: skip
    return Linked(entry, text, bytes.fromhex(digest))
