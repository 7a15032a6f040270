"""Sums over the accounts under a prefix, made of whole segments of their ids.

What few accounts hold is summed up when it is asked for, from the newest entry of each. A prefix of
WIDE_ACCOUNTS and more accounts is wide, for ever, and has sums of its own, one row an asset, which
the feed adds to. So `users:42` costs a fold nothing, and `users` one row a page of entries.

How many accounts a prefix has stands in the row of the empty asset, and changes by openings alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.book.entries import Totals
from yupana_server.journal.marks import FOLDED, NOT_BEHIND, VERSION, Projection, here, tail_of
from yupana_server.journal.pieces import POSTED_KINDS
from yupana_server.journal.reads import JournalReader

WIDE_ACCOUNTS = 100
"""So many accounts are summed up in about a millisecond."""

SEGMENTS_MAX = 16
"""How many segments a prefix has at most."""

_TOTALS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
_COLUMNS = f"accounts, {', '.join(_TOTALS)}"
_SUMS = ", ".join(f"sum({column}) AS {column}" for column in _COLUMNS.split(", "))
_OPENED = f"reason IS NULL AND kind = {int(Kind.OPEN_ACCOUNT)}"


def _moved(entries: str) -> str:
    """Return table expressions: `page`, the entries, and `moved`, what each did to an account.

    OFFSET 0 has the entries read by seq, whatever the planner thinks of other indexes.
    """
    return f"""
        page AS MATERIALIZED (
            SELECT asset, debit_account, credit_account, coalesce(hold_change, 0) AS pending,
                CASE WHEN kind IN ({POSTED_KINDS}) THEN amount ELSE 0 END AS posted,
                CASE WHEN kind = {int(Kind.OPEN_ACCOUNT)} THEN account END AS opened
            FROM (
                SELECT * FROM yupana.journal WHERE book = %(book)s AND {entries} OFFSET 0
            ) entries WHERE reason IS NULL
        ),
        moved (account, asset, {_COLUMNS}) AS MATERIALIZED (
            SELECT debit_account, asset, 0, posted, 0, pending, 0 FROM page
            WHERE debit_account IS NOT NULL
            UNION ALL
            SELECT credit_account, asset, 0, 0, posted, 0, pending FROM page
            WHERE credit_account IS NOT NULL
            UNION ALL
            SELECT opened, asset, 1, 0, 0, 0, 0 FROM page WHERE opened IS NOT NULL
        )
    """


def _standing(accounts: str, until: str) -> str:
    """Return the statement that sums up what accounts had after an entry, by asset.

    `accounts` gives account and asset. The newest of two newest entries carries the totals.
    """
    newest = " UNION ALL ".join(
        f"(SELECT seq, {', '.join(f'{side}_{total} AS {total}' for total in _TOTALS)} "
        f"FROM yupana.journal WHERE book = %(book)s AND {side}_account = opened.account "
        f"AND reason IS NULL AND seq <= {until} ORDER BY seq DESC LIMIT 1)"
        for side in ("debit", "credit")
    )
    added = ", ".join(f"coalesce(sum({total}), 0) AS {total}" for total in _TOTALS)
    return f"""
        SELECT asset, count(*) AS accounts, {added} FROM ({accounts}) opened
        LEFT JOIN LATERAL (
            SELECT * FROM ({newest}) sides ORDER BY seq DESC LIMIT 1
        ) newest ON true
        GROUP BY asset
    """


_ADD = "ON CONFLICT (book, version, prefix, asset) DO UPDATE SET " + ", ".join(
    f"{column} = kept.{column} + excluded.{column}" for column in _COLUMNS.split(", ")
)
_INTO = f"""
    INSERT INTO yupana.prefix_sums AS kept (book, version, prefix, asset, {_COLUMNS})
    SELECT %(book)s, %(version)s, prefix,
"""

# No id contains a byte above `~`, so DEL ends the range of every prefix.
_UNDER = "account >= {first} AND account < {first} || E'\\x7f'"
_ALL_UNDER = f"""
    SELECT account, asset FROM yupana.journal
    WHERE book = %(book)s AND {_OPENED} AND seq <= {{until}} AND {_UNDER}
