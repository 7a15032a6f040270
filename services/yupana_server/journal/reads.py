"""Loads and look-ups: one statement an intent, each with the tail of its own snapshot (R2)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from yupana_server.book.commands import Kind, NormalSide
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.book.state import Account, AccountFacts, Asset
from yupana_server.journal.append import StoredEntry
from yupana_server.journal.connect import APPEND_APPLICATION, READ_APPLICATION, session_settings
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.points import BookRow, Loaded, TailPoint
from yupana_server.journal.rows import SELECT_LIST, Link, decode, genesis
from yupana_server.journal.spans import database_span

POOL_WAITING_MAX = 1_000
"""How many reads may wait for a connection; the next one is refused at once."""

POOL_TIMEOUT_S = 3.0
POOL_RECONNECT_TIMEOUT_S = 2.0

PARTITION_ENTRIES = 16_777_216
"""How many seqs a partition of the journal holds, as its function in the database has it."""

_UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # A standby, or a primary that is being moved.
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
    PoolTimeout,
    TooManyRequests,
)
TAIL = """
    coalesce((
        SELECT seq FROM yupana.journal WHERE book = %(book)s ORDER BY seq DESC LIMIT 1
    ), 0)
"""
BOOKS = """
    SELECT book, id, epoch, (extract(epoch FROM created_at) * 1000000)::bigint,
        coalesce((
            SELECT seq FROM yupana.journal j WHERE j.book = b.book ORDER BY seq DESC LIMIT 1
        ), 0)
    FROM yupana.books b
