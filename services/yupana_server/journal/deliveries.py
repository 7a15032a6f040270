"""Deliveries of webhooks, as those move them who make them.

Who delivers for a book holds its lease. Nothing here rests on that: a cursor moves only from where
the mover knew it to be, in the transaction that writes what it found there, and a result is taken
only for the attempt that it is of. So a second one at work can deliver twice, never lose.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from yupana_server.journal.epochs import Epochs
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.webhook_rows import (
    SERVED,
    Cursor,
    DeliveryState,
    EndpointRow,
    EndpointState,
    Health,
    NewDelivery,
    Result,
    WaitingRow,
)
from yupana_server.journal.webhooks import ENDPOINT, read_endpoint

TIDIED_MAX = 5_000
"""How many rows one statement deletes."""


class Look(NamedTuple):
    """What can be seen of an endpoint without reading what it has."""

    book: int
    book_id: str
    endpoint: str
    version: int
    state: EndpointState
    lag: int
    """Entries that it was not looked through."""
    epoch_changed: bool
    """R9: whether the book began another epoch since."""


class Secret(NamedTuple):
    """What is signed with, until when."""

    secret: bytes
    expires_at: datetime | None

    def __repr__(self) -> str:
        """Keep it out of logs and stack traces."""
        return f"Secret(***, {self.expires_at})"


# One index probe for the tail of every book that has endpoints.
_LOOK = """
    SELECT e.book, b.id, e.endpoint, e.version, e.state,
        greatest(coalesce(newest.seq, 0) - e.cursor_seq, 0),
        b.epoch <> e.cursor_epoch OR coalesce(newest.seq, 0) < e.cursor_seq
    FROM yupana.webhook_endpoints e JOIN yupana.books b USING (book)
    LEFT JOIN LATERAL (
        SELECT seq FROM yupana.journal j WHERE j.book = e.book ORDER BY seq DESC LIMIT 1
    ) newest ON true
    WHERE e.book = ANY(%(books)s::integer[]) ORDER BY e.book, e.endpoint
"""
_SECRETS = """
    SELECT secret, expires_at FROM yupana.webhook_secrets
    WHERE book = %(book)s AND endpoint = %(endpoint)s
        AND (expires_at IS NULL OR expires_at > clock_timestamp())
    ORDER BY number DESC
"""
_WAITING = """
    SELECT run, seq, cut, hash, event_id, keys, attempts, due_at FROM yupana.webhook_deliveries
    WHERE book = %(book)s AND endpoint = %(endpoint)s AND state = 'waiting' ORDER BY run, seq
"""
_HELD = """
    e.book = %(book)s AND e.endpoint = %(endpoint)s AND e.version = %(version)s
    AND e.run = %(run)s AND e.cursor_seq = %(from_seq)s
"""
_INSERT = """
    INSERT INTO yupana.webhook_deliveries
        (book, endpoint, run, seq, cut, hash, event_id, type, subject, keys)
    SELECT moved.book, moved.endpoint, moved.run, found.seq, found.cut, found.hash, found.event_id,
        found.type, found.subject, string_to_array(found.keys, ' ')
    FROM moved CROSS JOIN unnest(
        %(seqs)s::bigint[], %(cuts)s::boolean[], %(hashes)s::bytea[], %(event_ids)s::text[],
        %(types)s::text[], %(subjects)s::text[], %(keys)s::text[]
    ) AS found (seq, cut, hash, event_id, type, subject, keys)
    RETURNING seq
"""
_ADVANCE = f"""
    WITH moved AS (
        UPDATE yupana.webhook_endpoints e SET cursor_epoch = %(epoch)s, cursor_seq = %(seq)s,
            cursor_hash = %(hash)s
        WHERE {_HELD} RETURNING e.book, e.endpoint, e.run
    ), added AS ({_INSERT})
    SELECT run FROM moved
"""
# R9: what lies after the last common entry may be gone or be something else now.
_CUT = f"""
    WITH moved AS (
        UPDATE yupana.webhook_endpoints e SET cursor_epoch = %(epoch)s, cursor_seq = %(seq)s,
            cursor_hash = (
                SELECT hash FROM yupana.journal WHERE book = %(book)s AND seq = %(seq)s
            ), run = e.run + 1
        WHERE {_HELD} RETURNING e.book, e.endpoint, e.run
    ), void AS (
        UPDATE yupana.webhook_deliveries d SET state = 'void', ended_at = clock_timestamp()
        FROM moved WHERE d.book = moved.book AND d.endpoint = moved.endpoint
            AND d.state = 'waiting' AND d.seq > %(seq)s
    ), added AS ({_INSERT})
    SELECT run FROM moved