"""

# The prefixes of an account are the empty one and those made of its first segments, not its id.
# What the statement itself inserts it does not see: `wide` are those that were so before.
FOLD = f"""
    WITH {_moved("seq > %(after)s AND seq <= %(until)s")},
    paths AS MATERIALIZED (
        SELECT account, array_to_string(segments[1:depth], ':') AS prefix FROM (
            SELECT DISTINCT account, string_to_array(account, ':') AS segments FROM moved
        ) accounts CROSS JOIN LATERAL generate_series(
            0, least(cardinality(segments) - 1, {SEGMENTS_MAX})
        ) AS depth
    ),
    wide AS MATERIALIZED (
        SELECT prefix FROM (SELECT DISTINCT prefix FROM paths) prefixes CROSS JOIN LATERAL (
            SELECT FROM yupana.prefix_sums kept
            WHERE book = %(book)s AND version = %(version)s AND kept.prefix = prefixes.prefix
                AND asset = '' AND accounts >= {WIDE_ACCOUNTS} OFFSET 0
        ) kept
    ),
    counted AS (
        {_INTO} '', sum(accounts), 0, 0, 0, 0
        FROM moved JOIN paths USING (account) WHERE accounts > 0 GROUP BY prefix
        {_ADD}
        RETURNING prefix, accounts
    ),
    begun AS (
        {_INTO} asset, {_COLUMNS} FROM (
            SELECT prefix, CASE prefix WHEN '' THEN '' ELSE prefix || ':' END AS first
            FROM counted
            WHERE accounts >= {WIDE_ACCOUNTS} AND prefix NOT IN (SELECT prefix FROM wide)
        ) widened CROSS JOIN LATERAL (
            {_standing(_ALL_UNDER.format(until="%(until)s", first="first"), "%(until)s")}
        ) standing
    )
    {_INTO} asset, {_SUMS}
    FROM wide JOIN paths USING (prefix) JOIN moved USING (account)
    GROUP BY prefix, asset
    {_ADD}
"""
"""Adds entries to the sums: see folds.py for the parameters."""

_LATER = _moved(f"seq > {FOLDED} AND {NOT_BEHIND} AND (SELECT wide FROM width)")
_FEW = _standing(
    _ALL_UNDER.format(until="(SELECT tail FROM here)", first="%(first)s")
    + f" AND {NOT_BEHIND} AND NOT (SELECT wide FROM width)",
    "(SELECT tail FROM here)",
)
_TEXTS = ", ".join(f"sum({column})::text" for column in _COLUMNS.split(", "))
_READ = f"""
    WITH {here(Projection.PREFIX_SUMS)},
    kept AS MATERIALIZED (
        SELECT asset, {_COLUMNS} FROM yupana.prefix_sums
        WHERE book = %(book)s AND version = {VERSION} AND prefix = %(prefix)s
    ),
    width AS MATERIALIZED (
        SELECT count(*) > 0 AS wide FROM kept WHERE asset = '' AND accounts >= {WIDE_ACCOUNTS}
    ),
    {_LATER}
    SELECT here.tail, here.lag, sums.* FROM here LEFT JOIN (
        SELECT asset, {_TEXTS} FROM (
            SELECT asset, {_COLUMNS} FROM kept WHERE asset <> ''
            UNION ALL
            SELECT asset, {_COLUMNS} FROM moved WHERE {_UNDER.format(first="%(first)s")}
            UNION ALL
            SELECT asset, {_COLUMNS} FROM ({_FEW}) few
        ) parts GROUP BY asset
    ) sums ON true
    ORDER BY sums.asset
"""


class AssetSum(NamedTuple):
    """What the accounts under a prefix hold of one asset."""

    asset: str
    accounts: int
    totals: Totals


class PrefixSums(NamedTuple):
    """The sums by asset, in the order of the assets' ids."""

    seq: int
    """The entry that they are as of."""
    sums: list[AssetSum]


async def prefix_sums(reader: JournalReader, book: int, prefix: str) -> PrefixSums:
    """Sum up the accounts whose ids begin with `prefix` and a colon; all for the empty one.

    Raises:
        ProjectionBehindError: The sums have fallen too far behind.
        UnavailableError: The database cannot answer.
    """
    first = f"{prefix}:" if prefix else ""
    rows = await reader.rows(_READ, {"book": book, "prefix": prefix, "first": first})
    tail = tail_of(Projection.PREFIX_SUMS, rows)
    return PrefixSums(tail, [_asset_sum(row[2:]) for row in rows if row[2] is not None])


def _asset_sum(row: Sequence[Any]) -> AssetSum:
    asset, accounts, *totals = row
    return AssetSum(asset, int(accounts), Totals(*map(int, totals)))
