"""A journal as Postgres has it, read with SQL of its own: the other side that the checker compares.

Nothing of the server's code is used, so that what it gets wrong on reading is seen too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import psycopg
from faults.history.log import Totals
from psycopg.rows import namedtuple_row

from yupana.ledger.v1.error_reason_pb2 import ErrorReason

Place: TypeAlias = tuple[int, int]
"""Epoch and seq: what a position stands for. Later epochs come after earlier ones."""

KINDS = {
    1: "asset",
    2: "account",
    3: "transfer",
    4: "hold",
    5: "capture",
    6: "release",
    8: "expiry",
    9: "group",
    10: "reversal",
    11: "payment",
    12: "leg",
}
"""The kinds of entries that a load makes, by the numbers that the journal has for them."""


class Row(NamedTuple):
    """One entry."""

    place: Place
    kind: str
    id: str
    recorded_at: int
    """Microseconds since the Unix epoch."""
    reason: str | None
    facts: Mapping[str, str]
    chain: tuple[str, int, int] | None
    debit: str | None
    credit: str | None
    amount: int | None
    requested: int | None
    debit_totals: Totals | None
    credit_totals: Totals | None
    account: str | None
    asset: str | None
    payment: str | None
    """The payment or resolution of a group that it is one of several entries of."""
    hold: str | None
    group: str | None
    reverses: str | None
    remaining: int | None
    expires_at: int | None
    content: Mapping[str, Any]
    more: object
    """What else came of it: the amounts of a payment's legs, the holds of a group with how much was
    left of each, how much is reversed."""

    @property
    def seq(self) -> int:
        return self.place[1]


class Journal(NamedTuple):
    """A book's rows, in the order of seq."""

    book: str
    rows: Sequence[Row]
    ids: Mapping[str, int]
    """What the table of ids says."""

    def by_id(self) -> dict[str, Row]:
        return {row.id: row for row in self.rows}


_ROWS = """
SELECT seq, j.epoch, kind, j.id, (extract(epoch FROM recorded_at) * 1000000)::bigint AS at, reason,
       facts, chain_first, chain_place, chain_length, debit_account, credit_account, amount,
       requested_amount, debit_debits_posted, debit_credits_posted, debit_debits_pending,
       debit_credits_pending, credit_debits_posted, credit_credits_posted, credit_debits_pending,
       credit_credits_pending, account, asset, payment, hold, hold_group,
       reverses, reversed_amount, hold_remaining,
       (extract(epoch FROM hold_expires_at) * 1000000)::bigint AS expires_at, content, result
FROM yupana.journal j JOIN yupana.books b USING (book) WHERE b.id = %s ORDER BY seq
"""
_IDS = "SELECT i.id, i.seq FROM yupana.ids i JOIN yupana.books b USING (book) WHERE b.id = %s"


async def read_journal(url: str, book_id: str) -> Journal:
    """Read all of a book in one snapshot."""
    connection = await psycopg.AsyncConnection.connect(url)
    async with connection, connection.cursor(row_factory=namedtuple_row) as cursor:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await cursor.execute(_ROWS, [book_id])
        rows = [_row(found) for found in await cursor.fetchall()]
        await cursor.execute(_IDS, [book_id])
        ids = {found.id: found.seq for found in await cursor.fetchall()}
    return Journal(book_id, rows, ids)


def _row(found: Any) -> Row:
    first = found.chain_first
    return Row(
        place=(found.epoch, found.seq),
        kind=KINDS.get(found.kind, f"kind {found.kind}"),
        id=found.id,
        recorded_at=found.at,
        reason=None if found.reason is None else ErrorReason.Name(found.reason)[13:],
        facts=found.facts or {},
        chain=None if first is None else (first, found.chain_place, found.chain_length),
        debit=found.debit_account,
        credit=found.credit_account,
        amount=_number(found.amount),
        requested=_number(found.requested_amount),
        debit_totals=_totals(found, "debit"),
        credit_totals=_totals(found, "credit"),
        account=found.account,
        asset=found.asset,
        payment=found.payment,
        hold=found.hold,
        group=found.hold_group,
        reverses=found.reverses,
        remaining=_number(found.hold_remaining),
        expires_at=found.expires_at,
        content=found.content or {},
        more=_more(found),
    )


def _more(found: Any) -> object:
    if found.reversed_amount is not None:
        return int(found.reversed_amount)
    if "amounts" in (result := found.result or {}):
        return tuple(result["amounts"])
    return tuple((hold, int(amount)) for hold, amount in result.get("holds", ()))


def _totals(found: Any, side: str) -> Totals | None:
    names = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    numbers = [_number(getattr(found, f"{side}_{name}")) for name in names]
    return None if numbers[0] is None else tuple(numbers)  # type: ignore[return-value]


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
