"""The writer of a book: gathers submissions, decides them ahead, has them recorded in order.

While a batch is being written, the next one is gathered and decided on the state that the first
will leave (speculation). It is sent when the first has committed, and decided again if that left
another state. So the database is never waited for while there is something to decide.
"""

import asyncio
import contextvars
from collections.abc import Iterable
from contextlib import suppress

import structlog

from yupana_server.book.state import Account, NotLoadedError
from yupana_server.journal.errors import JournalError
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link
from yupana_server.ledger.announcer import Announce, nobody
from yupana_server.ledger.batch import Batch
from yupana_server.ledger.clock import Clock, wall_clock
from yupana_server.ledger.memory import Memory, MemoryBounds
from yupana_server.ledger.quota import RejectionQuota
from yupana_server.ledger.recorder import DECISIONS_MAX, RETRY_WAIT_S, Recorder
from yupana_server.ledger.submission import (
    Answer,
    DrainingError,
    NotAnsweredError,
    PoisonedError,
    Submission,
)
from yupana_server.ledger.waiting import WaitingLine

CROWD = 4
"""So many submissions in a batch tell that many callers are at it: more are about to come."""

GATHERED_MAX = 32
"""So many submissions wait for no more: a batch of that many costs each of them little."""

PASSES = 16
"""For how many passes of the event loop nobody has to have come.

From its socket to the queue a call takes a handful. With 128 callers 8, 16 and 32 passes gave
1,770, 1,890 and 1,690 calls a second.
"""

GATHERING_MAX_S = 0.02
"""How long a batch that could be sent waits for more, whatever else the process does meanwhile."""

LARGE = 300
"""A batch of so many commands is sent before the one that was recorded is answered.

To answer takes 3 us a command, in which Postgres would have nothing to do. The next calls of those
who wait for an answer to a single one come the later for that.
"""

PIECE = 300
"""So many entries are written as rows at a time, in 2 ms."""

LOOK_TIMEOUT_S = 2.0
"""How long a batch of nothing may take."""

log = structlog.get_logger("yupana.writer")


