"""The commands of several callers in one request, and what each of them waits for."""

from __future__ import annotations

import asyncio
import re
import time
from contextvars import Context, copy_context
from typing import TYPE_CHECKING

import grpc

from yupana.commands.weights import weight_of
from yupana.convert.commands import add_command
from yupana.errors import CallError, DeadlineExceeded, InternalError, Unavailable
from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from yupana.attempts import Attempts
    from yupana.commands import Command
    from yupana.ledger.v1.ledger_service_pb2 import ExecuteResponse
    from yupana.ledger.v1.outcome_pb2 import Outcome as OutcomeMessage

# Measured with 1,024 callers: 256 a request 9,900 transfers/s, 512 11,900, 1,024 9,800. So the
# ledger has one half to do while the client reads the answers to the other.
COMMANDS_MAX = 512
"""How many commands share a request."""

# Half of what the contract allows, and a fraction of the 16 MiB that fit into a message: a command
# that is larger by itself travels alone.
WEIGHT_MAX = 5_000
SIZE_BYTES_MAX = 1 << 20

# A request of which nobody knows whose fault it is goes again in so many parts: finds one of 512 in
# 25 requests, and when all are at fault it costs an eighth more than a request for each.
PARTS = 8

_COMMAND = re.compile(r"commands\[(\d+)\]")


class Member:
    """A caller with one command."""

    __slots__ = ("answer", "context", "deadline_s", "id", "parcel", "timeout_s")

    def __init__(self, parcel: Parcel, command_id: str, deadline_s: float, timeout_s: float):
        self.parcel = parcel
        self.context = copy_context()
        self.id = command_id
        self.deadline_s = deadline_s
        self.timeout_s = timeout_s
        self.answer: asyncio.Future[OutcomeMessage] = parcel.loop.create_future()

    @property
    def waits(self) -> bool:
        """Whether there is neither an answer nor a reason to wait no longer."""
        return not self.answer.done()