"""
_COMMON = """
    SELECT coalesce(max(d.seq), 0) FROM yupana.webhook_deliveries d
    JOIN yupana.journal j ON j.book = d.book AND j.seq = d.seq AND j.hash = d.hash
    WHERE d.book = %(book)s AND d.endpoint = %(endpoint)s
"""
_RECORD = """
    UPDATE yupana.webhook_deliveries d SET state = told.state, attempts = told.attempts,
        due_at = told.due_at, began_at = told.began_at, took_s = told.took_s,
        status = told.status, error = told.error, excerpt = told.excerpt,
        ended_at = CASE WHEN told.state = 'waiting' THEN NULL ELSE clock_timestamp() END
    FROM unnest(
        %(runs)s::integer[], %(seqs)s::bigint[], %(attempts)s::integer[], %(states)s::text[],
        %(dues)s::timestamptz[], %(begans)s::timestamptz[], %(tooks)s::double precision[],
        %(statuses)s::integer[], %(errors)s::text[], %(excerpts)s::text[]
    ) AS told (run, seq, attempts, state, due_at, began_at, took_s, status, error, excerpt)
    WHERE d.book = %(book)s AND d.endpoint = %(endpoint)s AND d.run = told.run
        AND d.seq = told.seq AND d.state = 'waiting' AND d.attempts < told.attempts
    RETURNING d.seq
"""
_HEALTH = """
    UPDATE yupana.webhook_endpoints SET state = %(state)s, failures = %(failures)s,
        failing_since = %(failing_since)s, probe_at = %(probe_at)s
    WHERE book = %(book)s AND endpoint = %(endpoint)s AND version = %(version)s
    RETURNING version
"""
_AGAIN = """
    UPDATE yupana.webhook_deliveries SET attempts = 0, due_at = clock_timestamp()
    WHERE book = %(book)s AND endpoint = %(endpoint)s AND state = 'waiting' RETURNING seq
"""
_TIDY = f"""
    DELETE FROM yupana.webhook_deliveries WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM yupana.webhook_deliveries d
        WHERE book = %(book)s AND endpoint = %(endpoint)s AND state IN ('delivered', 'void')
            AND ended_at < greatest(
                clock_timestamp() - %(keep)s * interval '1 second', (
                    SELECT ended_at FROM yupana.webhook_deliveries
                    WHERE book = %(book)s AND endpoint = %(endpoint)s
                        AND state IN ('delivered', 'void')
                    ORDER BY ended_at DESC OFFSET %(keep_max)s LIMIT 1
                )
            )
        ORDER BY ended_at LIMIT {TIDIED_MAX}
    )) RETURNING seq
"""
_PAUSE = """
    UPDATE yupana.webhook_endpoints
    SET state = 'paused', version = version + 1, updated_at = clock_timestamp()
    WHERE book = %(book)s AND endpoint = %(endpoint)s AND version = %(version)s
    RETURNING version
"""
_DEAD = """
    SELECT count(*) FROM yupana.webhook_deliveries
    WHERE book = %(book)s AND endpoint = %(endpoint)s AND state = 'dead'
"""
_TIDY_SECRETS = """
    DELETE FROM yupana.webhook_secrets
    WHERE book = %(book)s AND endpoint = %(endpoint)s AND expires_at < clock_timestamp()
    RETURNING number
