"""Appends batches of entries: lock, tail, COPY, commit.

Four round trips a batch, in two messages of the simple query protocol (a few entries may go by one:
see `brief`):

1. `BEGIN; lock the book's row; clock; entries from S on` answers with the tail, as of a moment when
   nobody else can append.
2. `COPY journal; COPY ids; COPY labels; COMMIT` asks for the rows of each table in turn and
   commits after the last.

Between the two the lock is held, so a writer that finds others' entries decides again and is sure
to get its turn: waiting for the row is a fair queue.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import psycopg
from psycopg import generators, pq, waiting
from psycopg.abc import PQGen
from psycopg.pq.abc import PGresult

from yupana_server.journal import brief
from yupana_server.journal.connect import APPEND_APPLICATION, connect
from yupana_server.journal.encoding import EncodedBatch
from yupana_server.journal.errors import (
    BookNotFoundError,
    ConflictError,
    PoisonError,
    StuckError,
    UnavailableError,
    UnknownCommitError,
)
from yupana_server.journal.rows import COLUMNS
from yupana_server.journal.spans import database_span
from yupana_server.journal.tail_lines import LINE

TAIL_ENTRIES_MAX = 20_000
"""How many entries one message brings; who is further behind reads them outside the lock first.

More than a few servers write in their turns: who waited for all of them must not lose its own.
"""

COPY_CHUNK_CHARS = 262_144
"""Large enough to cost few calls, small enough for libpq's buffer (psycopg ticket 255)."""

ROLLBACK_TIMEOUT_S = 5.0

WAITED_S = 0.005
"""Who takes longer to lock a book and to read its tail has waited, and that is traced."""

T = TypeVar("T")

_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text"

_PREPARE_TAIL = (
    "PREPARE tail (bigint, bigint) AS "
    f"SELECT {LINE} FROM yupana.journal WHERE book = $1 AND seq >= $2 "
    f"ORDER BY seq LIMIT {TAIL_ENTRIES_MAX}"
)
"""All but brief appends begin with it. To plan it takes Postgres 0.7 ms, to run it 0.1 ms."""

_TRY_AGAIN = {"23505", "40P01", "40001"}
_LOCK_TIMEOUT = "55P03"
_NO_PARTITION = "23514"
_SCHEMA_CLASS = "42"
"""Missing tables, columns or rights: the database is not ready for us, whatever the batch says."""

_DATA_CLASSES = ("21", "22", "23", "54", "P0")
"""What a row can be blamed for: values, constraints, sizes, triggers."""


class Tail(NamedTuple):
    """What the append connection sees while it holds the book's lock."""

    asked_at: int
    """The database's clock before it waited for the lock, microseconds since the Unix epoch."""
    locked_at: int
    """The same when it had the lock."""
    epoch: int
    lines: list[str]
    """The entries from the one asked for on, in order; at most TAIL_ENTRIES_MAX."""


