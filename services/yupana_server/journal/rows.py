"""How an entry is written as a row, and its hash.

Both rest on one text: the row as COPY takes it. R1: an entry's hash is SHA-256 over the hash of
the entry before it and this text, so a chain of hashes runs through the whole journal.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from yupana_server.book.commands import Chain, Kind
from yupana_server.book.entries import FORMAT_VERSION, RULES_VERSION, Entry, Json, Totals, Usage
from yupana_server.book.evolve import UnknownVersionError, read_usage
from yupana_server.book.rejections import Reason

_FORMAT_1 = (
    "seq, epoch, format, rules, kind, id, recorded_at, effective_at, actor, trace_id, reason, "
    "facts, chain_first, chain_place, chain_length, debit_account, credit_account, amount, asset, "
    "debit_debits_posted, debit_credits_posted, debit_debits_pending, debit_credits_pending, "
    "credit_debits_posted, credit_credits_posted, credit_debits_pending, credit_credits_pending, "
    "account, content, sealed_labels"
)
COLUMNS = (
    f"{_FORMAT_1}, requested_amount, code, payment, hold, hold_change, hold_captured, "
    "hold_remaining, hold_expires_at, hold_group, reverses, reversed_amount, debit_usage, "
    "credit_usage, result"
)
"""What format 2 writes and hashes, in this order. Format 1 ended before requested_amount."""

NULL = "\\N"
"""What COPY's text format writes where there is nothing."""

_EFFECTIVE_AT: Final = 12
_EPOCH_NUMBER: Final = 31
"""Places of fields of an entry."""

_MORE = slice(Entry._fields.index("requested_amount"), _EPOCH_NUMBER)
_NO_MORE: tuple[object, ...] = (None,) * (_MORE.stop - _MORE.start)
_NO_EFFECT_TO_RESULT: tuple[object, ...] = (None,) * (_EPOCH_NUMBER - _EFFECTIVE_AT)
_NO_CHAIN = "\t".join([NULL] * 3)
_TOTALS = "%d\t%d\t%d\t%d"
_NO_TOTALS = "\t".join([NULL] * 4)
_NO_ACCOUNT_TO_RESULT = "\t".join([NULL] * (3 + len(_NO_MORE)))

_SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (formats without an offset, which is added)


class Link(NamedTuple):
    """An entry's seq and hash: what the next one is chained to."""

    seq: int
    hash: bytes


def genesis(book_id: str) -> Link:
    """Return what the first entry of a book is chained to, so that no two books' chains fit."""
    return Link(0, sha256(b"yupana book " + book_id.encode()).digest())


def encode(entry: Entry) -> str:
    """Write the entry as a row of COPY's text format, without the book and the hash.

    In the format that the entry names, so that what earlier releases wrote keeps its hash.
    """
    return next(encode_each((entry,)))


def encode_each(entries: Iterable[Entry]) -> Iterator[str]:
    """Write entries as `encode` does, in three quarters of the time.

    What an entry has in common with the one before is not written again, and what plain transfers
    do not have, as most entries are, is not looked at field by field.
    """
    origin: tuple[object, ...] = ()
    versions = sender = second_text = ""
    second: int | None = None
    for entry in entries:
        (
            seq, at, kind, id_, reason, facts, debit_account, credit_account, amount, asset,
            debited, credited,
        ) = entry[:_EFFECTIVE_AT]  # fmt: skip
        if entry[_EPOCH_NUMBER:] != origin:
            origin = epoch, actor, trace_id, version, rules = entry[_EPOCH_NUMBER:]
            versions = f"{epoch}\t{version}\t{rules}"
            sender = f"{NULL if actor is None else escape(actor)}\t{_bytes(trace_id)}"
        if at // _SECOND_US != second:
            second = at // _SECOND_US
            second_text = _format_second(second)
        effective, chain, account_to_result = NULL, _NO_CHAIN, _NO_ACCOUNT_TO_RESULT
        if entry[_EFFECTIVE_AT:_EPOCH_NUMBER] != _NO_EFFECT_TO_RESULT or entry.format == 1:
            effective, chain, account_to_result = _encode_rest(entry)
        yield (
            f"{seq}\t{versions}\t{_SMALL[kind]}\t{id_}\t"
            f"{second_text}.{at % _SECOND_US:06d}+00\t{effective}\t{sender}\t"
            f"{NULL if reason is None else _SMALL[reason]}\t"
            f"{NULL if facts is None else _json(facts)}\t{chain}\t"
            f"{debit_account or NULL}\t{credit_account or NULL}\t"
            f"{NULL if amount is None else amount}\t{asset or NULL}\t"
            f"{_NO_TOTALS if debited is None else _TOTALS % debited}\t"
            f"{_NO_TOTALS if credited is None else _TOTALS % credited}\t{account_to_result}"
        )


