"""Reads from a replica of the database, each of which looks how far the replica has got.

What is looked up and what is read are of one snapshot: so nothing rests on a replica only moving
on, nor on one address meaning the same server twice.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from yupana_server.journal.reads import JournalReader, numbered

WAIT_S = 0.25
"""How long a read waits for a connection to a replica: the primary is there as well."""

ANSWER_TIMEOUT_S = 2.0


class ReplicaBehindError(Exception):
    """The replica has not replayed far enough, or is of another epoch."""


class Wanted(NamedTuple):
    """What a replica must have replayed."""

    book: int
    epoch: int
    """R9: exactly this one."""
    seq: int


_wanted: ContextVar[Wanted | None] = ContextVar("wanted", default=None)

_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CHECK = b"""
    SELECT EXISTS (SELECT FROM yupana.books WHERE book = $1 AND epoch = $2)
        AND ($3 = 0 OR EXISTS (SELECT FROM yupana.journal WHERE book = $1 AND seq = $3))
"""


@contextmanager
def wanting(wanted: Wanted) -> Iterator[None]:
    """Have every read of a replica in this block look whether it has got there."""
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


class ReplicaReader(JournalReader):
    """Reads through a pool of connections to a replica, inside `wanting` alone.

    Every method raises UnavailableError when the replica cannot answer, and ReplicaBehindError when
    it has not got far enough.
    """

    def __init__(self, url: str, *, connections_max: int, application: str):
        super().__init__(
            url,
            connections_max=connections_max,
            application=application,
            answer_timeout_s=ANSWER_TIMEOUT_S,
            session={"target_session_attrs": "any"},
        )
        self._pool.timeout = WAIT_S

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one statement and return its rows, in a snapshot that has what is wanted.

        Raises:
            ReplicaBehindError: It has not.
        """
        wanted = _wanted.get()
        if wanted is None:
            raise ReplicaBehindError
        async with self.connection("SELECT", "yupana") as connection:
            text, names = numbered(statement)
            async with connection.pipeline():
                await connection.execute(_BEGIN)
                check = await connection.execute(_CHECK, wanted)
                cursor = await connection.execute(text, [parameters[name] for name in names])
                await connection.execute(b"COMMIT")
            if (await check.fetchone()) != (True,):
                raise ReplicaBehindError
            return await cursor.fetchall()

    async def replayed(self) -> str | None:
        """Return up to where of the log the replica has replayed; None when it is none."""
        async with self.connection("SELECT", "pg_catalog") as connection:
            cursor = await connection.execute(b"SELECT pg_last_wal_replay_lsn()::text")
            row = await cursor.fetchone()
            return None if row is None else row[0]


async def behind_bytes(primary: JournalReader, replica: ReplicaReader) -> int:
    """Return how much of the primary's log a replica has not replayed; 0 when it is no replica."""
    replayed = await replica.replayed()
    if replayed is None:
        return 0
    rows = await primary.rows(
        "SELECT greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), %(replayed)s::pg_lsn))::bigint",
        {"replayed": replayed},
    )
    return int(rows[0][0])
