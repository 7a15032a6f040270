"""Posted totals by effective time: what was recorded after a moment and took effect before it.

The balance as of an effective time E is the balance recorded by E plus a correction: the sum of
what took effect by E and was recorded later. Entries that carry an effective time stand in an index
of their own by account and that time, so for most accounts the correction is a sum over a short
range of it.

Accounts with DENSE_ENTRIES and more of them get sums by time: buckets of five widths, each 1,024
times as wide as the one below. Everything up to E is at most 1,023 buckets of each width. From that
goes what was recorded by E: a running total by seq, one row an entry. Both are single index ranges.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from yupana_server.book.entries import Totals
from yupana_server.book.state import Account
from yupana_server.journal.account_rows import accounts_statement, read_account
from yupana_server.journal.marks import FOLDED, NOT_BEHIND, VERSION, Projection, check_lag, here
from yupana_server.journal.pieces import micros, moment
from yupana_server.journal.reads import JournalReader

DENSE_ENTRIES = 1_000
"""From so many entries with an effective time on, an account has sums of its own."""

LEVELS = (0, 10, 20, 30, 40)
"""Widths of buckets, as powers of two of a microsecond: 1 us, 1 ms, 1 s, 18 min, 13 days."""

UP_TO_LEVEL = -1
"""Rows of the running total: the bucket is the seq of the entry up to which it counts."""

TOTAL_LEVEL = 63
"""The row of all entries of an account; its bucket is 0."""


def _entries_of(account: str, index: str, condition: str) -> str:
    """Return the statement that reads an account's entries with an effective time.

    By the index that has the columns of the condition `index`: OFFSET 0 keeps the other condition
    out of that choice.
    """
    at = micros("effective_at")
    return " UNION ALL ".join(
        f"SELECT seq, {at} AS at, {debited} AS debits, {credited} AS credits FROM ("
        f"SELECT seq, effective_at, amount FROM yupana.journal WHERE book = %(book)s "
        f"AND {side}_account = {account} AND reason IS NULL AND {index} OFFSET 0"
        f") {side}s WHERE {condition}"
        for side, debited, credited in (("debit", "amount", "0"), ("credit", "0", "amount"))
    )


FOLD = f"""
    WITH moved AS MATERIALIZED (
        SELECT side.account, seq, at, side.debits, side.credits FROM (
            SELECT seq, {micros("effective_at")} AS at, debit_account, credit_account, amount
            FROM (
                SELECT * FROM yupana.journal
                WHERE book = %(book)s AND seq > %(after)s AND seq <= %(until)s OFFSET 0
            ) page
            WHERE reason IS NULL AND effective_at IS NOT NULL AND debit_account IS NOT NULL
        ) entry CROSS JOIN LATERAL (
            VALUES (debit_account, amount, 0), (credit_account, 0, amount)
        ) AS side (account, debits, credits)
    ), new AS MATERIALIZED (
        SELECT account, count(*) AS entries, sum(debits) AS debits, sum(credits) AS credits
        FROM moved GROUP BY account
    ), total AS (
        INSERT INTO yupana.effective_sums AS kept
            (book, version, account, level, bucket, entries, debits, credits)
        SELECT %(book)s, %(version)s, account, {TOTAL_LEVEL}, 0, entries, debits, credits FROM new
        ON CONFLICT (book, version, account, level, bucket) DO UPDATE SET
            entries = kept.entries + excluded.entries,
            debits = kept.debits + excluded.debits,
            credits = kept.credits + excluded.credits
        RETURNING account, entries, debits, credits
    ), dense AS MATERIALIZED (
        SELECT total.*, total.entries - new.entries < {DENSE_ENTRIES} AS is_new
        FROM total JOIN new USING (account) WHERE total.entries >= {DENSE_ENTRIES}
    ), counted AS MATERIALIZED (
        SELECT account, seq, at, moved.debits, moved.credits
        FROM dense JOIN moved USING (account) WHERE NOT is_new
        UNION ALL
        SELECT account, earlier.seq, at, earlier.debits, earlier.credits
        FROM dense CROSS JOIN LATERAL (
            {_entries_of("dense.account", "effective_at IS NOT NULL", "seq <= %(until)s")}
        ) earlier WHERE is_new
    )
    INSERT INTO yupana.effective_sums AS kept
        (book, version, account, level, bucket, entries, debits, credits)
    SELECT %(book)s, %(version)s, account, level, at >> level, count(*), sum(debits), sum(credits)
    FROM counted CROSS JOIN unnest('{{{",".join(map(str, LEVELS))}}}'::smallint[]) AS level
    GROUP BY account, level, at >> level
    UNION ALL
    SELECT %(book)s, %(version)s, account, {UP_TO_LEVEL}, seq,
        dense.entries + 1 - row_number() OVER later,
        dense.debits - sum(counted.debits) OVER later + counted.debits,
        dense.credits - sum(counted.credits) OVER later + counted.credits
    FROM counted JOIN dense USING (account)
    WINDOW later AS (PARTITION BY account ORDER BY seq DESC)
    ON CONFLICT (book, version, account, level, bucket) DO UPDATE SET
        entries = kept.entries + excluded.entries,
        debits = kept.debits + excluded.debits,
        credits = kept.credits + excluded.credits
