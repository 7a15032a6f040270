"""Loads and look-ups: one statement an intent, each with the tail of its own snapshot (R2)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.types.numeric import Int8Dumper

from yupana_server.book.commands import Kind, Words
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import hold_of
from yupana_server.book.state import Account, Asset, Hold
from yupana_server.journal.account_rows import accounts_statement, read_account
from yupana_server.journal.bounded import BoundedConnection
from yupana_server.journal.connect import READ_APPLICATION, session_settings
from yupana_server.journal.marks import FOLDED, VERSION, Projection, here
from yupana_server.journal.pieces import TAIL, WORDS, moment
from yupana_server.journal.points import BookRow, Loaded, Newest, TailPoint, TransferRow
from yupana_server.journal.pool import Pool
from yupana_server.journal.rows import SELECT_LIST, Link, StoredEntry, decode, genesis
from yupana_server.journal.tail_lines import LINE

BOOKS = """
    SELECT book, id, epoch, (extract(epoch FROM created_at) * 1000000)::bigint,
        coalesce((
            SELECT seq FROM yupana.journal j WHERE j.book = b.book ORDER BY seq DESC LIMIT 1
        ), 0),
        ARRAY(SELECT ARRAY[e.epoch, e.common_seq] FROM yupana.epochs e WHERE e.book = b.book)
    FROM yupana.books b
"""
"""Books; `read_book` reads its rows."""


_ACCOUNTS = accounts_statement(
    "SELECT * FROM unnest(%(accounts)s::text[]) WITH ORDINALITY",
    more="(SELECT epoch FROM yupana.books WHERE book = %(book)s)",
)
_NEWEST = f"""
    SELECT {TAIL}, epoch,
        (SELECT hash FROM yupana.journal WHERE book = %(book)s AND seq = %(known_seq)s)
    FROM yupana.books WHERE book = %(book)s
"""
_ACCOUNTS_AS_OF = accounts_statement(
    "SELECT * FROM unnest(%(accounts)s::text[]) WITH ORDINALITY", until="AND seq <= %(until)s"
)
_LAST = "(SELECT moment.seq FROM moment)"
_ACCOUNTS_AT = f"""
    WITH moment AS MATERIALIZED (
        SELECT yupana.seq_at(%(book)s::integer, {moment("at")}) AS seq
    )
    {
    accounts_statement(
        "SELECT * FROM unnest(%(accounts)s::text[]) WITH ORDINALITY",
        until=f"AND seq <= {_LAST}",
        tail=_LAST,
    )
}
"""
_IDS = f"""
    SELECT tail, found.id, found.seq FROM (SELECT {TAIL} AS tail) here
    LEFT JOIN LATERAL (
        SELECT id, seq FROM yupana.ids WHERE book = %(book)s AND id = ANY(%(ids)s)
    ) found ON true
"""
ENTRIES = f"SELECT {SELECT_LIST} FROM yupana.journal WHERE book = %(book)s"
_LINES = f"""
    SELECT {LINE} FROM yupana.journal WHERE book = %(book)s AND seq > %(after)s
    ORDER BY seq LIMIT %(limit)s
"""
TRANSFERS = f"""
    SELECT {SELECT_LIST}, words.* FROM yupana.journal {WORDS} WHERE book = %(book)s
"""
"""Entries with their words; `read_transfer` reads its rows."""


def with_tail(statement: str) -> str:
    """Return a statement that gives the book's tail in the same snapshot before each row.

    When there are no rows, one comes that has nothing but the tail.
    """
    return (
        f"SELECT tail, found.* FROM (SELECT {TAIL} AS tail) here "
        f"LEFT JOIN LATERAL ({statement}) found ON true"
    )


def newest_by_hold(holds: str) -> str:
    """Return the statement that gives the newest entry about each hold that `holds` gives."""
    return (
        f"SELECT newest.* FROM ({holds}) AS wanted (hold) CROSS JOIN LATERAL "
        f"({ENTRIES} AND hold = wanted.hold AND reason IS NULL ORDER BY seq DESC LIMIT 1) newest"
    )


_HOLDS = with_tail(newest_by_hold("SELECT unnest(%(holds)s::text[])"))
_GROUPS = with_tail(
    "SELECT hold_group, hold FROM yupana.journal WHERE book = %(book)s AND kind = 4 "
    "AND reason IS NULL AND hold_group = ANY(%(groups)s) ORDER BY seq"
)
_REVERSED = with_tail(
    "SELECT wanted.target, newest.reversed_amount "
    "FROM unnest(%(targets)s::text[]) AS wanted (target) CROSS JOIN LATERAL ("
    "SELECT reversed_amount FROM yupana.journal WHERE book = %(book)s AND reason IS NULL "
    "AND reverses = wanted.target ORDER BY seq DESC LIMIT 1) newest"
)
# Which holds may be open says the projection, and since then the journal; how they stand says the
# journal alone. So a projection can be late, and cost time, but not be wrong.
_HOLDS_OF_ACCOUNTS = " UNION ".join(
    f"SELECT hold FROM yupana.open_holds WHERE book = %(book)s AND version = {VERSION} "
    f"AND {side}_account = ANY(%(accounts)s) UNION "
    f"SELECT hold FROM yupana.journal WHERE book = %(book)s AND reason IS NULL "
    f"AND hold IS NOT NULL AND {side}_account = ANY(%(accounts)s) AND seq > {FOLDED}"
    for side in ("debit", "credit")
)
_OPEN_HOLDS = f"""
    WITH {here(Projection.OPEN_HOLDS)}
    SELECT tail, newest.* FROM here LEFT JOIN LATERAL (
        {newest_by_hold(_HOLDS_OF_ACCOUNTS)} WHERE hold_remaining_text <> '0'
    ) newest ON true
