"""Keeps the Redis views of all books close behind their journals.

Nothing is kept here that matters: a feed that takes over reads from Redis where a view stands, and
of two that fold the same page the second finds the watermark moved on.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import structlog

from yupana_server.feed.view_steps import PAGE_ENTRIES, PAUSE_S, View, ViewSteps
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.view_rows import BookTail, ViewJournal
from yupana_server.runtime.redis import RedisAwayError
from yupana_server.view.store import MARK_S, ViewStore

PAGES_PER_TURN = 8
"""After so many pages a book lets others have their turn."""

KEEP_EVERY_S = MARK_S / 6
"""How often a view in which nothing changes is told that it is kept."""

POLL_SHARE = 5
"""A look over all books takes at most one part in so many of the time, however many there are."""

REST_S = 0.005
"""How long it rests after a look: what commits meanwhile is folded together."""

log = structlog.get_logger("yupana.view")


class ViewFolder:
    """Folds the journals of all books into their views."""

    def __init__(self, journal: ViewJournal, store: ViewStore, *, poll_s: float, jobs_max: int = 2):
        self._journal = journal
        self._steps = ViewSteps(journal, store)
        self._poll_s = poll_s
        self._places = asyncio.Semaphore(jobs_max)
        self._views: dict[str, View] = {}
        self._woken: set[str] = set()
        self._wake = asyncio.Event()

    @property
    def behind_max(self) -> int:
        """How many entries the view lacks that is furthest behind."""
        return max((view.behind for view in self._views.values()), default=0)

    def wake(self, books: Sequence[str]) -> None:
        """Have these books looked at: something was recorded in them."""
        self._woken.update(books)
        self._wake.set()

    async def run(self) -> None:
        """Follow all journals until cancelled: those that are announced at once."""
        looked_at, rest_s = float("-inf"), self._poll_s
        while True:
            try:
                if time.monotonic() - looked_at >= rest_s:
                    looked_at = time.monotonic()
                    await self.poll()
                    rest_s = max(self._poll_s, (time.monotonic() - looked_at) * POLL_SHARE)
                else:
                    await self._follow_woken()
            except (UnavailableError, RedisAwayError):
                pass  # Both are told of elsewhere, and reads do without the view meanwhile.
            except Exception:
                log.exception("view_poll_failed")
            await asyncio.sleep(REST_S)
            with suppress(TimeoutError):
                left_s = rest_s - (time.monotonic() - looked_at)
                async with asyncio.timeout(max(0.0, left_s)):
                    await self._wake.wait()

    async def poll(self) -> bool:
        """Fold some pages of whatever is behind; returns whether there was something."""
        tails = await self._journal.tails()
        if len(self._views) > len(tails):
            known = {tail.id for tail in tails}
            self._views = {id_: view for id_, view in self._views.items() if id_ in known}
        views = [self._view(tail) for tail in tails]
        return await self._follow_all(view for view in views if _is_due(view))

    async def _follow_woken(self) -> None:
        """Fold what was announced, of books that a look over all has found."""
        books, self._woken = self._woken, set()
        self._wake.clear()
        found = [self._views[book] for book in books if book in self._views]
        now = time.monotonic()
        await self._follow_all(view for view in found if view.paused_until <= now)

    def _view(self, tail: BookTail) -> View:
        view = self._views.get(tail.id)
        if view is None or view.tail[:3] != tail[:3]:
            view = self._views[tail.id] = View(tail)
        view.tail = tail
        return view

    async def _follow_all(self, views: Iterable[View]) -> bool:
        results = await asyncio.gather(
            *(self._follow(view) for view in views), return_exceptions=True
        )
        for failed in results:
            if isinstance(failed, BaseException):
                raise failed
        return any(results)

    async def _follow(self, view: View) -> bool:
        """Fold some pages of one book; returns whether the view moved."""
        async with self._places:
            before = view.mark
            try:
                await self._fold_pages(view)
            except (UnavailableError, RedisAwayError):
                view.mark = None  # Redis may be another one when it is back.
                raise
            except Exception:
                log.exception("view_fold_failed", book=view.tail.id)
                view.mark, view.paused_until = None, time.monotonic() + PAUSE_S
            return view.mark != before

    async def _fold_pages(self, view: View) -> None:
        for _ in range(PAGES_PER_TURN):
            before = view.mark
            view.mark = await self._steps.step(view)
            if view.mark is None:
                return
            view.kept_at = time.monotonic()
            if before is not None and view.mark.link.seq < before.link.seq + PAGE_ENTRIES:
                return


def _is_due(view: View) -> bool:
    now, mark = time.monotonic(), view.mark
    if now < view.paused_until:
        return False
    if mark is None or mark.link != view.tail.link or mark.epoch != view.tail.epoch:
        return True
    return now - view.kept_at > KEEP_EVERY_S
