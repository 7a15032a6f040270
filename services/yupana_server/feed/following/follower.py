"""Reads one book's journal onwards, for all who want to know of it in this process."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from yupana_server.feed import measures
from yupana_server.feed.following.encoded import encode
from yupana_server.feed.following.ring import Ring
from yupana_server.journal.entries import EntryReader, Place
from yupana_server.journal.entry_lines import LinePage, LineReader
from yupana_server.journal.epochs import LINKS_MAX, Epochs, Trail
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link

PAGE_ENTRIES = 500
"""How many entries are read at a time: about 10 ms of work, which nothing else can interrupt."""

ERASED = "yupana.words.erased"

PAUSE_S = 0.005
"""How long it rests after a look: so many commits a book share one query."""

RETRY_S = 0.2
"""How long it rests after a look that failed."""

log = structlog.get_logger("yupana.follower")


class Journals(NamedTuple):
    """What followers read through."""

    reader: JournalReader
    entries: EntryReader
    lines: LineReader
    epochs: Epochs

    @classmethod
    def of(cls, reader: JournalReader) -> "Journals":
        """Return what reads through a pool, which must lead to the primary (R9)."""
        return cls(reader, EntryReader(reader), LineReader(reader), Epochs(reader))


class Follower:
    """Follows a book's journal from where it stands now.

    R1: every look checks that the entry that was read last is still there. When it is not, the
    history was cut: then what is here is dropped, and everybody is told of the new epoch (R9).
    """

    def __init__(self, book: BookRow, past: Sequence[Link], journals: Journals, *, events_max: int):
        """`past` is what `links_up_to_tail` returned; the last of it is where it begins."""
        self.book = book
        self.ring: Ring
        self.memory: object
        """Another one when nothing that was read before may be told any more."""
        self.gone = False
        """Whether there is no such book any more."""
        self._journals = journals
        self._events_max = events_max
        self._woken = asyncio.Event()
        self._news = asyncio.Event()
        self._begun = self._done = 0
        self._trouble = False
        self._looked = asyncio.Event()
        self._trail = Trail()
        self._begin_after(past)

    @property
    def place(self) -> Place:
        """How far it has read."""
        return Place(self.book.number, self.book.epoch, self.ring.last)

    def wake(self) -> None:
        """Have it look at the journal."""
        self._woken.set()

    @property
    def news(self) -> asyncio.Event:
        """What is set when there is more, or the epoch is another; each time another one."""
        return self._news

    def tell(self) -> None:
        """Have everybody who waits look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Follow the journal until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            self._begun += 1
            self._trouble = not await self._look()
            self._done = self._begun
            self._looked.set()
            self._looked = asyncio.Event()
            await asyncio.sleep(RETRY_S if self._trouble else PAUSE_S)
            if self._trouble:
                self.wake()

    async def catch_up(self) -> None:
        """Wait for a look that begins after this call; many who wait share one.

        Raises:
            UnavailableError: The database could not answer.
        """
        wanted = self._begun + 1
        self.wake()
        while self._done < wanted:
            await self._looked.wait()
        if self._trouble:
            raise UnavailableError("the journal could not be read")

    async def _look(self) -> bool:
        """Read everything that there is; False when that failed."""
        try:
            await self._read_on()
        except UnavailableError:
            return False
        except Exception:
            log.exception("follow_failed", book=self.book.id)
            return False
        return True

    async def _read_on(self) -> None:
        while not self.gone:
            seq, known_hash = self.ring.last
            page = await self._journals.lines.after(
                self.book.number, seq=seq, known_hash=known_hash, limit=PAGE_ENTRIES
            )
            if not page.intact or page.epoch != self.book.epoch:
                await self._history_changed(page)
                return
            if page.rows:
                events = encode(self.book, page.rows)
                self.ring.append(events)
                if any(event.type == ERASED for event in events):
                    self._forget()
                for event in events:
                    self._trail.add(self.book.epoch, event.link)
                measures.note_read("live", len(page.rows))
                self.tell()
            if len(page.rows) < PAGE_ENTRIES:
                return

    async def _history_changed(self, page: LinePage) -> None:
        """R9: have the epoch raised unless that has happened, and begin anew at today's tail."""
        if page.epoch == self.book.epoch:
            await self._raise_epoch()
        row = await self._journals.reader.book(self.book.id)
        if row is None or row.number != self.book.number:
            self.gone = True
        else:
            past = await links_up_to_tail(row, self._journals)
            log.warning("epoch_changed", book=row.id, epoch=row.epoch, seq=past[-1].seq)
            self.book = row
            self._begin_after(past)
        self.tell()

    async def _raise_epoch(self) -> None:
        epochs, number = self._journals.epochs, self.book.number
        hashes = await epochs.hashes(number, self._trail.seqs)
        await epochs.begin(
            number,
            known_epoch=self.book.epoch,
            known_seq=self.ring.last.seq,
            common_seq=self._trail.common_seq(hashes),
        )

    def _forget(self) -> None:
        """Drop what is in memory: it may hold words that have been erased."""
        self.ring = Ring(self.ring.last, events_max=self._events_max)
        self.memory = object()

    def _begin_after(self, past: Sequence[Link]) -> None:
        self.ring = Ring(past[-1], events_max=self._events_max)
        self.memory = object()
        self._trail.clear()
        for link in past:
            self._trail.add(self.book.epoch, link)


async def follower_at_tail(book: BookRow, journals: Journals, *, events_max: int) -> Follower:
    """Return a follower that begins at the newest entry.

    Raises:
        UnavailableError: The database cannot answer.
    """
    past = await links_up_to_tail(book, journals)
    return Follower(book, past, journals, events_max=events_max)


async def links_up_to_tail(book: BookRow, journals: Journals) -> list[Link]:
    """Return the newest links of a journal, and fewer and fewer older ones, the newest last.

    By them it can be told later up to where a history that was cut is what it was.

    Raises:
        UnavailableError: The database cannot answer.
    """
    while True:
        tail = (await journals.reader.tail(book)).link
        if not tail.seq:
            return [tail]
        near = range(max(1, tail.seq - LINKS_MAX + 1), tail.seq + 1)
        far = [near[0] - (1 << power) for power in reversed(range(near[0].bit_length()))]
        seqs = [*(seq for seq in far if seq > 0), *near]
        hashes = await journals.epochs.hashes(book.number, seqs)
        # All of one snapshot; when the tail is not that any more, it was cut just now.
        if hashes.get(tail.seq) == tail.hash:
            return [Link(seq, hashes[seq]) for seq in seqs if seq in hashes]