class Parcel:
    """The cargo of a call with many callers. Those that go away fall out of what is sent next."""

    def __init__(
        self,
        book: str,
        on_empty: Callable[[Parcel], None],
        *,
        sealed: bool = False,
        unsure: bool = False,
    ) -> None:
        """`on_empty` is called when the last member has gone without an answer."""
        self.unsure = unsure
        """Its commands may have been recorded as parts of a larger request."""
        self.attempts: Attempts | None = None
        """None as long as it waits to be sent."""
        self.loop = asyncio.get_running_loop()
        """Asked for once: each time is a system call in Python 3.11."""
        self.task: asyncio.Task[None] | None = None
        """What sends it."""
        self.deadline_s = 0.0
        """The longest of its members, by `time.monotonic`."""
        self.waiting_count = 0
        """How many members still wait."""
        self._on_empty = on_empty
        self._sealed = sealed
        self._request = ExecuteRequest(book=book)
        self._members: list[Member] = []
        self._weight = 0
        self._size_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_s = 0.0

    @property
    def context(self) -> Context:
        """Where it is sent: a single caller's own context, else one that is nobody's.

        What many share must not look like a part of what one of them is doing.
        """
        return self._members[0].context if len(self._members) == 1 else Context()

    @property
    def callers(self) -> Sequence[Context]:
        """What several callers were doing; nothing when there is only one."""
        members = self._members
        return [member.context for member in members] if len(members) > 1 else ()

    def admits(self, command: Command) -> bool:
        """Whether there is room for a command."""
        return (
            not self._sealed
            and len(self._members) < COMMANDS_MAX
            and self._weight + weight_of(command) <= WEIGHT_MAX
        )

    def take(self, command: Command, timeout_s: float) -> Member:
        """Take in a command, never a linked one. Raises what its conversion raises."""
        commands = self._request.commands
        count = len(commands)
        try:
            message = add_command(self._request, command)
        except BaseException:
            del commands[count:]
            raise
        self._weight += weight_of(command)
        self._size_bytes += message.ByteSize()
        member = Member(self, command.id, time.monotonic() + timeout_s, timeout_s)
        self._add(member)
        return member

    def overflow(self) -> Parcel | None:
        """Return the command that came last in a parcel of its own if it is too large for this."""
        if self._size_bytes <= SIZE_BYTES_MAX or len(self._members) == 1:
            return None
        self._sealed = True
        last = self._part([len(self._members) - 1], unsure=False)
        del self._members[-1], self._request.commands[-1]
        self.waiting_count -= 1
        return last

    def _add(self, member: Member) -> None:
        self._members.append(member)
        self.waiting_count += 1
        self.deadline_s = max(self.deadline_s, member.deadline_s)
        if self._timer is None or member.deadline_s < self._timer_at_s:
            self._set_timer(member.deadline_s)

    def request(self) -> ExecuteRequest:
        """Return the commands of those that still wait."""
        if self.waiting_count < len(self._members):
            self._drop_gone()
        return self._request

    def _drop_gone(self) -> None:
        for place in reversed(range(len(self._members))):
            if not self._members[place].waits:
                del self._members[place], self._request.commands[place]
        self.deadline_s = max((member.deadline_s for member in self._members), default=0.0)

    def waits(self, until_s: float) -> bool:
        """Whether anybody still waits then. Who does not is told now."""
        self.waiting_count -= self._give_up_on(until_s)
        return self.waiting_count > 0

    def leave(self, member: Member) -> None:
        """Note that a caller has gone away."""
        if member.answer.cancelled():
            self._gone(1)
        else:
            member.answer.exception()  # It came too late: nobody is going to look at it.

    def answer(self, response: ExecuteResponse) -> None:
        """Give every member its outcome."""
        outcomes = response.outcomes
        if len(outcomes) != len(self._members):
            counts = len(self._members), len(outcomes)
            self.fail(lambda _: _miscounted(*counts))
            return
        for member, outcome in zip(self._end(), outcomes, strict=True):
            if member.waits:
                member.answer.set_result(outcome)

    def fail(self, error_for: Callable[[Member], BaseException]) -> None:
        """Give every member that still waits an error of its own."""
        for member in self._end():
            _fail(member, error_for(member))

    def cancel(self) -> None:
        """Cancel every member that still waits."""
        for member in self._end():
            member.answer.cancel()

    def _end(self) -> list[Member]:
        """Let go of timer and members, which are returned.

        Members know their parcel: left together, only the cycle collector would find them.
        """
        self._stop_timer()
        members, self._members = self._members, []
        return members

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def split(self, error: CallError) -> list[Parcel]:
        """Return parts to be sent again after an error that one of the members may have caused.

        Those that it names go alone and last; when it names none, all go in a few parts. The ids
        stay the same, so that nothing can happen twice.
        """
        unsure = self.attempts is not None and self.attempts.unsure
        unsure = unsure or isinstance(error, InternalError)
        places = [place for place, member in enumerate(self._members) if member.waits]
        named = _named(error)
        blamed = [place for place in places if place in named]
        others = [place for place in places if place not in named]
        if blamed:
            parts = [others, *([place] for place in blamed)]
        else:
            size = -(-len(places) // PARTS)
            parts = [places[start : start + size] for start in range(0, len(places), size)]
        again = [self._part(part, unsure=unsure) for part in parts if part]
        self._end()
        return again

    def _part(self, places: Iterable[int], *, unsure: bool) -> Parcel:
        part = Parcel(self._request.book, self._on_empty, sealed=True, unsure=unsure)
        for place in places:
            part._request.commands.append(self._request.commands[place])
            member = self._members[place]
            member.parcel = part
            part._add(member)
        return part

    def _set_timer(self, at_s: float) -> None:
        self._stop_timer()
        self._timer_at_s = at_s
        delay_s = max(0.0, at_s - time.monotonic())
        self._timer = self.loop.call_later(delay_s, self._time_passed, context=Context())

    def _time_passed(self) -> None:
        self._timer = None
        self._gone(self._give_up_on(max(time.monotonic(), self._timer_at_s)))
        if self.waiting_count:
            self._set_timer(min(member.deadline_s for member in self._members if member.waits))

    def _give_up_on(self, until_s: float) -> int:
        """Tell those whose time ends by then what may have become of their commands; count them."""
        late = [each for each in self._members if each.deadline_s <= until_s and each.waits]
        for member in late:
            _fail(member, self._late(member.timeout_s))
        return len(late)

    def _late(self, timeout_s: float) -> CallError:
        if self.attempts is not None:
            return self.attempts.final(timeout_s)
        message = f"not sent within {timeout_s:g} s: earlier calls have not been answered yet"
        if self.unsure:
            return DeadlineExceeded(message, grpc.StatusCode.DEADLINE_EXCEEDED)
        return Unavailable(message, grpc.StatusCode.UNAVAILABLE)

    def _gone(self, count: int) -> None:
        self.waiting_count -= count
        if not self.waiting_count:
            self._stop_timer()
            self._on_empty(self)
        elif self.attempts is None and self.waiting_count * 2 < len(self._members):
            self._drop_gone()


def _fail(member: Member, error: BaseException) -> None:
    if member.waits:
        if isinstance(error, CallError):
            error.ids = (member.id,)
        member.answer.set_exception(error)


def _named(error: CallError) -> set[int]:
    found = (_COMMAND.match(violation.field) for violation in error.violations)
    return {int(match[1]) for match in found if match is not None}


def _miscounted(commands: int, outcomes: int) -> CallError:
    message = f"the ledger answered {commands} commands with {outcomes} outcomes"
    return InternalError(message, grpc.StatusCode.INTERNAL)
