"""A batch: submissions that are decided together and recorded by one commit."""

from collections.abc import Iterable, Sequence

from yupana_server.book.commands import Command, Kind, words_of
from yupana_server.book.decide import Decision, Outcome, Replay, decide, expire
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.plain import post
from yupana_server.book.rejections import Reason, Refusal
from yupana_server.book.state import NO_DUE, NotLoadedError, State, all_until
from yupana_server.journal.encoding import EncodedBatch, StoredWords
from yupana_server.ledger import measures
from yupana_server.ledger.memory import Memory
from yupana_server.ledger.quota import RejectionQuota
from yupana_server.ledger.submission import Answer, ClockSkewError, Submission, Unit

COMMANDS_MAX = 5_000
"""How many commands a batch has at most, unless one submission has more by itself."""

EXPIRIES_MAX = 2_000
"""How many holds expire in one batch of their own, which bounds how long it takes."""

UNDECIDED = -1
"""A generation that never was."""

BEHIND_TAIL_MAX_US = 1_000_000
"""R8: who lies further behind the journal's tail refuses to decide."""


class Batch:
    """Submissions, what was decided about them, and the layer of state that this leaves."""

    def __init__(self, memory: Memory, quota: RejectionQuota):
        self.submissions: list[Submission] = []
        self.commands_count = 0
        self.conflicts = 0
        """How often another server was first."""
        self.is_part = False
        """Whether this is some of the submissions of a batch that was refused."""
        self._memory = memory
        self._quota = quota
        self._sent: dict[str, Entry] = {}
        self._rejections = 0
        self._begin()

    def _begin(self) -> None:
        self.postponed = False
        """Whether everything is loaded, and nothing is decided before the lock is taken."""
        self._quota.put_back(self._rejections)
        self._rejections = 0
        self.generation = self._memory.generation
        self.layer = self._memory.top.layer()
        self.entries: list[Entry] = []
        self._encoded = EncodedBatch(self._memory.book.number, self._memory.top_link)
        self._words: list[StoredWords] = []
        self.decided_at: int | None = None
        self.outcomes: list[tuple[Submission, list[Outcome]]] = []
        self._unanswered = dict(self._sent)

    @property
    def room(self) -> int:
        """How many more commands should join."""
        return max(0, COMMANDS_MAX - self.commands_count)

    @property
    def sweeps(self) -> bool:
        """Whether this is nothing but the expiry of holds that are due."""
        return not any(s.units for s in self.submissions)

    @property
    def obsolete(self) -> bool:
        """Whether the state that this was decided on is no longer what it was."""
        return self.generation != self._memory.generation

    def continues(self, base: State) -> bool:
        """Tell whether this follows directly on the committed state."""
        if not self.entries:
            return self.layer.seq == base.seq
        first = self.entries[0]
        return first.seq == base.seq + 1 and first.recorded_at > base.recorded_at

    def join(self, submissions: list[Submission]) -> None:
        """Take submissions in, to be decided after those that are in already."""
        self.postponed = False
        self.submissions += submissions
        self.commands_count += sum(s.commands_count for s in submissions)

    def leave(self) -> list[Submission]:
        """Let go of all submissions, to be decided elsewhere."""
        left, self.submissions, self.commands_count = self.submissions, [], 0
        self._begin()
        self.postpone()
        return left

    def drop_closed(self, now: float) -> None:
        """Let go of submissions that can no longer be answered in time: never decided again."""
        self.submissions = [s for s in self.submissions if s.open(now)]

    def decide(self, submissions: Iterable[Submission], *, clock: int, now: float) -> None:
        """Decide submissions that joined, on top of what is decided already.

        `clock` is the wall clock in microseconds since the Unix epoch, `now` the event loop's
        clock. Everything that the submissions need must be loaded. What can no longer be answered
        in time is left out for good.
        """
        behind = self.layer.recorded_at - clock
        if behind > BEHIND_TAIL_MAX_US:
            raise ClockSkewError(skew_ms=behind // 1000)
        if self.decided_at is None:
            self.decided_at = clock
        # What was loaded since the last time may be due already.
        self.layer.expired_until = NO_DUE
        for submission in submissions:
            if submission.open(now):
                if not submission.decided and submission.units:
                    measures.note_wait(now - submission.queued_at, submission.span)
                submission.decided = True
                for command_id, entry in submission.found.items():
                    self.layer.outcomes.setdefault(command_id, entry)
                self.outcomes.append((submission, self._decide_one(submission, clock)))

    @property
    def unwritten(self) -> int:
        """How many entries are not written as rows yet."""
        return len(self.entries) - self._encoded.entries

    def encode(self, limit: int | None = None) -> EncodedBatch:
        """Write entries as rows that are not yet, `limit` of them if it is given.

        Best done while the batch before is being recorded, when there is nothing else to do.
        """
        encoded = self._encoded
        end = None if limit is None else encoded.entries + limit
        encoded.add(self.entries[encoded.entries : end])
        encoded.add_words(self._words)
        self._words = []
        return encoded

    def postpone(self) -> None:
        """Leave it to the recorder to decide all submissions, when it knows on top of what."""
        self.generation = UNDECIDED
        self.postponed = True

    def begin_again(self, now: float) -> None:
        """Forget what was decided; all submissions are to be decided anew on what is known now."""
        self._begin()
        self.drop_closed(now)

    def decide_again(self, *, clock: int, now: float) -> None:
        """Decide all submissions anew on what is known now."""
        self.begin_again(now)
        self.decide(self.submissions, clock=clock, now=now)

    def mark_sent(self) -> None:
        """Remember what goes to the database now, should the answer be lost (R3).

        Whatever was sent before has not been committed: the tail says so.
        """
        self._sent = {entry.id: entry for entry in self.entries}

    def part(self, submissions: list[Submission]) -> "Batch":
        """Return a batch of some of these submissions, yet to be decided."""
        part = Batch(self._memory, self._quota)
        part.join(submissions)
        part.generation = UNDECIDED
        part.is_part = True
        return part

    def answer(self) -> None:
        """Tell everybody who waits; call it when everything that this rests on has committed."""
        answer_seq = self.layer.seq
        epoch = self._memory.book.epoch
        answered: list[Outcome] = []
        for submission, outcomes in self.outcomes:
            if not submission.answer.done():
                submission.answer.set_result(Answer(outcomes, answer_seq, epoch))
                if not submission.validate_only:
                    answered += outcomes
        measures.count_outcomes(self._memory.book.id, answered)

    def _decide_one(self, submission: Submission, clock: int) -> list[Outcome]:
        if submission.validate_only:
            return _validate(self.layer.layer(), submission.units, clock)
        if not submission.units:
            for entry in expire(self.layer.layer(), clock, EXPIRIES_MAX):
                self._take(submission, entry)
                self.layer.expired_until = (entry.hold_expires_at or 0, entry.hold or "")
        outcomes: list[Outcome] = []
        units, trace_id, place = submission.units, _trace_id(submission), 0
        while place < len(units):
            posted = post(
                self.layer, units, place, clock, trace_id=trace_id, actor=submission.actor
            )
            if posted:
                self._take_posted(units[place : place + len(posted)], posted)
                outcomes += posted
                place += len(posted)
            if place < len(units):  # What is not as plain.
                outcomes += self._decide_unit(submission, units[place], clock)
                place += 1
        return outcomes

    def _take_posted(self, units: Sequence[Unit], entries: list[Entry]) -> None:
        """Take in what is decided and folded."""
        self.entries += entries
        for unit, entry in zip(units, entries, strict=True):
            if entry.sealed_words is not None:
                self._take_words(unit[0], entry)

    def _decide_unit(self, submission: Submission, unit: Unit, clock: int) -> list[Outcome]:
        decision = self._within_quota(decide(self.layer, unit, clock))
        outcomes, entries = list(decision.outcomes), decision.entries
        if submission.taken_for_new and _rests_on_absence(outcomes):
            self._memory.doubt_ids(self.submissions)
            raise NotLoadedError("an id that may be known")
        _note_expiry(self.layer, entries)
        taken = {entry.id: self._take(submission, entry) for entry in entries}
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, Entry):
                outcomes[place] = taken[outcome.id]
                self._take_words(unit[place], outcome)
            elif isinstance(outcome, Replay) and self._own(outcome.entry):
                outcomes[place] = outcome.entry
        return outcomes

    def _own(self, entry: Entry) -> bool:
        """R3: tell whether we wrote it ourselves, in a commit whose answer was lost.

        Only once: what has the same id after that is a replay.
        """
        return self._unanswered.pop(entry.id, None) == entry

    def _take(self, submission: Submission, entry: Entry) -> Entry:
        trace_id = _trace_id(submission)
        if trace_id is not None or submission.actor is not None:
            entry = entry._replace(trace_id=trace_id, actor=submission.actor)
        evolve(self.layer, entry)
        self.entries.append(entry)
        return entry

    def _take_words(self, command: Command, entry: Entry) -> None:
        words = words_of(command)
        if words is not None:
            self._words.append(StoredWords(entry.seq, words))
        if entry.kind == Kind.ERASE and entry.result is not None:
            self._encoded.erased.append(int(str(entry.result["seq"])))

    def _within_quota(self, decision: Decision) -> Decision:
        rejected = [o for o in decision.outcomes if isinstance(o, Entry) and o.reason is not None]
        if not rejected or self._quota.take(len(rejected)):
            self._rejections += len(rejected)
            return decision
        refused: list[Outcome] = [
            _refuse(o) if isinstance(o, Entry) else o for o in decision.outcomes
        ]
        return Decision(refused, [e for e in decision.entries if e.kind == Kind.EXPIRY])


