"""What is older than a follower's memory: read from the journal by pages, which many share."""

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from yupana_server.feed import measures
from yupana_server.feed.following.encoded import EncodedEvent, encode
from yupana_server.feed.following.follower import Follower
from yupana_server.journal.entry_lines import LineReader
from yupana_server.journal.points import BookRow

PAGE_ENTRIES = 1_000

AHEAD = 2
"""How many pages are read ahead of the one that is wanted."""

PAGES_MAX = 32
"""How many pages are kept for others who come the same way: about 20 MB."""


class Page(NamedTuple):
    """Events that follow an entry."""

    epoch: int
    before: bytes | None
    """The hash of that entry; None when it is not there, or these are the first."""
    intact: bool
    """Whether that entry is there."""
    events: list[EncodedEvent]


_Key = tuple[object, int]


class Pages:
    """Reads pages, a few at a time; those who want the same one wait for one read."""

    def __init__(self, lines: LineReader, *, at_once: int):
        self._lines = lines
        self._places = asyncio.Semaphore(at_once)
        self._pages: OrderedDict[_Key, asyncio.Task[Page]] = OrderedDict()

    async def after(self, follower: Follower, seq: int) -> Page:
        """Return the entries that follow one, up to a round number: so pages are the same ones.

        The pages behind it are read ahead, up to what the follower has in memory: so the database
        works on one page while the one before it is being sent.

        Raises:
            UnavailableError: The database cannot answer.
        """
        task, until = self._task(follower, seq), follower.ring.base.seq
        following = seq - seq % PAGE_ENTRIES + PAGE_ENTRIES
        for each in range(following, min(until, following + AHEAD * PAGE_ENTRIES), PAGE_ENTRIES):
            self._task(follower, each)
        # Shielded: who goes away must not take it from the others.
        return await asyncio.shield(task)

    def _task(self, follower: Follower, seq: int) -> asyncio.Task[Page]:
        key = (follower.memory, seq)
        task = self._pages.get(key)
        if task is None:
            task = self._pages[key] = asyncio.create_task(self._read(key, follower.book))
            task.add_done_callback(_note_failure)
            while len(self._pages) > PAGES_MAX:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(key)
        return task

    async def _read(self, key: _Key, book: BookRow) -> Page:
        seq = key[-1]
        limit = PAGE_ENTRIES - seq % PAGE_ENTRIES
        page: Page | None = None
        try:
            async with self._places:
                found = await self._lines.after(book.number, seq=seq, known_hash=None, limit=limit)
                page = Page(found.epoch, found.before, found.intact, encode(book, found.rows))
            measures.note_read("backlog", len(page.events))
            return page
        finally:
            # What there is stays as it is; that there is nothing does not, and errors pass.
            if page is None or not page.events or page.epoch != book.epoch:
                self._pages.pop(key, None)


def _note_failure(task: asyncio.Task[Page]) -> None:
    """Look at what a page failed with that perhaps nobody waits for any more."""
    if not task.cancelled():
        task.exception()
