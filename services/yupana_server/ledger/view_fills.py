"""Fills the view with what a read found missing and holds the lease for."""

import asyncio
import contextvars
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import structlog

from yupana_server.book.state import Account
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.points import BookRow
from yupana_server.journal.view_rows import ViewJournal
from yupana_server.ledger.view_measures import note_fill
from yupana_server.runtime.redis import RedisAwayError
from yupana_server.view.marks import keys_of
from yupana_server.view.store import Seen, ViewStore

log = structlog.get_logger("yupana.view")

Found = Mapping[str, Account | None]


class Fill(NamedTuple):
    """A fill under way."""

    accounts: frozenset[str]
    found: "asyncio.Future[Found | None]"
    """The accounts as of the watermark that they were found missing at; None when it failed."""
    stored: "asyncio.Task[None]"
    """Ends when they are in the view, or cannot be."""


class ViewFills:
    """The fills of this server."""

    def __init__(self, journal: ViewJournal, store: ViewStore):
        self._journal = journal
        self._store = store
        self._filling: dict[tuple[int, str], Fill] = {}

    def begin(self, book: BookRow, seen: Seen) -> Fill:
        """Begin to fill what was leased."""
        found: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
        stored = asyncio.create_task(self._fill(book, seen, found), context=contextvars.Context())
        fill = Fill(frozenset(seen.leased), found, stored)
        for account in seen.leased:
            self._filling[book.number, account] = fill
        stored.add_done_callback(lambda _: self._end(book, fill))
        return fill

    def known(self, book: BookRow, account: str) -> Fill | None:
        """Return what fills an account on this server, if something does."""
        return self._filling.get((book.number, account))

    def _end(self, book: BookRow, fill: Fill) -> None:
        for account in fill.accounts:
            if self._filling.get((book.number, account)) is fill:
                del self._filling[book.number, account]

    async def _fill(self, book: BookRow, seen: Seen, found: "asyncio.Future[Found | None]") -> None:
        accounts: Found | None = None
        try:
            accounts = await self._read(book, seen)
        except UnavailableError:
            pass  # Whoever waits asks the primary himself, and is told.
        except Exception:
            log.exception("view_fill_failed", book=book.id)
        finally:
            found.set_result(accounts)
        stored = 0
        if accounts is not None:
            with suppress(RedisAwayError):
                stored = await self._store.fill(keys_of(book), seen, accounts)
        note_fill(stored, len(seen.leased) - stored)

    async def _read(self, book: BookRow, seen: Seen) -> Found | None:
        """Return the accounts as of the watermark; None when the journal is not what was folded."""
        mark = seen.mark
        return await self._journal.accounts(
            book.number, seen.leased, epoch=mark.epoch, link=mark.link
        )
