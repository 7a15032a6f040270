"""Single steps of a view: fold the next page, or begin anew where that cannot be."""

import time

import structlog

from yupana_server.feed.view_measures import Why, note_begun, note_fold
from yupana_server.journal.view_rows import BookTail, ViewJournal, ViewPage, is_same
from yupana_server.view.changes import changes_of
from yupana_server.view.marks import ViewKeys, Watermark
from yupana_server.view.store import ViewStore

PAGE_ENTRIES = 500
"""How many entries are folded by one script, during which Redis answers nobody else: 2 ms."""

FAR_BEHIND = 50_000
"""So far behind a view begins anew: what is read now is filled sooner than all that is folded."""

PAUSE_S = 5.0
"""How long a view that cannot be folded is left alone."""

log = structlog.get_logger("yupana.view")


class View:
    """A view as this feed knows it."""

    __slots__ = ("kept_at", "keys", "mark", "paused_until", "tail")

    def __init__(self, tail: BookTail):
        self.tail = tail
        """Where the journal ended when all books were looked at last."""
        self.keys = ViewKeys(tail.id, tail.created_at)
        self.mark: Watermark | None = None
        self.kept_at = float("-inf")
        self.paused_until = 0.0

    @property
    def behind(self) -> int:
        """How many entries it lacks, as far as is known."""
        return 0 if self.mark is None else max(0, self.tail.link.seq - self.mark.link.seq)


class ViewSteps:
    """Takes steps. Raises UnavailableError and RedisAwayError."""

    def __init__(self, journal: ViewJournal, store: ViewStore):
        self._journal = journal
        self._store = store

    async def step(self, view: View) -> Watermark | None:
        """Fold the next page; return where the view stands then, None when nobody knows."""
        mark = view.mark or await self._store.mark(view.keys)
        if mark is None:
            return await self._begin(view, None, Why.MISSING)
        if view.tail.link.seq - mark.link.seq > FAR_BEHIND:
            return await self._begin(view, mark, Why.FAR_BEHIND)
        page = await self._journal.page(view.tail.number, after=mark.link.seq, limit=PAGE_ENTRIES)
        if page.epoch == mark.epoch and is_same(mark.link, page.follows):
            return await self._fold(view, mark, page)
        if page.epoch < mark.epoch:
            # R9: whoever keeps it knows of a later cut. If nobody does, it ends by itself.
            log.warning("view_of_later_epoch", book=view.tail.id, epoch=mark.epoch)
            view.paused_until = time.monotonic() + PAUSE_S
            return None
        return await self._begin(view, mark, Why.HISTORY)

    async def _fold(self, view: View, mark: Watermark, page: ViewPage) -> Watermark | None:
        link = page.link or mark.link
        new = await self._store.fold(view.keys, mark, link, changes_of(page))
        if page.link is not None and new is not None and new.link == link:
            note_fold(link.seq - mark.link.seq, time.time() - page.recorded_at / 1e6)
        return new or await self._begin(view, None, Why.MISSING)

    async def _begin(self, view: View, mark: Watermark | None, why: Why) -> Watermark | None:
        """Have the view begin anew where the journal ends now, by a look that begins after this."""
        book = view.tail.id
        newest = await self._journal.tails(book)
        if not newest or newest[0].created_at != view.tail.created_at:
            return None
        epoch, link = newest[0].epoch, newest[0].link
        new = await self._store.begin(view.keys, mark, epoch=epoch, link=link)
        if new is not None and (mark is None or new.generation != mark.generation):
            note_begun(why)
            log.info("view_begun", book=book, seq=new.link.seq, epoch=new.epoch, why=why.value)
        return new