def _encode_rest(entry: Entry) -> tuple[str, str, str]:
    """Write what plain transfers do not have: the effective time, the chain, account to result."""
    effective = NULL if entry.effective_at is None else format_time(entry.effective_at)
    chain = _NO_CHAIN if entry.chain is None else "\t".join(map(str, entry.chain))
    content = NULL if entry.content is None else _json(entry.content)
    rest = f"{entry.account or NULL}\t{content}\t{_bytes(entry.sealed_words)}"
    return effective, chain, rest if entry.format == 1 else rest + _encode_more(entry)


def _encode_more(entry: Entry) -> str:
    expires_at = entry.hold_expires_at
    return "\t" + "\t".join(
        (
            _optional(entry.requested_amount),
            entry.code or NULL,
            entry.payment or NULL,
            entry.hold or NULL,
            _optional(entry.hold_change),
            _optional(entry.hold_captured),
            _optional(entry.hold_remaining),
            NULL if expires_at is None else format_time(expires_at),
            entry.group or NULL,
            entry.reverses or NULL,
            _optional(entry.reversed_amount),
            NULL if entry.debit_usage is None else _json(entry.debit_usage),
            NULL if entry.credit_usage is None else _json(entry.credit_usage),
            NULL if entry.result is None else _json(entry.result),
        )
    )


def _optional(number: int | None) -> str:
    return NULL if number is None else str(number)


def _bytes(value: bytes | None) -> str:
    return NULL if value is None else "\\\\x" + value.hex()


def chain_hash(previous: bytes, line: str) -> bytes:
    """R1: return the hash of the entry that is written as `line`."""
    return sha256(previous + line.encode()).digest()


def escape(text: str) -> str:
    """Escape text for COPY's text format."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED: Mapping[str, str] = {"t": "\t", "n": "\n", "r": "\r"}


def unescape(field: str) -> str | None:
    """Read a field of COPY's text format; None for NULL."""
    if "\\" not in field:
        return field
    if field == "\\N":
        return None
    return _ESCAPED.sub(lambda found: _UNESCAPED.get(found[1], found[1]), field)


def format_time(micros: int) -> str:
    """Write microseconds since the Unix epoch as Postgres reads a timestamptz."""
    second, fraction = divmod(micros, _SECOND_US)
    return f"{_format_second(second)}.{fraction:06d}+00"


@lru_cache(maxsize=4096)  # The entries of a batch share a second or two.
def _format_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat(" ")


def _read_time(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH_UTC) // _MICROSECOND


_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SMALL = [str(number) for number in range(256)]


def _json(value: Mapping[str, Json] | Mapping[str, str] | Usage) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.replace("\\", "\\\\")


# Everything is read as text: amounts have up to 39 digits, and one decoder serves both the raw
# results of the append connection and the cursors of the readers.
def _as_text(column: str) -> str:
    if column in ("recorded_at", "effective_at", "hold_expires_at"):
        return f"(extract(epoch FROM {column}) * 1000000)::bigint::text"
    if column in ("trace_id", "sealed_labels", "hash"):
        return f"encode({column}, 'hex')"
    return f"{column}::text"


def _named(column: str) -> str:
    # Named otherwise, so that ORDER BY seq means the number and not its digits.
    text = _as_text(column)
    return f"{text} AS {column}_text" if text == f"{column}::text" else text


_FORMAT_1_COLUMNS = len(_FORMAT_1.split(", "))
TEXTS = tuple(_as_text(column) for column in [*COLUMNS.split(", "), "hash"])
"""What `decode` reads, column by column."""

SELECT_LIST = ", ".join(_named(column) for column in [*COLUMNS.split(", "), "hash"])

Row = Sequence[Any]
"""Texts, and None for NULL."""


class StoredEntry(NamedTuple):
    """An entry with its hash."""

    entry: Entry
    hash: bytes


_NO_COLUMNS = (_NO_MORE, ())
"""What format 2 added, of most entries, and of rows of format 1."""
_KINDS: Mapping[str, Kind] = {str(int(kind)): kind for kind in Kind}
# R10: this release refuses to read, and so to write on top of, what it does not understand.
_READABLE = frozenset(
    (str(version), str(rules))
    for version in range(1, FORMAT_VERSION + 1)
    for rules in range(1, RULES_VERSION + 1)
)