class Writer:
    """Decides and records the commands of one book."""

    def __init__(
        self,
        book: BookRow,
        reader: JournalReader,
        url: str,
        *,
        clock: Clock = wall_clock,
        bounds: MemoryBounds = MemoryBounds(),  # noqa: B008 (immutable)
        quota: RejectionQuota | None = None,
        announce: Announce = nobody,
    ):
        self._clock = clock
        self._memory = Memory(book, reader, bounds)
        self._quota = quota or RejectionQuota()
        self._recorder = Recorder(self._memory, reader, url, clock, announce, self._give_up_waiting)
        self._queue = WaitingLine()
        self._arrived = asyncio.Event()
        self._draining = False
        self._writing: asyncio.Task[None] | None = None
        # How many submissions the last batches had; a small one among large ones halves it.
        self._crowd = 0
        self._gathering_until = 0.0
        self._open: Batch | None = None
        self._sent: Batch | None = None
        # A context of its own: the writer works for all requests, not for the one that came first.
        self._task = asyncio.create_task(
            self._run(), name=f"writer of {book.id}", context=contextvars.Context()
        )

    @property
    def book_number(self) -> int:
        """The number of the book, as it was when the writer was made."""
        return self._memory.book.number

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being written."""
        return not self._queue and self._writing is None and self._open is None

    @property
    def queued_commands(self) -> int:
        """How many commands wait."""
        return self._queue.commands

    @property
    def accounts_count(self) -> int:
        """How many accounts are in memory."""
        return len(self._memory.base.accounts)

    @property
    def epoch(self) -> int:
        """The book's epoch, as far as is known here."""
        return self._memory.book.epoch

    @property
    def seq(self) -> int:
        """The newest committed entry that is known here."""
        return self._memory.base.seq

    @property
    def link(self) -> Link:
        """The newest committed entry that is known here, with its hash."""
        return self._memory.link

    @property
    def database_trouble(self) -> bool:
        """Whether the last try to append did not reach the database."""
        return self._recorder.database_trouble

    def remembered(self, accounts: Iterable[str]) -> Loaded[Account] | None:
        """Return accounts as committed, if memory knows all of them."""
        return self._memory.remembered(accounts)

    async def catch_up(self, seq: int, *, timeout_s: float) -> None:
        """Wait for what is being written, if that may be what memory lacks up to an entry."""
        if self._writing is not None and self.seq < seq:
            await asyncio.wait([self._writing], timeout=timeout_s)

    async def submit(self, submission: Submission) -> Answer:
        """Have the submission decided and recorded; returns when that has committed.

        The caller sees to the deadline; cancelling the call is safe at any moment.
        `submission.unknown` and `.decided` tell how far it had got.

        Raises:
            NotAnsweredError: It was not executed, and why.
        """
        self.check_room(submission.commands_count, submission.deadline)
        submission.queued_at = asyncio.get_running_loop().time()
        self._queue.add(submission)
        self._arrived.set()
        try:
            return await submission.answer
        finally:
            submission.answer.cancel()  # Whoever went away is not decided for any more.
            self._queue.forget(submission)

    def check_room(self, commands: int, deadline: float) -> None:
        """Refuse what cannot be answered in time, before any more work goes into it.

        Raises:
            NotAnsweredError: It would be refused, and why.
        """
        if self._draining:
            raise DrainingError("the writer is shutting down")
        under_way = sum(b.commands_count for b in (self._sent, self._open) if b is not None)
        now = asyncio.get_running_loop().time()
        self._queue.check_room(commands, under_way=under_way, deadline=deadline, now=now)

    async def look_again(self) -> None:
        """Hold what is in memory against the journal, by a batch of nothing (R1)."""
        deadline = asyncio.get_running_loop().time() + LOOK_TIMEOUT_S
        with suppress(NotAnsweredError, TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self.submit(Submission((), deadline))

    async def drain(self) -> None:
        """Take no more work, finish what there is, close the connection."""
        self._draining = True
        self._arrived.set()
        await self._task
        await self._recorder.close()

    async def _run(self) -> None:
        while not (self._draining and not self._queue):
            try:
                await self._turn()
            except NotAnsweredError as error:
                self._fail_open(error)
            except JournalError as error:
                log.warning("load_failed", book=self._memory.book.id, error=type(error).__name__)
                await self._requeue_open()
            except Exception:
                log.exception("writer_failed", book=self._memory.book.id)
                self._memory.reset()
                self._fail_open(PoisonedError("the writer failed"))
        await self._written()

    async def _turn(self) -> None:
        """Gather and decide one batch, and begin to write it when the one before is written."""
        await self._work()
        if not self._queue:
            return
        self._memory.evict()
        began_at = asyncio.get_running_loop().time()
        batch = self._open = Batch(self._memory, self._quota)
        self._gathering_until = 0.0
        while True:
            # A large one goes alone.
            taken = self._queue.take(batch.room, at_least_one=not batch.submissions)
            if taken:
                self._recorder.expect_next(is_ready=False)
                await self._decide(batch, taken)
                await self._encode(batch)
                large = bool(batch.submissions) and batch.commands_count >= LARGE
                self._recorder.expect_next(is_ready=large and not self._gathers(batch))
            if not taken or not (await self._more() or await self._about_to_come(batch)):
                break
            await asyncio.sleep(0)  # What is being recorded has its turn.
        await self._written()
        self._open = None
        if not batch.submissions:
            return
        self._memory.speculate(batch)
        self._crowd = max(len(batch.submissions), self._crowd // 2)
        self._sent = batch
        self._writing = asyncio.create_task(self._write(batch, began_at))
        self._writing.add_done_callback(lambda _: self._arrived.set())

    async def _work(self) -> None:
        """Wait until something is in the queue."""
        while not self._queue and not self._draining:
            self._arrived.clear()
            await self._arrived.wait()
            if self._writing is not None and self._writing.done():
                await self._written()

    def _give_up_waiting(self, room: int) -> list[Submission]:
        """Give away what waits to be decided under the lock, if there is room for it."""
        waiting = self._open
        if waiting is None or not waiting.postponed or waiting.commands_count > room:
            return []
        self._recorder.expect_next(is_ready=False)
        return waiting.leave()

    async def _more(self) -> bool:
        """Wait for more submissions; False when the batch being written is done first, if any."""
        while self._writing is not None and not self._writing.done() and not self._draining:
            if self._queue:
                return True
            self._arrived.clear()
            await self._arrived.wait()
        return False

    async def _about_to_come(self, batch: Batch) -> bool:
        """Tell whether more submissions come, while many callers are at it.

        What they send comes one by one, and a batch costs much beside a single command: a third
        more get through when they wait for each other.
        """
        if not self._gathers(batch):
            return False
        now = asyncio.get_running_loop().time
        self._gathering_until = self._gathering_until or now() + GATHERING_MAX_S
        for _ in range(PASSES):
            if self._draining or now() > self._gathering_until:
                return False
            if self._queue:
                return True
            await asyncio.sleep(0)
        return False

    def _gathers(self, batch: Batch) -> bool:
        return self._crowd >= CROWD and len(batch.submissions) < GATHERED_MAX

    async def _decide(self, batch: Batch, submissions: list[Submission]) -> None:
        """Load what the submissions need and decide them on top of what the batch has already."""
        batch.join(submissions)
        await self._load(submissions)
        if self._recorder.contended:
            batch.postpone()
            return
        for _ in range(DECISIONS_MAX):
            now = asyncio.get_running_loop().time()
            if not batch.obsolete:
                with suppress(NotLoadedError):  # What fell due just now, or an id (R7).
                    batch.decide(submissions, clock=self._clock(), now=now)
                    return
            submissions = batch.submissions
            await self._load(submissions)
            batch.begin_again(asyncio.get_running_loop().time())
        raise NotLoadedError("what is needed changes faster than it can be loaded")

    async def _encode(self, batch: Batch) -> None:
        """Write a batch as rows, most likely while the one before is being recorded.

        Now and then that one has its turn, which may have to go on.
        """
        while batch.unwritten and not batch.obsolete:
            if batch.unwritten > PIECE:
                await asyncio.sleep(0)
            batch.encode(PIECE)

    async def _load(self, submissions: list[Submission]) -> None:
        while any(s.open(asyncio.get_running_loop().time()) for s in submissions):
            if not await self._memory.load(submissions, self._clock):
                # What was read is ahead of us: by the batch being written, or by another server's.
                await self._written()
                await self._recorder.catch_up()
            elif self._recorder.much_is_due():
                await self._written()
                await self._recorder.sweep()
            else:
                return

    async def _write(self, batch: Batch, began_at: float) -> None:
        try:
            await self._recorder.record(batch)
            ended_at = asyncio.get_running_loop().time()
            self._queue.pace.note(batch.commands_count, began_at, ended_at)
        except Exception:
            log.exception("recorder_failed", book=self._memory.book.id)
            self._memory.reset()
            await self._recorder.close()
            for submission in batch.submissions:
                submission.fail(PoisonedError("the writer failed"))
        if self._open is not None and self._open.layer.parent is batch.layer:
            # What the layer below held is in the base now; drop it.
            self._open.layer.parent = self._memory.base

    async def _written(self) -> None:
        """Wait until the batch being written is done."""
        if self._writing is not None:
            await self._writing
            self._writing = self._sent = None

    def _fail_open(self, error: NotAnsweredError) -> None:
        self._recorder.expect_next(is_ready=False)
        batch, self._open = self._open, None
        if batch is not None:
            for submission in batch.submissions:
                submission.fail(error)

    async def _requeue_open(self) -> None:
        """Put back what could not be decided for want of the database, and wait a little."""
        self._recorder.database_trouble = True
        self._recorder.expect_next(is_ready=False)
        batch, self._open = self._open, None
        if batch is not None:
            self._queue.put_back(s for s in batch.submissions if not s.answer.done())
        await asyncio.sleep(RETRY_WAIT_S)
