"""What waits for a book's writer, how long that will take, and what is refused because of it."""

from collections import deque
from collections.abc import Iterable

from yupana_server.ledger.batch import COMMANDS_MAX
from yupana_server.ledger.submission import OverloadedError, Submission

QUEUED_COMMANDS_MAX = 65_536
"""How many commands may wait for a book, however fast it is written: bounds the memory."""

TAKEN_MAX = 1_000
"""So many commands of several requests are decided at a time, in 5 ms; then what is being recorded
has its turn. That is a conversation with Postgres, which has nothing to do while nobody goes on."""

QUEUE_WAIT_MAX_S = 2.0
"""How long what is let in may have to wait for its answer, as far as can be told. A longer queue
makes answers later, not more of them."""

QUEUED_COMMANDS_MIN = 2 * COMMANDS_MAX
"""So many may always wait, if their deadlines allow: the writer never lacks full batches."""

HEADROOM = 1.5
"""By how much the expected wait must fall short of the time that is left: what is decided and then
answered too late was all in vain."""

SAMPLE_COMMANDS_MIN = 500
"""Batches of fewer do not tell how fast large ones are: a commit takes milliseconds by itself."""

PACE_COMMANDS = 10_000
"""Over about so many commands the pace is averaged: half a second."""

GOOD_NEWS = 0.3
"""How much a batch counts at least that was faster: after a stall of the database, what comes then
must not be refused for what is over."""


class Pace:
    """How long a command takes while there is enough to do: a moving average."""

    def __init__(self) -> None:
        # Before anything was measured, as fast as makes the two bounds of the queue agree.
        self.command_s = QUEUE_WAIT_MAX_S / QUEUED_COMMANDS_MAX
        self._ended_at = 0.0

    def note(self, commands: int, began_at: float, ended_at: float) -> None:
        """Take note of a batch. It was decided while another was written: that is not its time."""
        began_at, self._ended_at = max(began_at, self._ended_at), ended_at
        if commands >= SAMPLE_COMMANDS_MIN:
            weight = commands / (commands + PACE_COMMANDS)
            command_s = (ended_at - began_at) / commands
            if command_s < self.command_s:
                weight = max(weight, GOOD_NEWS)
            self.command_s += weight * (command_s - self.command_s)


class WaitingLine:
    """The submissions that wait, in their order."""

    def __init__(self) -> None:
        self.pace = Pace()
        self._line: deque[Submission] = deque()
        self.commands = 0
        """How many commands wait."""
        self._gone = 0

    def __len__(self) -> int:
        return len(self._line)

    def check_room(self, commands: int, *, under_way: int, deadline: float, now: float) -> None:
        """Refuse what would have to wait for too long, above all beyond its own deadline.

        `under_way` is how many commands were taken out and are not recorded yet. When there are
        neither, anything goes. Times are of the event loop's clock.

        Raises:
            OverloadedError: There is no room.
        """
        if not self._line and not under_way:
            return
        waiting = self.commands + commands
        wait_s = (waiting + under_way) * self.pace.command_s
        full = waiting > QUEUED_COMMANDS_MAX
        long = waiting > QUEUED_COMMANDS_MIN and wait_s > QUEUE_WAIT_MAX_S
        if full or long or now + HEADROOM * wait_s > deadline:
            raise OverloadedError(self.commands)

    def add(self, submission: Submission) -> None:
        """Let a submission wait behind all others."""
        self._line.append(submission)
        self.commands += submission.commands_count

    def put_back(self, submissions: Iterable[Submission]) -> None:
        """Let submissions that were taken, in their order, wait before all others again."""
        for submission in reversed(list(submissions)):
            submission.taken = False
            self._line.appendleft(submission)
            self.commands += submission.commands_count

    def forget(self, submission: Submission) -> None:
        """Let go of a submission that nobody waits for any more."""
        if submission.taken:
            return
        self.commands -= submission.commands_count
        self._gone += 1
        if self._gone * 2 > len(self._line):
            self._line = deque(s for s in self._line if not s.answer.done())
            self._gone = 0

    def take(self, room: int, *, at_least_one: bool) -> list[Submission]:
        """Take out the first ones, as many as have room, and even without room one if need be.

        Those behind the first one only as long as all have at most TAKEN_MAX commands together.
        """
        taken: list[Submission] = []
        together = 0
        while self._line:
            submission = self._line[0]
            if submission.answer.done():
                self._line.popleft()
                self._gone -= 1
                continue
            count = submission.commands_count
            if count > room and (taken or not at_least_one):
                break
            if taken and together + count > TAKEN_MAX:
                break
            self._line.popleft()
            self.commands -= count
            submission.taken = True
            taken.append(submission)
            room -= count
            together += count
        return taken
