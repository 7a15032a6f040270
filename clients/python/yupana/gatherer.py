"""Lets the single commands of many callers travel together."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, TypeGuard

from yupana import convert
from yupana.attempts import NotAnsweredError
from yupana.errors import BookNotFound, DeadlineExceeded, OutcomeUnknown
from yupana.methods import EXECUTE
from yupana.parcel import Member, Parcel
from yupana.retries import is_retryable
from yupana.telemetry import caller_span

if TYPE_CHECKING:
    from yupana.attempts import Attempts
    from yupana.calls import Calls
    from yupana.commands import Command
    from yupana.errors import CallError
    from yupana.outcomes import Outcome

# Measured with client, ledger and Postgres on two cores, transfers/s with 1, 2, 3 and 4 requests:
# 1,024 callers 8,700, 11,900, 12,700, 11,700; 64 callers 5,200, 5,500, 4,900, 5,200; 8 callers
# 1,350, 1,250, 1,160, 1,180. One would have a slow request hold up all callers; from three on
# small numbers of callers pay for it.
IN_FLIGHT_MAX = 2
"""How many requests for a book are under way at a time."""

# What is true of every command of a request, whichever of them there are.
_OF_ALL = (BookNotFound, DeadlineExceeded, OutcomeUnknown)


class Gatherer:
    """Sends the single commands of one book, in the order in which they come.

    At once when nothing is under way; meanwhile they gather, and what has gathered goes when an
    answer comes. How much gathers is bounded by the callers: each waits for its one command.
    """

    def __init__(self, calls: Calls, book: str) -> None:
        self._calls = calls
        self._book = book
        self._waiting: deque[Parcel] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting: asyncio.Task[None] | None = None
        """The one of them that has not begun yet."""

    async def execute(self, command: Command, timeout_s: float | None) -> Outcome:
        """Return what became of a command.

        Raises:
            CallError: There is no answer, with the command's id in `ids`.
        """
        with caller_span(self._book, command) as span:
            member = self._join(command, timeout_s)
            try:
                outcome = convert.outcome(await member.answer)
            except asyncio.CancelledError:
                member.parcel.leave(member)
                raise
            span.answered(outcome)
            return outcome

    async def close(self) -> None:
        """Cancel everything that waits or is under way."""
        while self._waiting:
            self._waiting.popleft().cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _join(self, command: Command, timeout_s: float | None) -> Member:
        if timeout_s is None:
            timeout_s = self._calls.write_timeout_s
        if not (self._waiting and self._waiting[-1].admits(command)):
            self._waiting.append(Parcel(self._book, self._let_go))
        parcel = self._waiting[-1]
        member = parcel.take(command, timeout_s)
        if (overflow := parcel.overflow()) is not None:
            self._waiting.append(overflow)
        self._send()
        return member

    def _send(self) -> None:
        """See to it that what waits is sent, if it may be.

        The task takes it when it runs and not now, so that all callers who are ready now travel
        together. It hands out the outcomes itself: each further turn of the event loop costs a
        single caller some 10 us.
        """
        if self._starting is None and self._waiting and len(self._tasks) < IN_FLIGHT_MAX:
            self._starting = asyncio.get_running_loop().create_task(
                self._carry(), context=Context()
            )
            self._tasks.add(self._starting)
            self._starting.add_done_callback(self._ended, context=Context())

    async def _carry(self) -> None:
        task, self._starting = self._starting, None
        parcel = self._next()
        self._send()
        if parcel is None or task is None:
            return
        parcel.task = task
        try:
            attempts = self._calls.attempts(self._book, writes=True, unsure=parcel.unsure)
            parcel.attempts = attempts
            response = await self._calls.carry(EXECUTE, parcel, attempts)
        except asyncio.CancelledError:
            parcel.cancel()
            raise
        except Exception as error:
            self._fail(parcel, error)
        else:
            self._tasks.discard(task)
            self._send()
            parcel.answer(response)

    def _next(self) -> Parcel | None:
        while self._waiting:
            parcel = self._waiting.popleft()
            if parcel.waiting_count:
                return parcel  # An empty one was made for what could not be converted.
        return None

    def _fail(self, parcel: Parcel, error: Exception) -> None:
        attempts = parcel.attempts
        if attempts is None or not isinstance(error, NotAnsweredError):
            parcel.fail(lambda _: error)
        elif parcel.waiting_count > 1 and _may_be_of_one(attempts.error):
            self._waiting.extendleft(reversed(parcel.split(attempts.error)))
        else:
            parcel.fail(lambda member: _final(attempts, member, error))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Make room, also after a task that never began; what waits is for the next one."""
        self._tasks.discard(task)
        if self._starting is task:
            self._starting = None
        if not task.cancelled():
            task.result()
        self._send()

    def _let_go(self, parcel: Parcel) -> None:
        """Stop what nobody waits for any more."""
        if parcel.task is not None:
            parcel.task.cancel()
        elif parcel in self._waiting:
            self._waiting.remove(parcel)


def _may_be_of_one(error: CallError | None) -> TypeGuard[CallError]:
    """Whether an error may be the fault of a single command, so that the others would succeed."""
    return error is not None and not (is_retryable(error) or isinstance(error, _OF_ALL))


def _final(attempts: Attempts, member: Member, error: NotAnsweredError) -> CallError:
    final = attempts.final(member.timeout_s)
    final.__cause__ = error.__cause__
    return final