"""


class DeliveryStore:
    """Moves deliveries. Every method raises UnavailableError when the database cannot answer."""

    def __init__(self, reader: JournalReader):
        """`reader` logs in as the feed."""
        self._reader = reader

    async def look(self, books: Sequence[int]) -> list[Look]:
        """Return all endpoints of these books, with how far they lag."""
        rows = await self._reader.rows(_LOOK, {"books": list(books)})
        return [Look._make((*row[:4], EndpointState(row[4]), *row[5:])) for row in rows]

    async def book(self, book_id: str) -> BookRow | None:
        """Return a book with the cuts of its history."""
        return await self._reader.book(book_id)

    async def endpoint(self, book: int, endpoint: str) -> EndpointRow | None:
        """Return an endpoint that is served, None when there is none."""
        rows = await self._reader.rows(
            f"SELECT {ENDPOINT} FROM yupana.webhook_endpoints e "
            "WHERE book = %(book)s AND endpoint = %(endpoint)s",
            {"book": book, "endpoint": endpoint},
        )
        found = read_endpoint(rows[0]) if rows else None
        return found if found is not None and found.health.state in SERVED else None

    async def secrets(self, book: int, endpoint: str) -> list[Secret]:
        """Return what deliveries are signed with, the newest first."""
        rows = await self._reader.rows(_SECRETS, {"book": book, "endpoint": endpoint})
        return [Secret(bytes(secret), expires_at) for secret, expires_at in rows]

    async def waiting(self, book: int, endpoint: str) -> list[WaitingRow]:
        """Return the deliveries that are not made yet, in order."""
        rows = await self._reader.rows(_WAITING, {"book": book, "endpoint": endpoint})
        return [WaitingRow(*row) for row in rows]

    async def advance(
        self, endpoint: EndpointRow, to: Cursor, deliveries: Sequence[NewDelivery]
    ) -> bool:
        """Move the cursor of an endpoint and put what was found into the line, or neither.

        False when it is no longer where `endpoint` says, or was changed by a call.
        """
        return bool(await self._move(_ADVANCE, endpoint, to, deliveries))

    async def cut(self, endpoint: EndpointRow, to: Cursor, word: Sequence[NewDelivery]) -> bool:
        """R9: move the cursor back into what is left of the history, in a new run.

        What waits and came after is void; `word` of it goes into the line instead. As `advance`.
        """
        return bool(await self._move(_CUT, endpoint, to, word))

    async def begin_epoch(self, endpoint: EndpointRow) -> None:
        """R9: have the book's next epoch begin after the newest delivery whose entry is there."""
        rows = await self._reader.rows(_COMMON, _named(endpoint))
        await Epochs(self._reader).begin(
            endpoint.book,
            known_epoch=endpoint.cursor.epoch,
            known_seq=endpoint.cursor.link.seq,
            common_seq=rows[0][0],
        )

    async def record(self, endpoint: EndpointRow, results: Sequence[Result]) -> None:
        """Record what came of attempts; of those that another one recorded first, nothing."""
        columns = list(zip(*results, strict=True))
        names = (
            "runs", "seqs", "attempts", "states", "dues", "begans", "tooks", "statuses", "errors",
            "excerpts",
        )  # fmt: skip
        parameters = {name: list(column) for name, column in zip(names, columns, strict=True)}
        parameters["states"] = [DeliveryState(each).value for each in parameters["states"]]
        await self._reader.rows(_RECORD, {**_named(endpoint), **parameters})

    async def set_health(self, endpoint: EndpointRow, health: Health) -> bool:
        """Note how an endpoint answers; False when a call changed it meanwhile."""
        named = {**_named(endpoint), "version": endpoint.version, **health._asdict()}
        return bool(await self._reader.rows(_HEALTH, {**named, "state": health.state.value}))

    async def begin_again(self, endpoint: EndpointRow) -> None:
        """Have all that waits tried at once, and begin its attempts anew."""
        await self._reader.rows(_AGAIN, _named(endpoint))

    async def tidy(self, endpoint: Look, *, keep_s: float, keep_max: int) -> int:
        """Delete deliveries that ended long ago, and secrets that did; returns how many of those.

        Some thousands at a time. Dead letters stay.
        """
        named = {"book": endpoint.book, "endpoint": endpoint.endpoint}
        await self._reader.rows(_TIDY_SECRETS, named)
        rows = await self._reader.rows(_TIDY, {**named, "keep": keep_s, "keep_max": keep_max})
        return len(rows)

    async def dead_letters(self, endpoint: Look) -> int:
        """Count the deliveries that were given up."""
        named = {"book": endpoint.book, "endpoint": endpoint.endpoint}
        return int((await self._reader.rows(_DEAD, named))[0][0])

    async def pause(self, endpoint: Look) -> bool:
        """Pause an endpoint unless a call changed it meanwhile; tells whether it did."""
        named = {"book": endpoint.book, "endpoint": endpoint.endpoint}
        return bool(await self._reader.rows(_PAUSE, {**named, "version": endpoint.version}))

    async def _move(
        self, statement: str, endpoint: EndpointRow, to: Cursor, deliveries: Sequence[NewDelivery]
    ) -> list[Any]:
        parameters = {
            **_named(endpoint),
            "version": endpoint.version,
            "run": endpoint.run,
            "from_seq": endpoint.cursor.link.seq,
            "epoch": to.epoch,
            "seq": to.link.seq,
            "hash": to.link.hash,
            "seqs": [each.seq for each in deliveries],
            "cuts": [each.cut for each in deliveries],
            "hashes": [each.hash for each in deliveries],
            "event_ids": [each.event_id for each in deliveries],
            "types": [each.type for each in deliveries],
            "subjects": [each.subject for each in deliveries],
            # No id has a space in it, and arrays of arrays are not taken apart by unnest.
            "keys": [" ".join(each.keys) for each in deliveries],
        }
        if statement is _CUT:
            del parameters["hash"]
        return await self._reader.rows(statement, parameters)


def _named(endpoint: EndpointRow) -> dict[str, Any]:
    return {"book": endpoint.book, "endpoint": endpoint.endpoint}
