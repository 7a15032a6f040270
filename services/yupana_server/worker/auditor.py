"""Audits the journals of all books, a few pages of each at a time, within a share of a core."""

import asyncio
import math
import time
from collections.abc import Sequence

import structlog

from yupana_server.journal.audit_rows import Counts, Job, JobKey
from yupana_server.journal.audits import AuditStore
from yupana_server.journal.errors import UnavailableError
from yupana_server.worker.book_audit import BookAudits
from yupana_server.worker.share import Share

POLL_SHARE = 5
"""A look over all books takes at most one part in so many of the time, however many there are."""

TURN_S = 5.0
"""After so long it looks again at all books, those first that wait for longest."""

PAUSE_S = 10.0
"""How long a book that cannot be audited is left alone."""

log = structlog.get_logger("yupana.auditor")


class Auditor:
    """Finds what is not audited and has it audited."""

    def __init__(
        self,
        store: AuditStore,
        books: BookAudits,
        share: Share,
        *,
        poll_s: float = 1.0,
        again_s: float = 0.0,
    ):
        """`again_s` is from the begin of one audit of a book's past to the next; 0 for never."""
        self._store = store
        self.books = books
        self._share = share
        self._poll_s = poll_s
        self._again_s = again_s
        self._paused_until: dict[JobKey, float] = {}
        self._failing: set[JobKey] = set()
        self._look_s = 0.0
        self.database_trouble = False
        self.lag_max = 0
        """How many entries of the book that is furthest behind are not audited."""
        self.counts = Counts(0, 0)
        """Differences that nobody acknowledged."""

    @property
    def good(self) -> bool:
        """Whether everything can be audited, and no difference waits for somebody to look."""
        return not self.counts.differences and not self.failing

    async def run(self) -> None:
        """Audit all books until cancelled."""
        while True:
            more = False
            try:
                more = await self.turn()
                self.database_trouble = False
            except UnavailableError as error:
                self._note_trouble(error)
            except Exception:
                log.exception("audit_poll_failed")
            await self._share.rest()
            if not more:
                await asyncio.sleep(max(self._poll_s, self._look_s * POLL_SHARE))

    async def turn(self) -> bool:
        """Audit some pages of each book that is behind; tells whether there is more to do."""
        began_at = time.monotonic()
        jobs = await self._store.behind()
        self._look_s = time.monotonic() - began_at
        self.lag_max = max((job.until - job.seq for job in jobs), default=0)
        more = await self._work_on(jobs, until=began_at + TURN_S)
        if self._again_s and not more:
            # The past has time: it comes when nothing else does.
            laps = await self._store.laps(every_s=self._again_s)
            more = await self._work_on([job for job in laps if not self._waits(job)][:1])
        self.counts = await self._store.counts()
        return more

    async def _work_on(self, jobs: Sequence[Job], *, until: float = math.inf) -> bool:
        """Work on these while there is time; tells whether some need more."""
        more = False
        for job in jobs:
            if time.monotonic() > until:
                return True
            more |= not self._waits(job) and await self._work(job)
        return more

    def _waits(self, job: Job) -> bool:
        return job.leased or self._paused_until.get(job.key, 0.0) > time.monotonic()

    @property
    def failing(self) -> int:
        """How many books cannot be audited at all; the log says why."""
        return len(self._failing)

    @property
    def entries(self) -> int:
        """How many entries this process audited."""
        return self.books.entries

    async def _work(self, job: Job) -> bool:
        try:
            more = await self.books.follow(job)
        except UnavailableError:
            raise
        except Exception:
            log.exception("audit_failed", book=job.book_id)
            self._failing.add(job.key)
            self._paused_until[job.key] = time.monotonic() + PAUSE_S
            return False
        self._failing.discard(job.key)
        return more

    def _note_trouble(self, error: UnavailableError) -> None:
        if not self.database_trouble:
            log.warning("database_unavailable", error=str(error).partition("\n")[0])
        self.database_trouble = True
