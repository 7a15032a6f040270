"""Endpoints of webhooks and their secrets, as calls manage them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link
from yupana_server.journal.webhook_rows import (
    Counts,
    Cursor,
    DeliveryRow,
    DeliveryState,
    EndpointRow,
    EndpointState,
    Health,
    SecretRow,
    Settings,
)

COUNTED_MAX = 1_000_000
"""How many deliveries are counted; more are not told apart."""

RETRIED_MAX = 1_000
"""How many deliveries one call has made once more."""

ENDPOINTS_MAX = 100
"""How many endpoints a book has: every one of them reads the book's journal."""

ENDPOINT = """
    e.book, e.endpoint, e.url, e.description, e.filter, e.by_account, e.concurrency, e.version,
    e.run, e.cursor_epoch, e.cursor_seq, e.cursor_hash, e.state, e.failures, e.failing_since,
    e.probe_at, e.created_at, e.updated_at
"""
_ONE = "book = %(book)s AND endpoint = %(endpoint)s"
# The lock on the book's row is the ledger's: the count may be passed by what is created meanwhile.
_CREATE = f"""
    WITH made AS (
        INSERT INTO yupana.webhook_endpoints
            (book, endpoint, url, description, filter, by_account, concurrency, cursor_epoch,
             cursor_seq, cursor_hash)
        SELECT %(book)s, %(endpoint)s, %(url)s, %(description)s, %(filter)s::jsonb,
            %(by_account)s, %(concurrency)s, %(epoch)s, %(seq)s, (
                SELECT hash FROM yupana.journal WHERE book = %(book)s AND seq = %(seq)s
            )
        WHERE (
            SELECT count(*) FROM yupana.webhook_endpoints WHERE book = %(book)s
        ) < {ENDPOINTS_MAX}
        ON CONFLICT (book, endpoint) DO NOTHING RETURNING book, endpoint
    )
    INSERT INTO yupana.webhook_secrets (book, endpoint, number, secret)
    SELECT book, endpoint, 1, %(secret)s FROM made RETURNING number
"""
_UPDATE = f"""
    UPDATE yupana.webhook_endpoints SET url = %(url)s, description = %(description)s,
        filter = %(filter)s::jsonb, by_account = %(by_account)s, concurrency = %(concurrency)s,
        version = version + 1, updated_at = clock_timestamp()
    WHERE {_ONE} AND version = %(version)s RETURNING version
"""
_DELETE = f"""
    WITH secrets AS (DELETE FROM yupana.webhook_secrets WHERE {_ONE}),
    deliveries AS (DELETE FROM yupana.webhook_deliveries WHERE {_ONE})
    DELETE FROM yupana.webhook_endpoints WHERE {_ONE} RETURNING version
"""
_CHANGED = "version = version + 1, updated_at = clock_timestamp()"
_ROTATE = f"""
    WITH touched AS (
        UPDATE yupana.webhook_endpoints SET {_CHANGED} WHERE {_ONE} RETURNING version
    ), old AS (
        UPDATE yupana.webhook_secrets
        SET expires_at = least(expires_at, clock_timestamp() + %(overlap)s::interval)
        WHERE {_ONE} AND EXISTS (SELECT FROM touched)
    )
    INSERT INTO yupana.webhook_secrets (book, endpoint, number, secret)
    SELECT %(book)s, %(endpoint)s, (
        SELECT coalesce(max(number), 0) + 1 FROM yupana.webhook_secrets WHERE {_ONE}
    ), %(secret)s FROM touched RETURNING number
"""
_PAUSE = f"""
    UPDATE yupana.webhook_endpoints SET state = 'paused', {_CHANGED} WHERE {_ONE} RETURNING version
"""
_RESUME = f"""
    WITH resumed AS (
        UPDATE yupana.webhook_endpoints SET state = 'active', failures = 0, failing_since = NULL,
            probe_at = NULL, {_CHANGED}
        WHERE {_ONE} RETURNING version
    ), again AS (
        UPDATE yupana.webhook_deliveries SET attempts = 0, due_at = clock_timestamp()
        WHERE {_ONE} AND state = 'waiting' AND EXISTS (SELECT FROM resumed)
    )
    SELECT version FROM resumed
"""
_REPLAY = f"""
    WITH back AS (
        UPDATE yupana.webhook_endpoints SET run = run + 1, cursor_epoch = %(epoch)s,
            cursor_seq = %(seq)s, cursor_hash = (
                SELECT hash FROM yupana.journal WHERE book = %(book)s AND seq = %(seq)s
            ), {_CHANGED}
        WHERE {_ONE} RETURNING version
    ), replaced AS (
        UPDATE yupana.webhook_deliveries SET state = 'void', ended_at = clock_timestamp()
        WHERE {_ONE} AND state = 'waiting' AND seq > %(seq)s AND EXISTS (SELECT FROM back)
    )
    SELECT version FROM back
"""
_COUNTS = f"""
    SELECT (
        SELECT count(*) FROM (
            SELECT FROM yupana.webhook_deliveries WHERE {_ONE} AND state = 'waiting'
            LIMIT {COUNTED_MAX}
        ) counted
    ), (
        SELECT count(*) FROM (
            SELECT FROM yupana.webhook_deliveries WHERE {_ONE} AND state = 'dead'
            LIMIT {COUNTED_MAX}
        ) counted
    )
"""
_SECRETS = f"""
    SELECT created_at, expires_at FROM yupana.webhook_secrets
    WHERE {_ONE} AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY number DESC
"""
_DELIVERIES = f"""
    SELECT run, seq, event_id, type, subject, state, attempts, created_at, due_at, began_at, took_s,
        status, error, excerpt
    FROM yupana.webhook_deliveries
    WHERE {_ONE} AND (run, seq) < (%(before_run)s, %(before_seq)s)
"""
_RETRY = f"""
    WITH chosen AS (
        SELECT run, seq FROM yupana.webhook_deliveries WHERE {_ONE} AND {{which}}
        ORDER BY run, seq LIMIT {RETRIED_MAX}
    ), again AS (
        UPDATE yupana.webhook_deliveries d
        SET state = 'waiting', attempts = 0, due_at = clock_timestamp(), ended_at = NULL
        FROM chosen WHERE d.book = %(book)s AND d.endpoint = %(endpoint)s AND d.run = chosen.run
            AND d.seq = chosen.seq
        RETURNING d.seq
    ), touched AS (
        UPDATE yupana.webhook_endpoints SET version = version + 1
        WHERE {_ONE} AND EXISTS (SELECT FROM again)
    )
    SELECT seq FROM again
"""


