"""Makes an attempt: reads the entry, writes and signs the event, sends it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from yupana_server.feed.webhooks import measures, payload
from yupana_server.feed.webhooks.ordering import Waiting
from yupana_server.feed.webhooks.sending import Attempt, Sender
from yupana_server.feed.webhooks.signing import signed_headers
from yupana_server.feed.webhooks.tracing import attempt_span, headers_of, note_attempt
from yupana_server.journal.deliveries import Secret
from yupana_server.journal.entries import EntryReader
from yupana_server.journal.points import BookRow, TransferRow

CACHED_MAX = 500
"""How many entries are kept from when they were looked through to their first attempt."""


class Target(NamedTuple):
    """Where to deliver, and what to sign with."""

    book: BookRow
    url: str
    secrets: Sequence[Secret]

    def valid_secrets(self, now: datetime) -> list[bytes]:
        """Return the secrets that count now."""
        return [
            each.secret for each in self.secrets if each.expires_at is None or each.expires_at > now
        ]


class Attempts:
    """Makes attempts for one endpoint."""

    def __init__(self, entries: EntryReader, sender: Sender, target: Target):
        self._entries = entries
        self._sender = sender
        self._target = target
        self._cached: dict[int, TransferRow] = {}

    def keep(self, row: TransferRow) -> None:
        """Keep an entry that was just read for its first attempt."""
        if len(self._cached) < CACHED_MAX:
            self._cached[row.entry.seq] = row

    async def make(self, delivery: Waiting) -> Attempt | None:
        """Make one attempt; None, and nothing was sent, when the entry is not there any more.

        Raises:
            UnavailableError: The entry cannot be read.
        """
        book = self._target.book
        if delivery.cut:
            return await self._send(delivery, payload.cut_body(book, delivery.seq), None)
        row = self._cached.pop(delivery.seq, None) or await self._read(delivery)
        if row is None:
            return None
        return await self._send(delivery, payload.event_body(book, row), row.entry.trace_id)

    async def _send(self, delivery: Waiting, body: str, trace_id: bytes | None) -> Attempt:
        target, now = self._target, datetime.now(UTC)
        id_ = payload.webhook_id(target.book.id, delivery.event_id)
        signed = signed_headers(target.valid_secrets(now), id_=id_, at=now, body=body)
        with attempt_span(target.book.id, delivery.event_id, trace_id) as span:
            headers = {"content-type": payload.CONTENT_TYPE, **signed, **headers_of(span)}
            attempt = await self._sender.send(target.url, body=body.encode(), headers=headers)
            note_attempt(span, attempt.status, attempt.error)
        measures.note_attempt(attempt)
        return attempt

    async def _read(self, delivery: Waiting) -> TransferRow | None:
        """R1: return the entry if the journal still has the one that the delivery is of."""
        page = await self._entries.after(
            self._target.book.number, seq=delivery.seq - 1, known_hash=None, limit=1
        )
        if not page.rows or page.rows[0].hash != delivery.hash:
            return None
        return page.rows[0].row
