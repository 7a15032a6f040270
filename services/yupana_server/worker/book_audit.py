"""Audits single books: goes on from where the last audit stands, whoever did it."""

import time
from collections import OrderedDict
from collections.abc import Sequence

import structlog

from yupana_server.journal.audit_rows import Course, Difference, Job, JobKey, Stand
from yupana_server.journal.audits import AuditStore
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link, StoredEntry, genesis
from yupana_server.worker.fold import UNREADABLE, Fold
from yupana_server.worker.share import Share

PAGE_ENTRIES = 1_000
"""How many entries are audited between two rests: about 50 ms of work."""

PAGES_PER_TURN = 4
"""After so many pages a book lets others have their turn."""

SEQ_BOOKS_MAX = 200
"""Of how many books a metric tells how far they are audited."""

PATIENCE_S = 30.0
"""How long to wait for the epoch that explains a lost tail before that counts as a difference.

Ledgers that knew the tail look every few seconds.
"""

log = structlog.get_logger("yupana.auditor")


class BookAudits:
    """The audits of this process, with what they hold in memory."""

    def __init__(
        self,
        reader: JournalReader,
        store: AuditStore,
        share: Share,
        *,
        facts_max: int,
        page_entries: int = PAGE_ENTRIES,
        patience_s: float = PATIENCE_S,
    ):
        """`facts_max` bounds how many accounts and holds are in memory, over all books."""
        self._reader = reader
        self._store = store
        self._share = share
        self._facts_max = facts_max
        self._page_entries = page_entries
        self._patience_s = patience_s
        self._folds: OrderedDict[JobKey, Fold] = OrderedDict()
        self._cut_since: dict[JobKey, float] = {}
        self.entries = 0
        """How many entries were audited."""
        self.seqs: OrderedDict[str, int] = OrderedDict()
        """The newest entries that were audited, by book, of those that were worked on last."""

    async def follow(self, job: Job) -> bool:
        """Audit some pages of a book; tells whether there are more."""
        stand = await self._store.claim(job)
        if stand is None:
            return False  # Another worker was first.
        if not stand.intact:
            return await self._step_back(job, stand)
        self._cut_since.pop(job.key, None)
        fold = self._fold_at(job, stand)
        for _ in range(PAGES_PER_TURN):
            if fold.link.seq >= job.until:
                return False
            if not await self._audit_page(job, stand, fold):
                del self._folds[job.key]
                return False
            await self._share.rest()
        return fold.link.seq < job.until

    async def _audit_page(self, job: Job, stand: Stand, fold: Fold) -> bool:
        """Audit the next page; False when this is not ours to go on with."""
        before = fold.link
        page = await self._read(job.book, before.seq)
        if page:
            found = await fold.take(page)
        elif unreadable := await self._store.next(job.book, before.seq):
            found = [fold.skip(unreadable)]
        else:
            # Lost, or of a lap that was to go further than the journal does by now.
            await self._store.end_lap(job, before)
            return False
        new = await self._store.advance(job, before, fold.link, stand.book_epoch, found)
        if new is None:
            return False
        self._report(job, new)
        self.entries += max(len(page), 1)
        if job.course is Course.NEWEST:
            self._note_seq(job.book_id, fold.link.seq)
        self._bound_memory(fold)
        return True

    def _note_seq(self, book_id: str, seq: int) -> None:
        self.seqs.pop(book_id, None)
        self.seqs[book_id] = seq
        if len(self.seqs) > SEQ_BOOKS_MAX:
            self.seqs.popitem(last=False)

    async def _read(self, book: int, after: int) -> list[StoredEntry]:
        """Return the next page, shorter when it has what cannot be read, in the end nothing."""
        limit = self._page_entries
        while limit:
            try:
                return await self._reader.entries(book, after=after, limit=limit)
            except UNREADABLE:
                limit //= 2
        return []

    def _fold_at(self, job: Job, stand: Stand) -> Fold:
        """Return what is in memory of the book if it stands there, else begin anew."""
        at = Link(stand.seq, stand.hash) if stand.hash else genesis(job.book_id)
        fold = self._folds.pop(job.key, None)
        if fold is None or fold.link != at:
            fold = Fold(self._reader, job.book, at, stand)
        self._folds[job.key] = fold  # At the end: used last.
        return fold

    @property
    def facts(self) -> int:
        """How many accounts, holds and the like are in memory."""
        return sum(fold.facts for fold in self._folds.values())

    def _bound_memory(self, fold: Fold) -> None:
        fold.keep(self._facts_max)
        excess = self.facts - self._facts_max
        while excess > 0:
            _, oldest = self._folds.popitem(last=False)
            excess -= oldest.facts

    async def _step_back(self, job: Job, stand: Stand) -> bool:
        """R1: the journal no longer has what was audited. Go back to where it still is the same."""
        self._folds.pop(job.key, None)
        to_seq, found = stand.common_seq, list[Difference]()
        if to_seq is None or to_seq >= stand.seq:
            # R9: no epoch explains it, yet: it takes a ledger a while to notice.
            since = self._cut_since.setdefault(job.key, time.monotonic())
            if time.monotonic() - since < self._patience_s:
                return False
            # Nobody knows how far the history is the same.
            to_seq = 0
            if job.course is Course.NEWEST:
                found = [_history_changed(stand)]
        new = await self._store.step_back(job, stand, to_seq, found)
        if new is None:
            return False
        self._cut_since.pop(job.key, None)
        log.warning("audit_stepped_back", book=job.book_id, from_seq=stand.seq, to_seq=to_seq)
        self._report(job, new)
        return True

    def _report(self, job: Job, new: Sequence[Difference]) -> None:
        """Log what was found, without amounts: those stand in the table."""
        for each in new:
            log.error("audit_difference", book=job.book_id, seq=each.seq, what=each.what)


def _history_changed(stand: Stand) -> Difference:
    detail = (
        f"the journal no longer has entry {stand.seq} as it was audited, and no epoch began since "
        "that would explain it"
    )
    return Difference(stand.seq, "history", detail)
