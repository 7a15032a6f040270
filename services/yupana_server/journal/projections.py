"""Keeps projections: finds what is behind, folds page by page, makes and drops versions.

Every change of a projection's rows is one transaction with the change of its watermark, which is
compared and set first. So whoever comes second, however many feeds there are, finds the watermark
moved on and does nothing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg

from yupana_server.journal.connect import FEED_APPLICATION, session_settings
from yupana_server.journal.folds import FOLDS, TABLES
from yupana_server.journal.marks import Projection
from yupana_server.journal.pieces import TAIL
from yupana_server.journal.pool import Pool

PAGE_ENTRIES = 5_000
"""How many entries are folded by one transaction: about 100 ms."""

FOLD_TIMEOUT_S = 60.0
"""To fold a page takes longer than to read one, and nobody waits for it."""

DROP_ROWS = 5_000
"""How many rows of a dropped version are deleted by one statement."""

OPEN_HOLDS_MAX = 1_000_000
"""How many open holds are counted; more are not told apart."""

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class Mark(NamedTuple):
    """How far a version of a book's projection is folded."""

    book: int
    book_id: str
    projection: Projection
    version: int
    """0 when there is none yet."""
    seq: int
    tail: int
    """The newest entry of the book."""
    intact: bool
    """R1: the journal still has the entry that the projection is folded up to."""


# One index probe for the tail of every book, none for its entries: 5 ms for 1,000 books.
_CHANGED = """
    SELECT b.book, b.id, wanted.projection, coalesce(p.version, 0), coalesce(p.seq, 0), newest.seq,
        coalesce(p.seq, 0) = 0 OR EXISTS (
            SELECT FROM yupana.journal j
            WHERE j.book = b.book AND j.seq = p.seq AND j.hash = p.hash
        )
    FROM yupana.books b CROSS JOIN LATERAL (
        SELECT seq, hash FROM yupana.journal j WHERE j.book = b.book ORDER BY seq DESC LIMIT 1
    ) newest
    CROSS JOIN unnest(%(projections)s::text[]) AS wanted (projection)
    LEFT JOIN yupana.projections p
        ON p.book = b.book AND p.projection = wanted.projection AND p.state = 'live'
    WHERE (
        SELECT count(*) FROM yupana.projections q
        WHERE q.book = b.book AND q.state = 'live' AND q.hash = newest.hash
    ) < cardinality(%(projections)s::text[]) AND p.hash IS DISTINCT FROM newest.hash
"""
_MARK = f"""
    SELECT b.book, b.id, p.projection, p.version, p.seq, {TAIL},
        p.seq = 0 OR EXISTS (
            SELECT FROM yupana.journal j
            WHERE j.book = b.book AND j.seq = p.seq AND j.hash = p.hash
        )
    FROM yupana.books b JOIN yupana.projections p USING (book)
    WHERE p.book = %(book)s AND p.projection = %(projection)s AND p.state <> 'dropping'
"""
_BEGIN_LIVE = """
    INSERT INTO yupana.projections (book, projection, version, state)
    VALUES (%(book)s, %(projection)s, 1, 'live') ON CONFLICT DO NOTHING
"""
_BEGIN_BUILDING = """
    INSERT INTO yupana.projections (book, projection, version, state)
    SELECT %(book)s, %(projection)s, coalesce(max(version), 0) + 1, 'building'
    FROM yupana.projections WHERE book = %(book)s AND projection = %(projection)s
    ON CONFLICT DO NOTHING RETURNING version
"""
_ADVANCE = f"""
    UPDATE yupana.projections p SET seq = page.seq, hash = page.hash
    FROM (
        SELECT seq, hash FROM yupana.journal
        WHERE book = %(book)s AND seq <= %(after)s + {PAGE_ENTRIES}
        ORDER BY seq DESC LIMIT 1
    ) page
    WHERE p.book = %(book)s AND p.projection = %(projection)s AND p.version = %(version)s
        AND p.state <> 'dropping' AND p.seq = %(after)s AND page.seq > p.seq
        AND (p.seq = 0 OR EXISTS (
            SELECT FROM yupana.journal j
            WHERE j.book = p.book AND j.seq = p.seq AND j.hash = p.hash
        ))
    RETURNING p.seq
"""
_RETIRE = """
    UPDATE yupana.projections SET state = 'dropping'
    WHERE book = %(book)s AND projection = %(projection)s AND version < %(version)s
"""
_GO_LIVE = """
    UPDATE yupana.projections SET state = 'live'
    WHERE book = %(book)s AND projection = %(projection)s AND version = %(version)s
        AND state = 'building'
"""
_OPEN_HOLDS = f"""
    SELECT count(*) FROM (
        SELECT FROM yupana.projections p JOIN yupana.open_holds h USING (book, version)
        WHERE p.projection = '{Projection.OPEN_HOLDS.value}' AND p.state = 'live'
        LIMIT {OPEN_HOLDS_MAX}
    ) counted
"""
_DROPPING = """
    SELECT book, projection, version FROM yupana.projections WHERE state = 'dropping'
"""
_DROP_ROWS = f"""
    DELETE FROM yupana.{{table}} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM yupana.{{table}}
        WHERE book = %(book)s AND version = %(version)s LIMIT {DROP_ROWS}
    ))
"""
_FORGET = """
    DELETE FROM yupana.projections
    WHERE book = %(book)s AND projection = %(projection)s AND version = %(version)s
        AND state = 'dropping'
"""


