"""Accounts as rows: the statement that reads them, as they are or were, and how a row is read."""

from collections.abc import Sequence
from typing import Any

from yupana_server.book.commands import Kind
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.book.evolve import facts_of, read_usage, usage_of
from yupana_server.book.state import Account
from yupana_server.journal.pieces import TAIL

_TOTALS = """
    SELECT seq, ARRAY[{side}_debits_posted, {side}_credits_posted, {side}_debits_pending,
        {side}_credits_pending]::text[] AS totals, {side}_usage AS used
    FROM yupana.journal
    WHERE book = %(book)s AND {side}_account = wanted.account AND reason IS NULL {until}
    ORDER BY seq DESC LIMIT 1
"""


def accounts_statement(
    wanted: str, *, until: str = "", tail: str = TAIL, more: str = "", joins: str = ""
) -> str:
    """Return the statement that reads the accounts that `wanted` gives as (account, place).

    `until` bounds the entries that are looked at, for accounts as of an earlier one. `tail` is what
    stands first in each row, `more` what stands last, from `joins`.
    """
    return f"""
    SELECT here.tail, wanted.account, about.seq, about.kind, about.id, about.recorded_at,
        about.asset, about.content, about.code, about.result, about.sealed_labels,
        debit.seq, debit.totals, debit.used, credit.seq, credit.totals, credit.used
        {more and f", {more}"}
    FROM (SELECT {tail} AS tail) here
    LEFT JOIN ({wanted}) AS wanted (account, place) ON true
    LEFT JOIN LATERAL (
        SELECT seq, kind, id, (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at,
            asset, content, code, result, sealed_labels
        FROM yupana.journal
        WHERE book = %(book)s AND account = wanted.account AND reason IS NULL {until}
        ORDER BY seq DESC LIMIT 1
    ) about ON true
    LEFT JOIN LATERAL ({_TOTALS.format(side="debit", until=until)}) debit ON true
    LEFT JOIN LATERAL ({_TOTALS.format(side="credit", until=until)}) credit ON true
    {joins}
    ORDER BY wanted.place
    """


def read_account(row: Sequence[Any]) -> Account | None:
    """Read a row of `accounts_statement`; None for an account that is not open."""
    _, account, seq, kind, id_, recorded_at, asset, content, code, result, sealed, *newest = row
    if seq is None:
        return None
    about = Entry(
        seq,
        recorded_at,
        Kind(kind),
        id_,
        account=account,
        asset=asset,
        content=content,
        code=code,
        result=result,
        sealed_words=sealed,
    )
    facts, totals, last_seq, usage = facts_of(about), ZERO, seq, usage_of(about)
    moved_seq, moved_totals, moved_usage = max(
        newest[:3], newest[3:], key=lambda side: side[0] or 0
    )
    if moved_seq is not None:
        totals = Totals(*map(int, moved_totals))
    # Totals change by movements alone; what is used of windows also by setting them anew.
    if moved_seq is not None and moved_seq > seq:
        last_seq, usage = moved_seq, read_usage(moved_usage) or ()
    return Account(facts, totals, last_seq, usage)
