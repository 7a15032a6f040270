"""Keeps the projections of all books close behind their journals."""

import asyncio
import time
from collections.abc import Coroutine
from functools import partial

import structlog

from yupana_server.feed.rebuild import Rebuild, SupersededError
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.marks import LAG_MAX, Projection
from yupana_server.journal.projections import Mark, ProjectionStore
from yupana_server.runtime.tasks import end_tasks

PAGES_PER_TURN = 4
"""After so many pages a projection lets others have its turn."""

POLL_SHARE = 5
"""A look over all books takes at most one part in so many of the time, however many there are."""

PAUSE_S = 5.0
"""How long a projection that cannot be folded is left alone."""

DROP_EVERY_S = 30.0
DROP_ROWS = 50_000
"""How many rows of dropped versions are deleted at a time, beside what has to be followed."""

log = structlog.get_logger("yupana.projector")

Job = tuple[int, Projection]


class Projector:
    """Finds what is behind and folds it, several projections at a time."""

    def __init__(self, store: ProjectionStore, *, jobs_max: int, poll_s: float):
        self._store = store
        self._poll_s = poll_s
        self._places = asyncio.Semaphore(jobs_max)
        self._jobs: dict[Job, asyncio.Task[None]] = {}
        self._paused_until: dict[Job, float] = {}
        self._dropped_at = 0.0
        self.database_trouble = False
        self.lag_max = 0
        """How many entries the projection lacks that is furthest behind."""

    @property
    def behind(self) -> bool:
        """Whether some projection lacks so much that strong reads of it are refused."""
        return self.lag_max > LAG_MAX

    async def run(self) -> None:
        """Follow all journals until cancelled; jobs under way go on until `drain`."""
        while True:
            began = time.monotonic()
            try:
                await self.poll()
                await self._tidy()
                self.database_trouble = False
            except UnavailableError as error:
                self._note_trouble(error)
            except Exception:
                log.exception("poll_failed")
            took_s = time.monotonic() - began
            await asyncio.sleep(max(self._poll_s, took_s * POLL_SHARE))

    async def drain(self) -> None:
        """End the jobs under way; what they had not committed is folded by the next feed."""
        await end_tasks(self._jobs.values())

    async def catch_up(self) -> None:
        """Fold everything that is in the journals now.

        Raises:
            RuntimeError: Something cannot be folded; the log says why.
        """
        while behind := await self.poll():
            if not self._jobs:
                raise RuntimeError(f"{behind} projections cannot be folded")
            await asyncio.gather(*self._jobs.values())

    async def poll(self) -> int:
        """Begin to fold whatever is behind; returns how many projections are."""
        marks = await self._store.changed()
        self.lag_max = max((mark.tail - mark.seq for mark in marks), default=0)
        now = time.monotonic()
        for mark in marks:
            job = (mark.book, mark.projection)
            if job not in self._jobs and self._paused_until.get(job, 0.0) <= now:
                task = asyncio.create_task(self._work(job, self._follow(mark)))
                self._jobs[job] = task
                task.add_done_callback(partial(self._done, job))
        return len(marks)

    def _done(self, job: Job, _: asyncio.Task[None]) -> None:
        del self._jobs[job]

    async def _work(self, job: Job, work: Coroutine[None, None, None]) -> None:
        async with self._places:
            try:
                await work
                self._paused_until.pop(job, None)
            except UnavailableError as error:
                self._note_trouble(error)
            except Exception:
                log.exception("fold_failed", book=job[0], projection=job[1].value)
                self._paused_until[job] = time.monotonic() + PAUSE_S

    async def _follow(self, mark: Mark) -> None:
        """Fold some pages of one projection."""
        if not mark.intact:
            await self._begin_again(mark)
            return
        if mark.version == 0:
            await self._store.begin_live(mark.book, mark.projection)
            begun = await self._store.mark(mark.book, mark.projection, None)
            if begun is None:
                return  # It is being built by someone else.
            mark = begun
        for _ in range(PAGES_PER_TURN):
            seq = await self._store.fold(mark)
            if seq is None or seq >= mark.tail:
                return
            mark = mark._replace(seq=seq)

    async def _begin_again(self, mark: Mark) -> None:
        """R1: fold a projection from nothing whose journal has lost what it rests on."""
        log.warning("history_changed", book=mark.book_id, projection=mark.projection.value)
        try:
            await Rebuild(self._store, mark.book, mark.projection).run()
        except SupersededError:
            log.info("rebuild_superseded", book=mark.book_id, projection=mark.projection.value)

    async def _tidy(self) -> None:
        """Delete what is left of versions that no longer serve, now and then."""
        if time.monotonic() - self._dropped_at > DROP_EVERY_S:
            await self._store.drop(rows_max=DROP_ROWS)
            self._dropped_at = time.monotonic()

    def _note_trouble(self, error: UnavailableError) -> None:
        if not self.database_trouble:
            log.warning("database_unavailable", error=str(error).partition("\n")[0])
        self.database_trouble = True