class ProjectionStore(Pool):
    """Writes projections through a pool of connections, as the role of the feed.

    Every method raises UnavailableError when the database cannot answer.
    """

    def __init__(self, url: str, *, connections_max: int):
        super().__init__(
            url,
            name="projections",
            connections_max=connections_max,
            answer_timeout_s=FOLD_TIMEOUT_S,
            # Rows and watermark are lost together or not at all: nothing has to wait for the disk.
            settings=session_settings(FEED_APPLICATION, synchronous_commit="off"),
        )

    async def schema(self) -> str:
        """Return the name of the newest migration that the database has."""
        rows = await self._rows("SELECT version_num FROM yupana.migrations", {})
        return str(rows[0][0]) if rows else "none"

    async def books(self, book_id: str | None) -> list[tuple[int, str]]:
        """Return number and id of a book, or of all of them, in the order of their ids."""
        rows = await self._rows(
            "SELECT book, id FROM yupana.books "
            "WHERE %(id)s::text IS NULL OR id = %(id)s ORDER BY id",
            {"id": book_id},
        )
        return [(int(number), str(name)) for number, name in rows]

    async def changed(self) -> list[Mark]:
        """Return the live version of every projection that is behind its book's journal."""
        rows = await self._rows(_CHANGED, {"projections": [each.value for each in Projection]})
        return [_mark(row) for row in rows]

    async def mark(self, book: int, projection: Projection, version: int | None) -> Mark | None:
        """Return a version of a projection, the live one unless one is named; None without one."""
        which = "AND p.state = 'live'" if version is None else "AND p.version = %(version)s"
        rows = await self._rows(
            f"{_MARK} {which}",
            {"book": book, "projection": projection.value, "version": version},
        )
        return _mark(rows[0]) if rows else None

    async def open_holds(self) -> int:
        """Count the open holds of all books as far as they are folded; OPEN_HOLDS_MAX at most."""
        return int((await self._rows(_OPEN_HOLDS, {}))[0][0])

    async def begin_live(self, book: int, projection: Projection) -> None:
        """Make the first version of a projection, unless there is one."""
        await self._run(_BEGIN_LIVE, {"book": book, "projection": projection.value})

    async def begin_building(self, book: int, projection: Projection) -> int:
        """Make a version that is to be folded from nothing, and return its number."""
        parameters = {"book": book, "projection": projection.value}
        while not (rows := await self._rows(_BEGIN_BUILDING, parameters)):
            pass  # Somebody else took this number at the same moment; the next one is free.
        return int(rows[0][0])

    async def fold(self, mark: Mark) -> int | None:
        """Fold the next page of entries and return up to which.

        None, and nothing was folded, when there is none, when another feed was first, when the
        version is gone, or when the journal is no longer what was folded.
        """
        parameters = {
            "book": mark.book,
            "projection": mark.projection.value,
            "version": mark.version,
            "after": mark.seq,
        }
        table = f"yupana.{mark.projection.value}"
        async with self.connection("UPDATE", table) as connection, connection.transaction():
            cursor = await connection.execute(_ADVANCE.encode(), parameters)
            row = await cursor.fetchone()
            if row is None:
                return None
            statement = FOLDS[mark.projection]
            await connection.execute(statement.encode(), {**parameters, "until": row[0]})
            return int(row[0])

    async def switch(self, mark: Mark) -> bool:
        """Have a version that was built serve from now on; False when it is gone."""
        parameters = {
            "book": mark.book,
            "projection": mark.projection.value,
            "version": mark.version,
        }
        async with (
            self.connection("UPDATE", "yupana.projections") as connection,
            connection.transaction(),
        ):
            await connection.execute(_RETIRE.encode(), parameters)
            cursor = await connection.execute(_GO_LIVE.encode(), parameters)
            return cursor.rowcount == 1

    async def drop(self, *, rows_max: int | None = None) -> int:
        """Delete the rows of versions that do not serve any more, in batches.

        Returns how many were deleted: all, or with `rows_max` about so many.
        """
        deleted = 0
        for book, name, version in await self._rows(_DROPPING, {}):
            parameters = {"book": book, "projection": name, "version": version}
            for table in TABLES[Projection(name)]:
                statement = _DROP_ROWS.format(table=table)
                while count := await self._run(statement, parameters):
                    deleted += count
                    if rows_max is not None and deleted >= rows_max:
                        return deleted
            await self._run(_FORGET, parameters)
        return deleted

    async def _rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        async with self.connection(_operation(statement), "yupana") as connection:
            cursor = await connection.execute(statement.encode(), parameters)
            return await cursor.fetchall()

    async def _run(self, statement: str, parameters: Mapping[str, Any]) -> int:
        async with self.connection(_operation(statement), "yupana") as connection:
            return (await connection.execute(statement.encode(), parameters)).rowcount


def _operation(statement: str) -> str:
    return statement.split(maxsplit=1)[0]


def _mark(row: tuple[Any, ...]) -> Mark:
    book, book_id, projection, *numbers = row
    return Mark(book, book_id, Projection(projection), *numbers)