class Appender:
    """A direct connection of its own that appends to one book at a time.

    Never cancel a call: run it in a task of its own (R3). After any error but those of `begin`
    that roll back, close it and open another one.
    """

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]], book: int):
        self._connection = connection
        self._book = book
        self._warnings: list[str] = []
        connection.add_notice_handler(self._notice)

    @classmethod
    async def open(cls, url: str, book: int) -> "Appender":
        """Connect.

        Raises:
            UnavailableError: The database cannot be reached, or has no journal.
        """
        try:
            connection = await connect(url, application=APPEND_APPLICATION)
        except psycopg.OperationalError as error:
            raise UnavailableError(str(error)) from error
        try:
            types = await connection.execute(brief.COLUMN_TYPES)
            preparations = brief.preparations(
                {str(name): str(type_) for name, type_ in await types.fetchall()}
            )
            await connection.execute("; ".join([_PREPARE_TAIL, *preparations]).encode())
        except BaseException as error:
            await connection.close()
            if isinstance(error, psycopg.Error | KeyError):  # Or a column is missing.
                raise UnavailableError(str(error)) from error
            raise
        return cls(connection, book)

    @property
    def process_id(self) -> int:
        """The id of the Postgres process that serves this connection."""
        return self._connection.info.backend_pid

    async def close(self) -> None:
        """Close the connection; what is not committed is gone."""
        await self._connection.close()

    async def begin(self, from_seq: int, timeout_s: float) -> Tail:
        """Lock the book and read its entries from `from_seq` on.

        Raises:
            StuckError: Somebody else held the lock for longer than the lock time-out.
            UnavailableError: The connection is of no more use.
        """
        try:
            with database_span("SELECT", "yupana.journal", least_s=WAITED_S) as call:
                results = await self._wait(self._query(self._begin_sql(from_seq)), timeout_s)
                if (failed := _failure(results)) is not None:
                    call.failure = _sqlstate(failed)
        except (psycopg.Error, TimeoutError) as error:
            raise UnavailableError(str(error)) from error
        if failed is not None:
            await self.rollback()
            if _sqlstate(failed) in {_LOCK_TIMEOUT, *_TRY_AGAIN}:
                raise StuckError("the book's row stayed locked")
            raise UnavailableError(_refusal(failed))
        if results[2].ntuples == 0:
            await self.rollback()
            raise BookNotFoundError(str(self._book))
        return self._read_tail(results)

    async def commit(self, batch: EncodedBatch, timeout_s: float) -> None:
        """Write the batch and commit. `begin` must have been called.

        Raises:
            ConflictError: Rolled back; decide again.
            PoisonError: Rolled back; Postgres refuses a row.
            UnavailableError: Not committed, and the connection is of no more use.
            UnknownCommitError: Nobody knows; the connection is of no more use.
        """
        self._warnings.clear()
        try:
            with database_span("COPY", "yupana.journal") as call:
                failed = await self._wait(self._copy(batch), timeout_s)
                if failed is not None:
                    call.failure = _sqlstate(failed)
        except (psycopg.Error, TimeoutError) as error:
            raise UnknownCommitError(str(error)) from error
        if failed is not None:
            await self._raise_failure(failed)
        self._raise_warnings()

    async def append_briefly(
        self, batch: EncodedBatch, *, decided_at: int, sent_at: int, timeout_s: float
    ) -> bool:
        """Lock the book, write the batch and commit, by one message; `brief` says when that is.

        The times are our clock's, in microseconds since the Unix epoch. Returns False when nothing
        was recorded, because something is not as it was known: `begin` tells what.

        Raises:
            StuckError: Somebody else held the lock for longer than the lock time-out.
            ConflictError: Rolled back; decide again.
            PoisonError: Rolled back; Postgres refuses a row.
            UnavailableError: Not committed, and the connection is of no more use.
            UnknownCommitError: Nobody knows; the connection is of no more use.
        """
        statement = brief.message(
            self._book, batch.start, batch.journal, decided_at=decided_at, sent_at=sent_at
        )
        self._warnings.clear()
        try:
            with database_span("INSERT", "yupana.journal") as call:
                results = await self._wait(self._query(statement.encode()), timeout_s)
                if (failed := _failure(results)) is not None:
                    call.failure = _sqlstate(failed)
        except (psycopg.Error, TimeoutError) as error:
            raise UnknownCommitError(str(error)) from error
        if failed is not None:
            if _sqlstate(failed) == _LOCK_TIMEOUT:
                await self.rollback()
                raise StuckError("the book's row stayed locked")
            await self._raise_failure(failed)
        self._raise_warnings()
        return brief.recorded(results)

    async def confirm(self, timeout_s: float) -> None:
        """Commit nothing but a heartbeat. `begin` must have been called.

        R3: when it has committed, so has everything that was visible, on the standby too.

        Raises:
            UnknownCommitError: It did not go well; the connection is of no more use.
        """
        statement = (
            f"UPDATE yupana.books SET heartbeat = heartbeat + 1 WHERE book = {self._book}; COMMIT"
        )
        self._warnings.clear()
        try:
            results = await self._wait(self._query(statement.encode()), timeout_s)
        except (psycopg.Error, TimeoutError) as error:
            raise UnknownCommitError(str(error)) from error
        failed = _failure(results)
        if failed is not None:
            raise UnknownCommitError(_refusal(failed))
        self._raise_warnings()

    async def rollback(self) -> None:
        """Give up what `begin` began, and the lock.

        Raises:
            UnavailableError: The connection is of no more use.
        """
        try:
            await self._wait(self._query(b"ROLLBACK"), ROLLBACK_TIMEOUT_S)
        except (psycopg.Error, TimeoutError) as error:
            raise UnavailableError(str(error)) from error

    async def _wait(self, steps: PQGen[T], timeout_s: float) -> T:
        return await self._connection.wait(steps, timeout=timeout_s)

    def _raise_warnings(self) -> None:
        # Postgres reports success with a warning when it stopped waiting for the standby.
        if self._warnings:
            raise UnknownCommitError("; ".join(self._warnings))

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            self._warnings.append(diagnostic.message_primary or "warning")

    def _begin_sql(self, from_seq: int) -> bytes:
        book = self._book
        return (
            "BEGIN; "
            f"{_CLOCK}; "
            f"SELECT epoch::text FROM yupana.books WHERE book = {book} FOR NO KEY UPDATE; "
            f"{_CLOCK}; "
            f"EXECUTE tail ({book}, {from_seq})"
        ).encode()

    def _read_tail(self, results: list[PGresult]) -> Tail:
        _, asked_at, locked, locked_at, rows = results
        lines = [rows.get_value(row, 0) or b"" for row in range(rows.ntuples)]
        return Tail(
            asked_at=int(asked_at.get_value(0, 0) or b"0"),
            locked_at=int(locked_at.get_value(0, 0) or b"0"),
            epoch=int(locked.get_value(0, 0) or b"0"),
            lines=[line.decode() for line in lines],
        )

    def _query(self, statement: bytes) -> PQGen[list[PGresult]]:
        pgconn = self._connection.pgconn
        pgconn.send_query(statement)
        results: list[PGresult] = yield from generators.execute(pgconn)
        return results

    def _copy(self, batch: EncodedBatch) -> PQGen[PGresult | None]:
        """Return the error that Postgres reported, None when all is committed."""
        pgconn = self._connection.pgconn
        texts = [batch.journal, batch.ids]
        statement = (
            f"COPY yupana.journal (book, {COLUMNS}, hash) FROM STDIN; "
            "COPY yupana.ids (book, id, seq) FROM STDIN; "
        )
        if batch.words:
            texts.append(batch.words)
            statement += (
                "COPY yupana.labels (book, seq, labels, description, reference) FROM STDIN; "
            )
        if batch.erased:
            seqs = ", ".join(map(str, batch.erased))
            statement += (
                f"DELETE FROM yupana.labels WHERE book = {self._book} AND seq IN ({seqs}); "
            )
        pgconn.send_query((statement + "COMMIT").encode())
        results = yield from generators.execute(pgconn)
        for text in texts:
            if results[-1].status != pq.ExecStatus.COPY_IN:
                break
            for chunk in _chunks(text):
                yield from generators.copy_to(pgconn, chunk, flush=True)
            results = yield from _end_copy(pgconn)
        return _failure(results)

    async def _raise_failure(self, failed: PGresult) -> None:
        state = _sqlstate(failed)
        message = _refusal(failed)
        if state in _TRY_AGAIN or state == _LOCK_TIMEOUT:
            await self.rollback()
            raise ConflictError(message)
        if state == _NO_PARTITION or state.startswith(_SCHEMA_CLASS):
            await self.rollback()
            raise UnavailableError(message)
        if state.startswith(_DATA_CLASSES):
            await self.rollback()
            raise PoisonError(message)
        # A session that is ended while its commit waits for the standby reports an error too.
        raise UnknownCommitError(message)


def _end_copy(pgconn: pq.abc.PGconn) -> PQGen[list[PGresult]]:
    while pgconn.put_copy_end() == 0:
        yield waiting.Wait.W
    results: list[PGresult] = yield from generators.execute(pgconn)
    return results


def _chunks(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), COPY_CHUNK_CHARS):
        yield text[start : start + COPY_CHUNK_CHARS].encode()


def _failure(results: list[PGresult]) -> PGresult | None:
    return next((r for r in results if r.status == pq.ExecStatus.FATAL_ERROR), None)


def _refusal(result: PGresult) -> str:
    """Say what Postgres reported without its own words, which show the row: they reach the log."""
    fields = (
        pq.DiagnosticField.TABLE_NAME,
        pq.DiagnosticField.COLUMN_NAME,
        pq.DiagnosticField.CONSTRAINT_NAME,
    )
    names = [name.decode() for field in fields if (name := result.error_field(field))]
    return " ".join(["SQLSTATE", _sqlstate(result), *names])


def _sqlstate(result: PGresult) -> str:
    return (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
