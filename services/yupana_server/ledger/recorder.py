"""Records batches in the journal, and stays right when that goes wrong.

Every batch, also one that has nothing to record, begins by locking the book and reading the
journal's tail, or has Postgres compare it (`journal.brief`): so what it was decided on is held
against the journal before anybody is answered.

Rules that live here: R1 (history, not position), R3 (unknown commits), R4 (conflicts), R5 (stuck
writers), R6 (poison), R8 (time). Whatever happens, every submission of the batch is answered or
left to its deadline.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from yupana_server.book.state import NotLoadedError
from yupana_server.journal import upkeep
from yupana_server.journal.append import (
    TAIL_ENTRIES_MAX,
    Appender,
    Tail,
)
from yupana_server.journal.brief import (
    DATABASE_SKEW_MAX_US,
    DECISION_AGE_MAX_US,
    ENTRIES_MAX,
)
from yupana_server.journal.connect import IDLE_IN_TRANSACTION_TIMEOUT_MS
from yupana_server.journal.encoding import EncodedBatch
from yupana_server.journal.errors import (
    BookNotFoundError,
    ConflictError,
    HistoryChangedError,
    JournalError,
    OverdueError,
    PoisonError,
    StrayError,
    StuckError,
    UnavailableError,
    UnknownCommitError,
)
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link
from yupana_server.journal.tail_lines import Linked
from yupana_server.ledger import measures
from yupana_server.ledger.announcer import Announce
from yupana_server.ledger.batch import COMMANDS_MAX, EXPIRIES_MAX, UNDECIDED, Batch
from yupana_server.ledger.clock import Clock
from yupana_server.ledger.memory import Memory
from yupana_server.ledger.quota import RejectionQuota
from yupana_server.ledger.spans import batch_span, link_joined
from yupana_server.ledger.submission import (
    BookGoneError,
    ClockSkewError,
    NotAnsweredError,
    PoisonedError,
    Submission,
)

BEGIN_TIMEOUT_S = 3.0
"""Three times the lock time-out: Postgres should have answered long before."""

COMMIT_TIMEOUT_S = 10.0
"""After that the commit is unknown."""

RETRY_WAIT_S = 0.05
RETRY_WAIT_MAX_S = 1.0

STRAY_S = (DECISION_AGE_MAX_US + DATABASE_SKEW_MAX_US) / 1e6
"""How long after it was sent a brief append may still be carried out whose connection was lost."""

CALM_AFTER_S = 1.0
"""After others wrote, how long batches keep their place in the queue for the lock, all of them."""

RESCUE_AFTER_S = 0.3
"""R5: when to look who holds the lock that we wait for; below the lock time-out."""

DECISIONS_MAX = 5
"""How often a batch is decided anew because what it rests on changed while that was loaded."""

SWEEP_TIMEOUT_S = 10.0
"""How long the expiry of one batch of holds may take."""

STUCK_AFTER_S = IDLE_IN_TRANSACTION_TIMEOUT_MS / 1000

log = structlog.get_logger("yupana.recorder")


class Recorder:
    """Writes the batches of one book, one at a time."""

    def __init__(
        self,
        memory: Memory,
        reader: JournalReader,
        url: str,
        clock: Clock,
        announce: Announce,
        take_waiting: Callable[[int], list[Submission]],
    ):
        """Take what batches are held against and recorded with, and who is told of it.

        `take_waiting` gives what else waits, so many commands at most, to join a batch that is
        about to be decided under the lock.
        """
        self.database_trouble = False
        self._next_is_ready = False
        self._unanswered: Batch | None = None
        self._announce = announce
        self._take_waiting = take_waiting
        self._memory = memory
        self._reader = reader
        self._url = url
        self._clock = clock
        self._appender: Appender | None = None
        self._stuck = False
        # From when on, by the event loop's clock, nobody else is expected to write the book.
        self._calm_from = math.inf
        # Until when, by the same clock, a message whose connection is lost may be carried out.
        self._stray_until = 0.0
        self._database_clock: Clock = clock

    async def close(self) -> None:
        """Close the connection. Call it when nothing is being written."""
        appender, self._appender = self._appender, None
        self._calm_from = math.inf
        if appender is not None:
            await appender.close()

    async def record(self, batch: Batch) -> None:
        """Record the batch and answer its submissions; returns when nobody waits any more.

        Never cancelled (R3): runs in a task of its own.
        """
        self._next_is_ready = False
        last, self._unanswered = self._unanswered, None
        if last is not None and batch.obsolete:
            last.answer()
        elif last is not None:  # As soon as what is sent now is on its way.
            asyncio.get_running_loop().call_soon(last.answer)
        wait_s = 0.0
        while self._waited_for(batch):
            try:
                await self._try(batch)
                self.database_trouble = False
                return
            except (ClockSkewError, BookNotFoundError, PoisonError) as error:
                await self._give_up(batch, error)
                return
            except JournalError as error:
                await self._prepare_next_try(batch, error)
            # The first retry goes out at once: most conflicts are over when they are noticed.
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2 or RETRY_WAIT_S, RETRY_WAIT_MAX_S)
        self._memory.invalidate()

    async def _try(self, batch: Batch) -> None:
        """Decide again if need be, hold it against the journal, append, take over, answer."""
        if batch.obsolete:
            # While others write, what is decided now is decided again under the lock.
            await (self._load(batch) if self.contended else self._decide_again(batch))
        with batch_span(self._memory.book.id, batch), self._measured(batch):
            await self._append(batch)
        if batch.entries:
            self._announce(self._memory.book.id)
        if self._next_is_ready:
            self._unanswered = batch
        else:
            batch.answer()

    def expect_next(self, *, is_ready: bool) -> None:
        """Be told whether `record` will be called again as soon as it returns.

        If it will, the batch is answered after the next one is sent: to write the answers takes
        time in which Postgres has nothing to do.
        """
        self._next_is_ready = is_ready
        if not is_ready and self._unanswered is not None:
            self._unanswered.answer()
            self._unanswered = None

    @contextmanager
    def _measured(self, batch: Batch) -> Iterator[None]:
        """Measure an append, and what went wrong with it."""
        book, began, failed = self._memory.book.id, time.perf_counter(), ""
        try:
            yield
            measures.note_commit(book, batch.entries, requests=len(batch.submissions))
        except Exception as error:
            failed = type(error).__name__
            raise
        finally:
            measures.note_append(book, time.perf_counter() - began, failed)

    async def _append(self, batch: Batch) -> None:
        appender = await self._connected()
        if not batch.obsolete:
            encoded = self._encode(batch)  # R5: ready before the lock is taken.
            brief = self._may_be_brief(batch, encoded)
            if brief and await self._append_briefly(appender, batch, encoded):
                return
        asked = self._memory.link
        tail = await self._begin(appender, asked)
        try:
            await self._agree_with(tail, asked, batch)
            self._look_for_strays(batch)
            encoded = self._encode(batch)
        except BaseException:
            await appender.rollback()
            raise
        if batch.entries:
            batch.mark_sent()
            await appender.commit(encoded, COMMIT_TIMEOUT_S)
            self._memory.absorb(batch, encoded.end)
            self._stray_until = 0.0  # What was recorded keeps it out.
            if self._calm_from == math.inf:
                self._calm_from = 0.0
        elif self._memory.confirmed_seq < batch.layer.seq:
            # R3: others' entries are visible, but their commit may not have reached the standby.
            # Once something of ours that came later has committed, they have.
            await appender.confirm(COMMIT_TIMEOUT_S)
            self._memory.confirm(batch)
        else:
            await appender.rollback()

    def _encode(self, batch: Batch) -> EncodedBatch:
        """R1: return the batch as rows that are chained to the newest entry."""
        encoded = batch.encode()
        if batch.entries and encoded.start != self._memory.link:
            raise ConflictError("chained to another entry")
        return encoded

    def _may_be_brief(self, batch: Batch, encoded: EncodedBatch) -> bool:
        """Tell whether a batch may go by one message: see `journal.brief`."""
        return (
            0 < len(batch.entries) <= ENTRIES_MAX
            and not encoded.changes_words
            and batch.continues(self._memory.base)
            and asyncio.get_running_loop().time() >= self._calm_from
        )

    async def _append_briefly(
        self, appender: Appender, batch: Batch, encoded: EncodedBatch
    ) -> bool:
        """Append by one message; False when something spoke against it, and nothing is recorded."""
        batch.mark_sent()
        sent = asyncio.get_running_loop().time()
        try:
            recorded = await appender.append_briefly(
                encoded,
                decided_at=batch.decided_at or 0,
                sent_at=self._clock(),
                timeout_s=COMMIT_TIMEOUT_S,
            )
        except UnknownCommitError:
            self._stray_until = sent + STRAY_S
            raise
        if recorded:
            self._memory.absorb(batch, encoded.end)
        else:
            self._others_write()
        return recorded

    @property
    def contended(self) -> bool:
        """Whether others write the book too: a batch is most likely not the next one."""
        return asyncio.get_running_loop().time() < self._calm_from < math.inf

    def _look_for_strays(self, batch: Batch) -> None:
        """R3: record nothing while a lost message may yet record what is answered otherwise.

        Nobody holds the lock for a brief append that has not come to Postgres yet. Whatever is
        recorded before keeps it from being carried out; an answer without an entry does not.
        """
        if not batch.entries and asyncio.get_running_loop().time() < self._stray_until:
            raise StrayError("a message may still be on its way")

    def _others_write(self) -> None:
        """Have batches decided under the lock for a while, which is kept until they are written."""
        self._calm_from = asyncio.get_running_loop().time() + CALM_AFTER_S

    async def _begin(self, appender: Appender, asked: Link) -> Tail:
        """Lock and read the tail; check the clocks, which frame the database's (R8)."""
        rescue = asyncio.create_task(self._rescue(appender.process_id)) if self._stuck else None
        before = self._clock()
        try:
            tail = await appender.begin(asked.seq, BEGIN_TIMEOUT_S)
            self._stuck = False
        finally:
            if rescue is not None:
                rescue.cancel()
        self._database_clock = _going_on_from(tail.locked_at)
        ahead, behind = before - tail.asked_at, tail.locked_at - self._clock()
        skew = max(ahead, behind)
        if skew > DATABASE_SKEW_MAX_US:
            await appender.rollback()
            raise ClockSkewError(skew_ms=skew // 1000)
        return tail

    async def _agree_with(self, tail: Tail, asked: Link, batch: Batch) -> None:
        """R1 and R4: hold against the journal what the batch was decided on."""
        memory = self._memory
        if memory.link != asked:
            raise ConflictError("the state was loaded anew meanwhile")
        others = memory.read(tail.lines)
        if asked.seq > 0:
            if not others or _link(others[0]) != asked:
                memory.reset()
                raise HistoryChangedError(f"entry {asked.seq} is not what it was")
            others = others[1:]
        memory.enter(tail.epoch)
        if others:
            measures.note_conflict(memory.book.id)
            self._others_write()
            memory.fold(others)
        if len(tail.lines) >= TAIL_ENTRIES_MAX:
            raise ConflictError("far behind")
        if batch.obsolete or self._misdated(batch) or not batch.continues(memory.base):
            if self.contended and not (batch.sweeps or batch.is_part):
                joined = self._take_waiting(batch.room)
                batch.join(joined)
                link_joined(joined)
            await self._decide_again(batch)
            if self._misdated(batch):
                raise ClockSkewError(skew_ms=abs(self._age_us(batch)) // 1000)

    def _misdated(self, batch: Batch) -> bool:
        """R8: tell whether it was decided too long ago, or by a clock that was ahead."""
        return not -DATABASE_SKEW_MAX_US <= self._age_us(batch) <= DECISION_AGE_MAX_US

    def _age_us(self, batch: Batch) -> int:
        """Return how long ago it was decided, by the database's clock.

        Our own may have been stepped since the decision, and again since it was found to be right.
        """
        return self._database_clock() - (batch.decided_at or 0)

    async def _decide_again(self, batch: Batch) -> None:
        """Decide the batch on the committed state; what was decided on top of it is obsolete."""
        memory = self._memory
        memory.invalidate()
        for _ in range(DECISIONS_MAX):
            await self._load(batch)
            memory.invalidate()  # Whatever was decided while this was loading did not know of it.
            with suppress(NotLoadedError):  # What fell due just now, or an id (R7).
                batch.decide_again(clock=self._clock(), now=asyncio.get_running_loop().time())
                memory.speculate(batch)
                return
        raise NotLoadedError("what is needed changes faster than it can be loaded")

    async def _load(self, batch: Batch) -> None:
        """Load what is needed to decide the batch on the committed state."""
        while True:
            batch.drop_closed(asyncio.get_running_loop().time())
            if await self._memory.load(batch.submissions, self._clock):
                break
            await self.catch_up()
        if not batch.sweeps and self.much_is_due():
            raise OverdueError("more holds are due than one batch can expire")

    async def catch_up(self) -> None:
        """Fold what others wrote. Call it while nothing is written."""
        known = self._memory.base.seq
        await self._memory.catch_up()
        if self._memory.base.seq > known and self._calm_from < math.inf:
            self._others_write()

    def much_is_due(self) -> bool:
        """Whether more holds are due than should expire in one batch beside other things."""
        top = self._memory.top
        at = max(self._clock(), top.recorded_at + COMMANDS_MAX)
        return len(top.due(at, EXPIRIES_MAX + 1)) > EXPIRIES_MAX

    async def sweep(self) -> None:
        """Have holds that are due expire in a batch of their own. Call it while nothing is written.

        So the time that other decisions take stays bounded, however many holds fall due at once.
        """
        batch = Batch(self._memory, RejectionQuota())
        submission = Submission((), asyncio.get_running_loop().time() + SWEEP_TIMEOUT_S)
        batch.join([submission])
        batch.generation = UNDECIDED
        await self.record(batch)
        if not submission.answer.cancel():
            submission.answer.exception()  # Nobody waits for it.
        self._memory.invalidate()

    async def _prepare_next_try(self, batch: Batch, error: JournalError) -> None:
        """Do what the error asks for before the batch is tried again."""
        log.warning("append_failed", book=self._memory.book.id, error=type(error).__name__)
        self._calm_from = math.inf
        if isinstance(error, StuckError):
            self._stuck = True
        elif isinstance(error, OverdueError):
            await self.sweep()
        elif isinstance(error, ConflictError):
            batch.conflicts += 1
            self._memory.invalidate()
            self._memory.doubt_ids(batch.submissions)
            with suppress(JournalError):
                await self._memory.catch_up()
        elif isinstance(error, StrayError):
            await asyncio.sleep(self._stray_until - asyncio.get_running_loop().time())
        elif isinstance(error, UnknownCommitError):
            # R3: the next try locks the book, which waits for the end of the unknown commit, and
            # then finds it in the tail or not. A brief append may come later: it is waited for.
            for submission in batch.submissions:
                submission.unknown = True
            self._memory.doubt_ids(batch.submissions)
            self._memory.invalidate()
            self.database_trouble = True  # A full disk, for one, is told like this.
            await self.close()
        elif isinstance(error, UnavailableError):
            self.database_trouble = True
            await self.close()

    async def _rescue(self, process_id: int) -> None:
        """R5: end the append of another ledger that hangs while we wait for its lock."""
        await asyncio.sleep(RESCUE_AFTER_S)
        with suppress(UnavailableError):
            ended = await upkeep.terminate_blocker(
                self._reader, process_id, waiting_longer_than_s=STUCK_AFTER_S
            )
            if ended:
                log.warning("stuck_writer_terminated", book=self._memory.book.id, count=ended)

    async def _give_up(self, batch: Batch, error: Exception) -> None:
        """Answer those who wait with what cannot be mended by trying again."""
        self._memory.invalidate()
        if isinstance(error, PoisonError):
            await self._bisect(batch, error)
            return
        answer = error if isinstance(error, NotAnsweredError) else BookGoneError(str(error))
        log.warning("batch_refused", book=self._memory.book.id, error=type(answer).__name__)
        for submission in batch.submissions:
            submission.fail(answer)

    async def _bisect(self, batch: Batch, error: PoisonError) -> None:
        """R6: record all but the culprit, which alone gets INTERNAL."""
        waiting = [s for s in batch.submissions if not s.answer.done()]
        if len(waiting) <= 1:
            log.error("poison", book=self._memory.book.id, error=str(error))
            for submission in waiting:
                submission.fail(PoisonedError("the database refused it"))
            return
        middle = len(waiting) // 2
        for half in (waiting[:middle], waiting[middle:]):
            await self.record(batch.part(half))

    def _waited_for(self, batch: Batch) -> bool:
        now = asyncio.get_running_loop().time()
        return any(s.open(now) for s in batch.submissions)

    async def _connected(self) -> Appender:
        if self._appender is None:
            self._appender = await Appender.open(self._url, self._memory.book.number)
        return self._appender


def _going_on_from(moment: int) -> Clock:
    """Return a clock that is right now and cannot be stepped; good for as long as a batch takes."""
    began_ns = time.monotonic_ns()
    return lambda: moment + (time.monotonic_ns() - began_ns) // 1_000


def _link(linked: Linked) -> Link:
    return Link(linked.entry.seq, linked.hash)