"""


def accounts_statement(wanted: str) -> str:
    """Return the statement that reads the accounts that `wanted` gives as (account, place)."""
    return f"""
    SELECT here.tail, wanted.account, opening.seq, opening.id, opening.recorded_at, opening.asset,
        opening.content, debit.seq, debit.totals, credit.seq, credit.totals
    FROM (SELECT {TAIL} AS tail) here
    LEFT JOIN ({wanted}) AS wanted (account, place) ON true
    LEFT JOIN LATERAL (
        SELECT seq, id, (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at, asset,
            content
        FROM yupana.journal
        WHERE book = %(book)s AND account = wanted.account AND reason IS NULL
        ORDER BY seq DESC LIMIT 1
    ) opening ON true
    LEFT JOIN LATERAL (
        SELECT seq, ARRAY[debit_debits_posted, debit_credits_posted, debit_debits_pending,
            debit_credits_pending]::text[] AS totals
        FROM yupana.journal
        WHERE book = %(book)s AND debit_account = wanted.account AND reason IS NULL
        ORDER BY seq DESC LIMIT 1
    ) debit ON true
    LEFT JOIN LATERAL (
        SELECT seq, ARRAY[credit_debits_posted, credit_credits_posted, credit_debits_pending,
            credit_credits_pending]::text[] AS totals
        FROM yupana.journal
        WHERE book = %(book)s AND credit_account = wanted.account AND reason IS NULL
        ORDER BY seq DESC LIMIT 1
    ) credit ON true
    ORDER BY wanted.place
    """


_ACCOUNTS = accounts_statement("SELECT * FROM unnest(%(accounts)s::text[]) WITH ORDINALITY")
_IDS = f"""
    SELECT tail, found.id, found.seq FROM (SELECT {TAIL} AS tail) here
    LEFT JOIN LATERAL (
        SELECT id, seq FROM yupana.ids WHERE book = %(book)s AND id = ANY(%(ids)s)
    ) found ON true
"""
ENTRIES = f"SELECT {SELECT_LIST} FROM yupana.journal WHERE book = %(book)s"
ASSETS = f"""
    SELECT asset, (content ->> 'scale')::int,
        (extract(epoch FROM recorded_at) * 1000000)::bigint
    FROM yupana.journal WHERE book = %(book)s AND reason IS NULL AND kind = {int(Kind.OPEN_ASSET)}
"""


class JournalReader:
    """Reads through a pool of connections to the primary.

    Every method raises UnavailableError when the database cannot answer.
    """

    def __init__(self, url: str, *, connections_max: int):
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections_max,
            max_waiting=POOL_WAITING_MAX,
            # Gives up early and begins anew with the next call, so that reads are back as soon as
            # the database is: by default the pauses between tries would grow to minutes.
            timeout=POOL_TIMEOUT_S,
            reconnect_timeout=POOL_RECONNECT_TIMEOUT_S,
            kwargs={"autocommit": True, **session_settings(READ_APPLICATION)},
            open=False,
            name="reads",
        )

    async def open(self, *, wait_s: float | None = None) -> None:
        """Begin to fill the pool; waits for the database only with `wait_s`.

        Raises:
            UnavailableError: It could not be reached within `wait_s`.
        """
        try:
            await self._pool.open(wait=wait_s is not None, timeout=wait_s or 0.0)
        except PoolTimeout as error:
            raise UnavailableError("the database cannot be reached") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def create_book(self, book_id: str) -> None:
        """Create the book unless it is there."""
        await self.rows(
            "INSERT INTO yupana.books (id) VALUES (%(id)s) ON CONFLICT (id) DO NOTHING "
            "RETURNING book",
            {"id": book_id},
        )

    async def book(self, book_id: str) -> BookRow | None:
        """Return the book, None when there is none."""
        rows = await self.rows(f"{BOOKS} WHERE id = %(id)s", {"id": book_id})
        return BookRow(*rows[0]) if rows else None

    async def tail(self, book: BookRow) -> TailPoint:
        """Return the newest entry's place and time."""
        rows = await self.rows(
            f"{ENTRIES} ORDER BY seq DESC LIMIT 1",
            {"book": book.number},
        )
        if not rows:
            return TailPoint(genesis(book.id), 0)
        entry, digest = decode(rows[0])
        return TailPoint(Link(entry.seq, digest), entry.recorded_at)

    async def entries(self, book: int, *, after: int, limit: int) -> list[StoredEntry]:
        """Return the entries that follow seq `after`, in order, none skipped."""
        rows = await self.rows(
            f"{ENTRIES} AND seq > %(after)s ORDER BY seq LIMIT %(limit)s",
            {"book": book, "after": after, "limit": limit},
        )
        return [StoredEntry(*decode(row)) for row in rows]

    async def accounts(self, book: int, accounts: Sequence[str]) -> Loaded[Account]:
        """Return the accounts, in the order asked for, None for each that is not open."""
        rows = await self.rows(_ACCOUNTS, {"book": book, "accounts": list(accounts)})
        facts = {str(row[1]): read_account(row) for row in rows if row[1] is not None}
        return Loaded(int(rows[0][0]), facts)

    async def assets(self, book: int, assets: Sequence[str]) -> Loaded[Asset]:
        """Return the assets, None for each that is not open."""
        rows = await self.rows(
            f"SELECT tail, found.* FROM (SELECT {TAIL} AS tail) here LEFT JOIN LATERAL "
            f"({ASSETS} AND asset = ANY(%(assets)s)) found ON true",
            {"book": book, "assets": list(assets)},
        )
        found = {str(row[1]): read_asset(row[1:]) for row in rows if row[1] is not None}
        return Loaded(int(rows[0][0]), {asset: found.get(asset) for asset in assets})

    async def outcomes(self, book: int, ids: Iterable[str]) -> Loaded[Entry]:
        """Return the entries that recorded these ids, None for each that is new."""
        wanted = list(ids)
        rows = await self.rows(_IDS, {"book": book, "ids": wanted})
        facts: dict[str, Entry | None] = dict.fromkeys(wanted)
        seqs = [row[2] for row in rows if row[2] is not None]
        for stored in await self.entries_at(book, seqs):
            facts[stored.entry.id] = stored.entry
        return Loaded(int(rows[0][0]), facts)

    async def ids(self, book: int, ids: Sequence[str]) -> dict[str, int]:
        """Return the seqs of these ids; unknown ones are absent."""
        rows = await self.rows(_IDS, {"book": book, "ids": list(ids)})
        return {str(row[1]): row[2] for row in rows if row[1] is not None}

    async def ids_count(self, book: int, *, up_to: int) -> int:
        """Count the book's ids up to a seq. Reads all of them: for verification alone."""
        rows = await self.rows(
            "SELECT count(*) FROM yupana.ids WHERE book = %(book)s AND seq <= %(up_to)s",
            {"book": book, "up_to": up_to},
        )
        return int(rows[0][0])

    async def entries_at(self, book: int, seqs: Sequence[int]) -> list[StoredEntry]:
        """Return the entries of these seqs, in order."""
        if not seqs:
            return []
        rows = await self.rows(
            f"{ENTRIES} AND seq = ANY(%(seqs)s) ORDER BY seq",
            {"book": book, "seqs": list(seqs)},
        )
        return [StoredEntry(*decode(row)) for row in rows]

    async def labels(self, book: int, seqs: Sequence[int]) -> dict[int, dict[str, str]]:
        """Return the labels of these entries; those without are absent."""
        if not seqs:
            return {}
        rows = await self.rows(
            "SELECT seq, labels FROM yupana.labels WHERE book = %(book)s AND seq = ANY(%(seqs)s)",
            {"book": book, "seqs": list(seqs)},
        )
        return {row[0]: row[1] for row in rows}

    async def terminate_blocker(self, process_id: int, *, waiting_longer_than_s: float) -> int:
        """R5: end another append that blocks this process and waits for its client.

        Postgres' own time-outs do not fire inside COPY. Returns how many were ended.
        """
        rows = await self.rows(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid = ANY(pg_blocking_pids(%(process_id)s))
                AND application_name = %(application)s
                AND wait_event_type = 'Client'
                AND state_change < clock_timestamp() - make_interval(secs => %(age_s)s)
            """,
            {
                "process_id": process_id,
                "application": APPEND_APPLICATION,
                "age_s": waiting_longer_than_s,
            },
        )
        return len(rows)

    async def add_partition(self, number: int) -> None:
        """Make the partition of the journal unless it is there."""
        await self.rows("SELECT yupana.add_journal_partition(%(number)s)", {"number": number})

    async def settings(self) -> dict[str, str]:
        """R12: return what the promise depends on and this database's word on it."""
        rows = await self.rows(
            """
            SELECT name, setting FROM pg_settings
            WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
            UNION ALL
            SELECT 'journal_append_only', CASE WHEN bool_or(
                has_table_privilege(oid, 'UPDATE')
                OR has_table_privilege(oid, 'DELETE')
                OR has_table_privilege(oid, 'TRUNCATE')
            ) THEN 'off' ELSE 'on' END
            FROM pg_class WHERE oid = 'yupana.journal'::regclass OR oid IN (
                SELECT inhrelid FROM pg_inherits WHERE inhparent = 'yupana.journal'::regclass
            )
            UNION ALL
            SELECT 'schema', version_num FROM yupana.migrations
            """,
            {},
        )
        return {str(row[0]): str(row[1]) for row in rows}

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one statement of this package and return its rows."""
        operation = statement.split(maxsplit=1)[0].strip("(")
        try:
            with database_span(operation, "yupana"):
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(statement.encode(), parameters)
                    return await cursor.fetchall()
        except _UNAVAILABLE as error:
            raise UnavailableError(str(error)) from error


def read_account(row: Sequence[Any]) -> Account | None:
    """Read a row of `accounts_statement`; None for an account that is not open."""
    _, account, seq, command_id, recorded_at, asset, content, *newest = row
    if seq is None:
        return None
    debit_seq, debit_totals, credit_seq, credit_totals = newest
    totals, last_seq = ZERO, seq
    if (debit_seq or 0) > last_seq:
        totals, last_seq = Totals(*map(int, debit_totals)), debit_seq
    if (credit_seq or 0) > last_seq:
        totals, last_seq = Totals(*map(int, credit_totals)), credit_seq
    facts = AccountFacts(
        id=account,
        asset=asset,
        normal_side=NormalSide(content["normal_side"]),
        min_balance=content.get("min_balance"),
        max_balance=content.get("max_balance"),
        opened_at=recorded_at,
        opened_by=command_id,
    )
    return Account(facts, totals, last_seq)


def read_asset(row: Sequence[Any]) -> Asset:
    """Read a row of ASSETS."""
    return Asset(row[0], row[1], row[2])