class WebhookStore:
    """Manages endpoints. Every method raises UnavailableError when the database cannot answer."""

    def __init__(self, reader: JournalReader):
        """`reader` logs in as the feed, who alone may."""
        self._reader = reader

    async def create(
        self, book: int, endpoint: str, settings: Settings, *, cursor: Cursor, secret: bytes
    ) -> bool:
        """Make an endpoint; False when there is one of this id already, or the book is full."""
        parameters = {
            **_named(book, endpoint, settings),
            "epoch": cursor.epoch,
            "seq": cursor.link.seq,
            "secret": secret,
        }
        return bool(await self._reader.rows(_CREATE, parameters))

    async def get(self, book: int, endpoint: str) -> EndpointRow | None:
        """Return an endpoint, None when there is none."""
        rows = await self._reader.rows(
            f"SELECT {ENDPOINT} FROM yupana.webhook_endpoints e WHERE {_ONE}",
            {"book": book, "endpoint": endpoint},
        )
        return read_endpoint(rows[0]) if rows else None

    async def page(self, book: int, *, after: str, limit: int) -> list[EndpointRow]:
        """Return the endpoints of a book that follow `after`, by id."""
        rows = await self._reader.rows(
            f"SELECT {ENDPOINT} FROM yupana.webhook_endpoints e "
            "WHERE book = %(book)s AND endpoint > %(after)s ORDER BY endpoint LIMIT %(limit)s",
            {"book": book, "after": after, "limit": limit},
        )
        return [read_endpoint(row) for row in rows]

    async def update(self, book: int, endpoint: str, settings: Settings, *, version: int) -> bool:
        """Change what a caller chooses; False when it is of another version, or gone."""
        parameters = {**_named(book, endpoint, settings), "version": version}
        return bool(await self._reader.rows(_UPDATE, parameters))

    async def delete(self, book: int, endpoint: str) -> bool:
        """Delete an endpoint with all that belongs to it; False when there is none."""
        return await self._change(_DELETE, book, endpoint)

    async def rotate(self, book: int, endpoint: str, *, secret: bytes, overlap: timedelta) -> bool:
        """Add a secret, and have the others end after a while; False without the endpoint."""
        return await self._change(_ROTATE, book, endpoint, secret=secret, overlap=overlap)

    async def pause(self, book: int, endpoint: str) -> bool:
        """Stop deliveries; False without the endpoint."""
        return await self._change(_PAUSE, book, endpoint)

    async def resume(self, book: int, endpoint: str) -> bool:
        """Go on with deliveries, those that wait at once; False without the endpoint."""
        return await self._change(_RESUME, book, endpoint)

    async def replay(self, book: int, endpoint: str, *, epoch: int, seq: int) -> bool:
        """Go on after another entry, in another run; False without the endpoint."""
        return await self._change(_REPLAY, book, endpoint, epoch=epoch, seq=seq)

    async def counts(self, book: int, endpoint: str) -> Counts:
        """Count deliveries, each sort up to COUNTED_MAX."""
        rows = await self._reader.rows(_COUNTS, {"book": book, "endpoint": endpoint})
        return Counts(*rows[0])

    async def secrets(self, book: int, endpoint: str) -> list[SecretRow]:
        """Return which secrets are valid, the newest first, without themselves."""
        rows = await self._reader.rows(_SECRETS, {"book": book, "endpoint": endpoint})
        return [SecretRow(*row) for row in rows]

    async def deliveries(
        self,
        book: int,
        endpoint: str,
        *,
        state: DeliveryState | None,
        before: tuple[int, int],
        limit: int,
    ) -> list[DeliveryRow]:
        """Return deliveries before a (run, seq), the newest first."""
        # Written out, so that the partial indexes fit.
        only = "" if state is None else f"AND state = '{state.value}'"
        rows = await self._reader.rows(
            f"{_DELIVERIES} {only} ORDER BY run DESC, seq DESC LIMIT %(limit)s",
            {
                "book": book,
                "endpoint": endpoint,
                "before_run": before[0],
                "before_seq": before[1],
                "limit": limit,
            },
        )
        return [_delivery(row) for row in rows]

    async def retry(
        self, book: int, endpoint: str, deliveries: Sequence[tuple[int, int]] | None
    ) -> int:
        """Have these made once more, where they ended; None means all that are dead, at most
        RETRIED_MAX. Returns how many.
        """
        which = "state = 'dead'"
        if deliveries is not None:
            which = (
                "state IN ('dead', 'delivered') AND (run, seq) IN "
                "(SELECT * FROM unnest(%(runs)s::integer[], %(seqs)s::bigint[]))"
            )
        parameters = {
            "book": book,
            "endpoint": endpoint,
            "runs": [run for run, _ in deliveries or ()],
            "seqs": [seq for _, seq in deliveries or ()],
        }
        return len(await self._reader.rows(_RETRY.format(which=which), parameters))

    async def _change(self, statement: str, book: int, endpoint: str, **values: object) -> bool:
        parameters = {"book": book, "endpoint": endpoint, **values}
        return bool(await self._reader.rows(statement, parameters))


def read_endpoint(row: Sequence[Any]) -> EndpointRow:
    """Read a row of ENDPOINT."""
    book, endpoint, *chosen = row[:7]
    version, run, epoch, seq, digest, state, failures, failing_since, probe_at = row[7:16]
    created_at, updated_at = row[16:18]
    return EndpointRow(
        book,
        endpoint,
        Settings(*chosen),
        version,
        run,
        Cursor(epoch, Link(seq, b"" if digest is None else bytes(digest))),
        Health(EndpointState(state), failures, failing_since, probe_at),
        created_at,
        updated_at,
    )


def _named(book: int, endpoint: str, settings: Settings) -> dict[str, Any]:
    chosen = settings._asdict() | {"filter": json.dumps(settings.filter)}
    return {"book": book, "endpoint": endpoint, **chosen}


def _delivery(row: Sequence[Any]) -> DeliveryRow:
    return DeliveryRow._make((*row[:5], DeliveryState(row[5]), *row[6:]))
