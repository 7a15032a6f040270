"""Looks through the journal for what an endpoint wants, page by page."""

import time

import structlog

from yupana_server.feed.webhooks import payload
from yupana_server.feed.webhooks.matching import Wanted
from yupana_server.feed.webhooks.ordering import EVERYTHING, Waiting
from yupana_server.feed.webhooks.tools import Served, Tools
from yupana_server.journal.entries import EntryPage
from yupana_server.journal.points import TransferRow
from yupana_server.journal.rows import Link
from yupana_server.journal.webhook_rows import Cursor, NewDelivery

PAGE_ENTRIES = 500
"""How many entries are looked through at a time."""

OTHERS_FIRST_S = 5.0
"""How long those who follow the journal in memory have to tell of a cut: a ledger looks about once
a second."""

log = structlog.get_logger("yupana.webhooks")

Found = tuple[Waiting, TransferRow]


class Lookout:
    """Moves the cursor of one endpoint."""

    def __init__(self, tools: Tools, served: Served):
        self._tools = tools
        self._served = served
        settings = served.endpoint.settings
        self._wanted = Wanted(settings.filter, by_account=settings.by_account)
        self._missing_since_s: float | None = None

    async def read(self) -> list[Found]:
        """Look through the next page; what is wanted of it stands in rows when this returns.

        What was seen of the lag is cleared with the last page.
        """
        look, cursor = self._served.look, self._served.endpoint.cursor
        page = await self._tools.entries.after(
            look.book, seq=cursor.link.seq, known_hash=cursor.link.hash or None, limit=PAGE_ENTRIES
        )
        if len(page.rows) < PAGE_ENTRIES:
            self._served.look = look._replace(lag=0, epoch_changed=False)
        if page.epoch != cursor.epoch or not page.intact:
            await self._cross()
            return []
        return await self._advance(page) if page.rows else []

    async def _advance(self, page: EntryPage) -> list[Found]:
        endpoint = self._served.endpoint
        found = self._wanted.deliveries(page.rows)
        to = Cursor(page.epoch, page.rows[-1].link)
        if not await self._tools.store.advance(endpoint, to, found):
            self._served.outdated = True
            return []
        self._served.endpoint = endpoint._replace(cursor=to)
        rows = {each.row.entry.seq: each.row for each in page.rows}
        return [(_waiting(each, endpoint.run), rows[each.seq]) for each in found]

    async def _cross(self) -> None:
        """R9: go on in the book's new epoch, and say so where something was told that is gone."""
        store, endpoint = self._tools.store, self._served.endpoint
        cursor = endpoint.cursor
        book = await store.book(self._served.book.id)
        common = None if book is None else book.last_common(cursor.epoch)
        if book is None or common is None:
            await self._tell_of_cut()
            return
        self._served.outdated = True
        if cursor.link.seq <= common:
            await store.advance(endpoint, Cursor(book.epoch, cursor.link), ())
            return
        word = NewDelivery(
            seq=common,
            hash=b"",
            event_id=payload.cut_id(book.epoch),
            type=payload.CUT_TYPE,
            subject=book.id,
            keys=(EVERYTHING,),
            cut=True,
        )
        await store.cut(endpoint, Cursor(book.epoch, Link(common, b"")), [word])

    async def _tell_of_cut(self) -> None:
        """R1: the entry is gone that all rests on. If nobody tells of a cut, have one told of.

        The others come first: this knows of the entries alone that were delivered.
        """
        endpoint, now_s = self._served.endpoint, time.monotonic()
        if self._missing_since_s is None:
            log.warning("history_changed", book=self._served.book.id, endpoint=endpoint.endpoint)
            self._missing_since_s = now_s
        elif now_s - self._missing_since_s > OTHERS_FIRST_S:
            await self._tools.store.begin_epoch(endpoint)


def _waiting(each: NewDelivery, run: int) -> Waiting:
    return Waiting(
        run, each.seq, each.keys, time.time(), event_id=each.event_id, hash=each.hash, cut=each.cut
    )