def _rests_on_absence(outcomes: Sequence[Outcome]) -> bool:
    """R7: tell whether something is answered that is not recorded, and is wrong if an id is known.

    An entry meets the key of its id when it is recorded; what is known is known.
    """
    return any(isinstance(o, Refusal) and o.reason != Reason.ID_REUSED for o in outcomes)


def _trace_id(submission: Submission) -> bytes | None:
    context = submission.span.get_span_context()
    return context.trace_id.to_bytes(16, "big") if context.is_valid else None


def _validate(scratch: State, units: Iterable[Unit], clock: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for unit in units:
        decision = decide(scratch, unit, clock)
        _note_expiry(scratch, decision.entries)
        for entry in decision.entries:
            evolve(scratch, entry)
        for outcome in decision.outcomes:
            if isinstance(outcome, Replay) and outcome.entry.id in scratch.outcomes:
                outcome = outcome.entry  # noqa: PLW2901 (of this request: it is not recorded)
            outcomes.append(outcome)
    return outcomes


def _note_expiry(layer: State, entries: Sequence[Entry]) -> None:
    """Take note that whatever was due by the first entry is expired, if it is about that."""
    if entries and entries[0].kind == Kind.EXPIRY:
        layer.expired_until = max(layer.expired_until, all_until(entries[0].recorded_at))


def _refuse(entry: Entry) -> Refusal:
    name = entry.reason.name if entry.reason is not None else "none"
    facts = {"rejected_reason": f"ERROR_REASON_{name}"}
    return Refusal(entry.id, Reason.REJECTION_QUOTA_EXCEEDED, facts)