def decode(row: Row) -> tuple[Entry, bytes]:
    """Read the columns of SELECT_LIST as an entry and its hash."""
    (
        seq, epoch, version, rules, kind, id_, recorded_at, effective_at, actor, trace_id, reason,
        facts, chain_first, chain_place, chain_length, debit_account, credit_account, amount, asset,
        d0, d1, d2, d3, c0, c1, c2, c3, account, content, sealed_labels,
    ) = row[:_FORMAT_1_COLUMNS]  # fmt: skip
    check_version(seq, version, rules)
    more = tuple(row[_FORMAT_1_COLUMNS:-1])
    # By place, in the order of the fields, which is faster than by name: this runs for every line
    # of every list.
    entry = Entry._make(
        (
            int(seq),
            int(recorded_at),
            _KINDS.get(kind) or _kind(kind),
            id_ or "",
            None if reason is None else _reason(int(reason)),
            None if facts is None else json.loads(facts),
            debit_account,
            credit_account,
            None if amount is None else int(amount),
            asset,
            None if d0 is None else Totals(int(d0), int(d1), int(d2), int(d3)),
            None if c0 is None else Totals(int(c0), int(c1), int(c2), int(c3)),
            None if effective_at is None else int(effective_at),
            None if sealed_labels is None else bytes.fromhex(sealed_labels),
            None
            if chain_first is None
            else Chain(chain_first, int(chain_place), int(chain_length)),
            account,
            None if content is None else json.loads(content),
            *(_NO_MORE if more in _NO_COLUMNS else _decode_more(more)),
            int(epoch),
            actor,
            None if trace_id is None else bytes.fromhex(trace_id),
            int(version),
            int(rules),
        )
    )
    return entry, bytes.fromhex(row[-1] or "")


_NAMES = COLUMNS.split(", ")
_TIMES = [_NAMES.index(name) for name in ("recorded_at", "effective_at", "hold_expires_at")]
_BYTES = [_NAMES.index(name) for name in ("trace_id", "sealed_labels")]


def read(line: str) -> Entry:
    """Read what `encode` wrote."""
    # Most lines have nothing to be unescaped, which takes longer to find out field by field.
    is_plain = line.count("\\") == line.count("\\N")
    row = [
        None if field == "\\N" else field if is_plain else unescape(field)
        for field in line.split("\t")
    ]
    row += [None] * (len(_NAMES) - len(row))  # Format 1 had fewer.
    for place in _TIMES:
        if (time := row[place]) is not None:
            row[place] = str(_read_time(time))
    for place in _BYTES:
        if (digits := row[place]) is not None:
            row[place] = digits.removeprefix("\\x")
    entry, _ = decode([*row, None])
    return entry


def check_version(seq: str, version: str, rules: str) -> None:
    """R10: look whether this release understands an entry.

    Raises:
        UnknownVersionError: It does not.
    """
    if (version, rules) not in _READABLE:
        raise UnknownVersionError(
            f"entry {seq} has format {version} and rules {rules}, this release knows those up to "
            f"{FORMAT_VERSION} and {RULES_VERSION}: upgrade it"
        )


def _decode_more(more: Row) -> tuple[Any, ...]:
    """Read what format 2 added, in the order of the entry's fields."""
    (
        requested, code, payment, hold, change, captured, remaining, expires_at, group, reverses,
        reversed_amount, debit_usage, credit_usage, result,
    ) = more  # fmt: skip
    return (
        _optional_int(requested),
        code,
        payment,
        hold,
        _optional_int(change),
        _optional_int(captured),
        _optional_int(remaining),
        _optional_int(expires_at),
        group,
        reverses,
        _optional_int(reversed_amount),
        None if debit_usage is None else read_usage(json.loads(debit_usage)),
        None if credit_usage is None else read_usage(json.loads(credit_usage)),
        None if result is None else json.loads(result),
    )


def _optional_int(text: str | None) -> int | None:
    return None if text is None else int(text)


def _kind(number: str) -> Kind:
    try:
        return Kind(int(number))
    except ValueError:
        raise UnknownVersionError(
            f"the journal has an entry of kind {number}: upgrade this release"
        ) from None


def _reason(number: int) -> Reason:
    try:
        return Reason(number)
    except ValueError:
        raise UnknownVersionError(
            f"the journal has an entry with reason {number}: upgrade this release"
        ) from None