"""
_CLOSED_BEFORE = """
    SELECT (content ->> 'before')::bigint FROM yupana.journal
    WHERE book = %(book)s AND reason IS NULL AND kind = 17 ORDER BY seq DESC LIMIT 1
"""
ASSETS = f"""
    SELECT asset, (content ->> 'scale')::int,
        (extract(epoch FROM recorded_at) * 1000000)::bigint
    FROM yupana.journal WHERE book = %(book)s AND reason IS NULL AND kind = {int(Kind.OPEN_ASSET)}
"""


class JournalReader(Pool):
    """Reads through a pool of connections to the primary.

    Every method raises UnavailableError when the database cannot answer.
    """

    def __init__(
        self,
        url: str,
        *,
        connections_max: int,
        application: str = READ_APPLICATION,
        synchronous_commit: str = "on",
        answer_timeout_s: float = BoundedConnection.answer_timeout_s,
        session: Mapping[str, Any] = {},
    ):
        """`session` are parameters of a connection that differ from what others have."""
        super().__init__(
            url,
            name="reads",
            connections_max=connections_max,
            answer_timeout_s=answer_timeout_s,
            settings={
                "cursor_factory": psycopg.AsyncRawCursor,
                # At first sight: every statement comes again, and the long ones take 10 ms to plan.
                "prepare_threshold": 0,
                **session_settings(application, synchronous_commit=synchronous_commit),
                **session,
            },
        )

    async def create_book(self, book_id: str) -> None:
        """Create the book unless it is there.

        R9: it begins in the newest epoch of all books. Had there been one of the same id before a
        restore, which is gone with all that came later, its tokens are of an earlier epoch.
        """
        await self.rows(
            "INSERT INTO yupana.books (id, epoch) "
            "SELECT %(id)s, coalesce(max(epoch), 1) FROM yupana.epochs "
            "ON CONFLICT (id) DO NOTHING RETURNING book",
            {"id": book_id},
        )

    async def book(self, book_id: str) -> BookRow | None:
        """Return the book, None when there is none."""
        rows = await self.rows(f"{BOOKS} WHERE id = %(id)s", {"id": book_id})
        return read_book(rows[0]) if rows else None

    async def tail(self, book: BookRow) -> TailPoint:
        """Return the newest entry's place and time."""
        rows = await self.rows(
            f"SELECT newest.*, ({_CLOSED_BEFORE}) "
            f"FROM ({ENTRIES} ORDER BY seq DESC LIMIT 1) newest",
            {"book": book.number},
        )
        if not rows:
            return TailPoint(genesis(book.id), 0)
        entry, digest = decode(rows[0][:-1])
        return TailPoint(Link(entry.seq, digest), entry.recorded_at, rows[0][-1])

    async def newest(self, book: int, *, known_seq: int) -> Newest:
        """Return the newest entry's seq, the book's epoch, and the hash of an entry that is known.

        Without the book there is nothing, in epoch 0.
        """
        rows = await self.rows(_NEWEST, {"book": book, "known_seq": known_seq})
        return Newest(*rows[0]) if rows else Newest(0, 0, None)

    async def entries(self, book: int, *, after: int, limit: int) -> list[StoredEntry]:
        """Return the entries that follow seq `after`, in order, none skipped."""
        rows = await self.rows(
            f"{ENTRIES} AND seq > %(after)s ORDER BY seq LIMIT %(limit)s",
            {"book": book, "after": after, "limit": limit},
        )
        return [StoredEntry(*decode(row)) for row in rows]

    async def lines(self, book: int, *, after: int, limit: int) -> list[str]:
        """Return the entries that follow seq `after`, in order; `read_line` reads them."""
        rows = await self.rows(_LINES, {"book": book, "after": after, "limit": limit})
        return [line for [line] in rows]

    async def accounts(self, book: int, accounts: Sequence[str]) -> Loaded[Account]:
        """Return the accounts, in the order asked for, None for each that is not open."""
        rows = await self.rows(_ACCOUNTS, {"book": book, "accounts": list(accounts)})
        facts = {str(row[1]): read_account(row[:-1]) for row in rows if row[1] is not None}
        return Loaded(int(rows[0][0]), facts, rows[0][-1] or 0)

    async def accounts_as_of(
        self, book: int, accounts: Sequence[str], *, seq: int
    ) -> Loaded[Account]:
        """Return the accounts as they were after an entry, None for each not open by then."""
        rows = await self.rows(
            _ACCOUNTS_AS_OF, {"book": book, "accounts": list(accounts), "until": seq}
        )
        facts = {str(row[1]): read_account(row) for row in rows if row[1] is not None}
        return Loaded(int(rows[0][0]), facts)

    async def accounts_at(self, book: int, accounts: Sequence[str], *, at: int) -> Loaded[Account]:
        """Return the accounts as they were recorded at a time, None for each not open by then.

        The entry that they are read at is the newest one by that time, not the tail.
        """
        rows = await self.rows(_ACCOUNTS_AT, {"book": book, "accounts": list(accounts), "at": at})
        facts = {str(row[1]): read_account(row) for row in rows if row[1] is not None}
        return Loaded(int(rows[0][0]), facts)

    async def seq_at(self, book: int, at: int) -> int:
        """Return the newest entry recorded at or before a time; 0 when there is none."""
        rows = await self.rows(
            f"SELECT yupana.seq_at(%(book)s::integer, {moment('at')})",
            {"book": book, "at": at},
        )
        return int(rows[0][0])

    async def holds(self, book: int, holds: Sequence[str]) -> Loaded[Hold]:
        """Return the holds as they stand, None for each that there is not."""
        rows = await self.rows(_HOLDS, {"book": book, "holds": list(holds)})
        found = {hold.id: hold for hold in read_holds(rows)}
        return Loaded(int(rows[0][0]), {hold: found.get(hold) for hold in holds})

    async def open_holds(self, book: int, accounts: Sequence[str]) -> Loaded[Hold]:
        """Return the open holds of these accounts, in no order."""
        rows = await self.rows(_OPEN_HOLDS, {"book": book, "accounts": list(accounts)})
        return Loaded(int(rows[0][0]), {hold.id: hold for hold in read_holds(rows)})

    async def groups(self, book: int, groups: Sequence[str]) -> Loaded[tuple[str, ...]]:
        """Return the holds ever created in these groups, in the order of their creation."""
        rows = await self.rows(_GROUPS, {"book": book, "groups": list(groups)})
        members: dict[str, tuple[str, ...] | None] = dict.fromkeys(groups, ())
        for _, group, hold in rows:
            if group is not None:
                members[group] = (*(members[group] or ()), hold)
        return Loaded(int(rows[0][0]), members)

    async def reversed_amounts(self, book: int, targets: Sequence[str]) -> Loaded[int]:
        """Return how much of these transfers is reversed."""
        rows = await self.rows(_REVERSED, {"book": book, "targets": list(targets)})
        amounts: dict[str, int | None] = dict.fromkeys(targets, 0)
        amounts |= {row[1]: int(row[2]) for row in rows if row[1] is not None}
        return Loaded(int(rows[0][0]), amounts)

    async def assets(self, book: int, assets: Sequence[str]) -> Loaded[Asset]:
        """Return the assets, None for each that is not open."""
        rows = await self.rows(
            with_tail(f"{ASSETS} AND asset = ANY(%(assets)s)"),
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

    async def words(self, book: int, seqs: Sequence[int]) -> dict[int, Words]:
        """Return the words of these entries; those without are absent."""
        if not seqs:
            return {}
        rows = await self.rows(
            "SELECT seq, labels, description, reference FROM yupana.labels "
            "WHERE book = %(book)s AND seq = ANY(%(seqs)s)",
            {"book": book, "seqs": list(seqs)},
        )
        return {row[0]: Words(row[1], row[2] or "", row[3] or "") for row in rows}

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one statement of this package and return its rows."""
        operation = statement.split(maxsplit=1)[0].strip("(")
        async with self.connection(operation, "yupana") as connection:
            text, names = numbered(statement)
            cursor = await connection.execute(text, [parameters[n] for n in names])
            return await cursor.fetchall()

    async def _configure(self, connection: BoundedConnection) -> None:
        await super()._configure(connection)
        # By default the type follows the value: 1 is a smallint, 70000 an integer. Each combination
        # of types is a prepared statement of its own, and connections keep a hundred of those.
        connection.adapters.register_dumper(int, Int8Dumper)


@lru_cache(maxsize=1024)
def numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Write `%(name)s` as `$1`, once; psycopg would for every call of a long one, 0.2 ms each."""
    names: dict[str, int] = {}
    text = _NAMED.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", statement)
    return text.replace("%%", "%").encode(), tuple(names)


_NAMED = re.compile(r"%\((\w+)\)s")


def read_holds(rows: Sequence[Sequence[Any]]) -> list[Hold]:
    """Read rows of the newest entries about holds, each after the tail."""
    return [hold_of(decode(row[1:])[0]) for row in rows if row[1] is not None]


def read_book(row: Sequence[Any]) -> BookRow:
    """Read a row of BOOKS."""
    *facts, cuts = row
    return BookRow._make((*facts, tuple((epoch, common) for epoch, common in cuts)))


def read_transfer(row: Sequence[Any]) -> TransferRow:
    """Read a row of TRANSFERS."""
    return TransferRow.read(decode(row[:-3])[0], *row[-3:])


def read_asset(row: Sequence[Any]) -> Asset:
    """Read a row of ASSETS."""
    return Asset(row[0], row[1], row[2])