"""
"""Adds entries to the sums: see folds.py for the parameters.

The total of an account tells whether it is dense. One that has just become so gets the rows of its
earlier entries too. A running total is the new total less everything later.
"""

_AT = moment("at")
_SEQ = "(SELECT recorded.seq FROM recorded)"
_FEW = _entries_of("wanted.account", f"effective_at <= {_AT}", f"seq > {_SEQ}")
_LATER = _entries_of(
    "wanted.account", f"seq > greatest({FOLDED}, {_SEQ})", f"effective_at <= {_AT}"
)
_CHANGE = f"""
    LEFT JOIN LATERAL (
        SELECT entries FROM yupana.effective_sums
        WHERE book = %(book)s AND version = {VERSION} AND account = wanted.account
            AND level = {TOTAL_LEVEL} AND bucket = 0
    ) total ON {NOT_BEHIND}
    LEFT JOIN LATERAL (
        SELECT sum(debits) AS debits, sum(credits) AS credits FROM (
            SELECT debits, credits FROM ({_FEW}) few
            WHERE coalesce(total.entries, 0) < {DENSE_ENTRIES}
            UNION ALL
            SELECT sums.debits, sums.credits
            FROM unnest(%(levels)s::smallint[], %(lows)s::bigint[], %(highs)s::bigint[])
                AS range (level, low, high)
            CROSS JOIN LATERAL (
                SELECT sum(debits) AS debits, sum(credits) AS credits FROM yupana.effective_sums
                WHERE book = %(book)s AND version = {VERSION} AND account = wanted.account
                    AND level = range.level AND bucket >= range.low AND bucket < range.high
            ) sums
            WHERE total.entries >= {DENSE_ENTRIES}
            UNION ALL
            SELECT -known.debits, -known.credits FROM (
                SELECT debits, credits FROM yupana.effective_sums
                WHERE book = %(book)s AND version = {VERSION} AND account = wanted.account
                    AND level = {UP_TO_LEVEL} AND bucket <= {_SEQ}
                ORDER BY bucket DESC LIMIT 1
            ) known WHERE total.entries >= {DENSE_ENTRIES}
            UNION ALL
            SELECT debits, credits FROM ({_LATER}) later WHERE total.entries >= {DENSE_ENTRIES}
        ) parts
    ) change ON {NOT_BEHIND}
"""
_ACCOUNTS = f"""
    WITH {here(Projection.EFFECTIVE_SUMS)},
    recorded AS MATERIALIZED (SELECT yupana.seq_at(%(book)s::integer, {_AT}) AS seq)
    {
    accounts_statement(
        "SELECT * FROM unnest(%(accounts)s::text[]) WITH ORDINALITY",
        until=f"AND seq <= {_SEQ}",
        tail=_SEQ,
        more="change.debits::text, change.credits::text, (SELECT lag FROM here)",
        joins=_CHANGE,
    )
}
"""


class EffectiveAccounts(NamedTuple):
    """Accounts as of an effective time."""

    seq: int
    """The newest entry recorded by then."""
    recorded: dict[str, Account | None]
    """The accounts as of that entry; None for each that was not open."""
    changes: dict[str, Totals]
    """What to add: what was recorded later and took effect by then. Only posted totals."""


async def effective_accounts(
    reader: JournalReader, book: int, accounts: Sequence[str], *, at: int
) -> EffectiveAccounts:
    """Return accounts as of an effective time.

    Raises:
        ProjectionBehindError: The sums have fallen too far behind.
    """
    levels, lows, highs = zip(*_ranges(at + 1), strict=True)
    rows = await reader.rows(
        _ACCOUNTS,
        {
            "book": book,
            "accounts": list(accounts),
            "at": at,
            "levels": list(levels),
            "lows": list(lows),
            "highs": list(highs),
        },
    )
    check_lag(Projection.EFFECTIVE_SUMS, rows[0][-1])
    return EffectiveAccounts(
        int(rows[0][0]),
        {row[1]: read_account(row[:-3]) for row in rows},
        {row[1]: Totals(int(row[-3] or 0), int(row[-2] or 0), 0, 0) for row in rows},
    )


def _ranges(end: int) -> list[tuple[int, int, int]]:
    """Return the buckets that together are all time before `end`: level, first, one after last."""
    ranges = []
    for level, above in pairwise(LEVELS):
        ranges.append((level, end >> above << (above - level), end >> level))
    ranges.append((LEVELS[-1], -(2**63), end >> LEVELS[-1]))
    return ranges
