"""Lets the single commands of many callers travel together."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING

from yupana import convert
from yupana.attempts import NotAnsweredError
from yupana.errors import BookNotFound, DeadlineExceeded, OutcomeUnknown
from yupana.methods import EXECUTE
from yupana.parcel import Member, Parcel
from yupana.retries import is_retryable

if TYPE_CHECKING:
    from yupana.calls import Calls
    from yupana.commands import Command
    from yupana.errors import CallError
    from yupana.ledger.v1.ledger_service_pb2 import ExecuteResponse
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
        self._under_way: dict[asyncio.Task[ExecuteResponse], Parcel] = {}
        self._about_to_send = False

    async def execute(self, command: Command, timeout_s: float | None) -> Outcome:
        """Return what became of a command.

        Raises:
            CallError: There is no answer, with the command's id in `ids`.
        """
        member = self._join(command, timeout_s)
        try:
            return convert.outcome(await member.answer)
        except asyncio.CancelledError:
            member.parcel.leave(member)
            raise

    async def close(self) -> None:
        """Cancel everything that waits or is under way."""
        while self._waiting:
            self._waiting.popleft().cancel()
        tasks = list(self._under_way)
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
        if not self._about_to_send and len(self._under_way) < IN_FLIGHT_MAX:
            # Not this moment, so that all callers who are ready now travel together.
            self._about_to_send = True
            asyncio.get_running_loop().call_soon(self._send, context=Context())
        return member

    def _send(self) -> None:
        self._about_to_send = False
        while self._waiting and len(self._under_way) < IN_FLIGHT_MAX:
            parcel = self._waiting.popleft()
            if not parcel.waiting_count:
                continue  # What it was made for could not be converted.
            attempts = self._calls.attempts(self._book, writes=True, unsure=parcel.unsure)
            parcel.attempts = attempts
            carried = self._calls.carry(EXECUTE, parcel, attempts)
            task = asyncio.get_running_loop().create_task(carried, context=parcel.context)
            self._under_way[task] = parcel
            task.add_done_callback(self._arrived, context=Context())

    def _arrived(self, task: asyncio.Task[ExecuteResponse]) -> None:
        """Send what has gathered, then hand out what has come."""
        parcel = self._under_way.pop(task)
        error = None if task.cancelled() else task.exception()
        failure = parcel.attempts.error if parcel.attempts is not None else None
        again = (
            isinstance(error, NotAnsweredError)
            and failure is not None
            and (parcel.waiting_count > 1 and _may_be_of_one(failure))
        )
        if again and failure is not None:
            self._waiting.extendleft(reversed(parcel.split(failure)))
        self._send()
        if task.cancelled():
            parcel.cancel()
        elif error is None:
            parcel.answer(task.result())
        elif not again:
            parcel.fail(lambda member: _error_for(parcel, member, error))

    def _let_go(self, parcel: Parcel) -> None:
        """Stop what nobody waits for any more."""
        for task, under_way in self._under_way.items():
            if under_way is parcel:
                task.cancel()
                return
        if parcel in self._waiting:
            self._waiting.remove(parcel)


def _may_be_of_one(error: CallError) -> bool:
    """Whether an error may be the fault of a single command, so that the others would succeed."""
    return not (is_retryable(error) or isinstance(error, _OF_ALL))


def _error_for(parcel: Parcel, member: Member, error: BaseException) -> BaseException:
    if not isinstance(error, NotAnsweredError) or parcel.attempts is None:
        return error
    final = parcel.attempts.final(member.timeout_s)
    final.__cause__ = error.__cause__
    return final
