"""Clients that keep a book busy and write down all that they ask and are told."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from types import TracebackType

from faults.history.log import CallRecord, Log, Read, Streamed
from faults.history.workload import Memory, Request, Workload, opening

from yupana import (
    Account,
    CallError,
    Command,
    CommandError,
    CreateTransfer,
    EpochChanged,
    Outcome,
    Yupana,
)
from yupana.book import BookClient

WAIT_S = 120.0
"""How long a fact is waited for that does not need this long unless something is broken."""

STREAMED_AT_ONCE = 15
"""After so many commands the source of a stream rests, so that they travel in several requests."""

STREAM_REST_S = 0.005


class Load:
    """N clients on one book, from entering to leaving.

    Of the clients, every other one knows all servers and chooses as published clients do; the rest
    keep to one server each, so that every server gets its share (`pinned=False`: none does).
    Leaving ends them gently: each finishes what it is at, and what got no answer is sent again
    until it has one.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        book_id: str,
        *,
        seed: int,
        clients: int = 8,
        pinned: bool = True,
        pause_s: float = 0.02,
        timeout_s: float = 10.0,
    ):
        self.addresses = list(addresses)
        self.book_id = book_id
        self.log = Log()
        self._seed = seed
        self._pause_s = pause_s
        self._timeout_s = timeout_s
        self._memory = Memory()
        self._clients = [
            Yupana(*self._addresses_of(number, pinned=pinned)) for number in range(clients)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._answered: set[str] = set()
        self._news = asyncio.Condition()

    def _addresses_of(self, client: int, *, pinned: bool) -> list[str]:
        if not pinned or client % 2 == 0:
            return self.addresses
        return [self.addresses[client // 2 % len(self.addresses)]]

    async def __aenter__(self) -> "Load":
        await self._clients[0].create_book(self.book_id, timeout_s=WAIT_S)
        book = self._clients[0].book(self.book_id)
        await self._execute(0, book, opening(), WAIT_S)
        assert not self.log.failed(), self.log.failed()
        self._tasks = [
            asyncio.create_task(self._run(number)) for number in range(len(self._clients))
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        try:
            if error is None:
                async with asyncio.timeout(WAIT_S):
                    await asyncio.gather(*self._tasks)
                await self._settle()
        finally:
            for task in [*self._tasks, *self._calls]:
                task.cancel()
            await asyncio.gather(*self._tasks, *self._calls, return_exceptions=True)
            await asyncio.gather(*(client.close() for client in self._clients))

    async def acknowledged(self, count: int, *, more: bool = False) -> None:
        """Wait until that many ids have been answered; with `more`, that many further ones."""
        target = count + (len(self._answered) if more else 0)
        try:
            async with asyncio.timeout(WAIT_S), self._news:
                await self._news.wait_for(lambda: self._broken() or len(self._answered) >= target)
        except TimeoutError:
            raise AssertionError(self._why_not(target)) from None
        for task in self._broken():
            task.result()

    def cancel_calls(self) -> int:
        """Cancel every call that is under way, as a caller does that goes away."""
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        return len(calls)

    def _broken(self) -> list[asyncio.Task[None]]:
        """Return the clients that ended by themselves: they never should."""
        return [task for task in self._tasks if task.done()]

    def _why_not(self, target: int) -> str:
        errors = [f"{type(call.error).__name__}: {call.error}" for call in self.log.failed()[-5:]]
        said = "; ".join(errors) or "no errors"
        return f"{len(self._answered)} of {target} were acknowledged within {WAIT_S} s: {said}"

    async def _run(self, number: int) -> None:
        workload = Workload(self._seed, number, self._memory)
        book = self._clients[number].book(self.book_id)
        try:
            while not self._stopping.is_set():
                calls = [self._call(number, book, request) for request in workload.next()]
                await self._all(calls)
                await asyncio.sleep(workload.pause_s(self._pause_s))
        finally:
            async with self._news:
                self._news.notify_all()

    async def _all(self, calls: Sequence[Awaitable[None]]) -> None:
        tasks = [asyncio.ensure_future(call) for call in calls]
        self._calls.update(tasks)
        await asyncio.wait(tasks)
        self._calls.difference_update(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()
        async with self._news:
            self._news.notify_all()

    async def _call(self, number: int, book: BookClient, request: Request) -> None:
        if isinstance(request, Read):
            await self._read(number, book, request)
        elif isinstance(request, Streamed):
            await self._stream(number, book, request.commands)
        else:
            await self._execute(number, book, request, self._timeout_s)

    async def _execute(
        self, number: int, book: BookClient, commands: list[Command], timeout_s: float
    ) -> None:
        call = CallRecord(number, "execute", time.monotonic(), 0.0, commands)
        try:
            if len(commands) == 1 and isinstance(commands[0], CreateTransfer):
                outcomes = [await _transfer(book, commands[0], timeout_s)]
            else:
                outcomes = await book.execute(commands, timeout_s=timeout_s)
        except (CallError, asyncio.CancelledError) as error:
            self.log.append(call._replace(ended=time.monotonic(), error=error))
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        self._note(call._replace(ended=time.monotonic(), outcomes=outcomes))

    async def _stream(self, number: int, book: BookClient, commands: list[Command]) -> None:
        """Send a stream; of one that breaks the answered part stands in the log by itself."""
        call = CallRecord(number, "stream", time.monotonic(), 0.0, commands)
        outcomes: list[Outcome] = []
        stream = book.execute_stream(_with_rests(commands), timeout_s=self._timeout_s)
        try:
            async with aclosing(stream):
                async for outcome in stream:
                    outcomes.append(outcome)  # noqa: PERF401 - what came before it broke counts
        except (CallError, asyncio.CancelledError) as error:
            rest = call._replace(request=commands[len(outcomes) :])
            self.log.append(rest._replace(ended=time.monotonic(), error=error))
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            if outcomes:
                told = call._replace(request=commands[: len(outcomes)], outcomes=outcomes)
                self._note(told._replace(ended=time.monotonic()))

    def _note(self, call: CallRecord) -> None:
        self.log.append(call)
        told = [outcome for outcome in call.outcomes if not outcome.refused]
        self._answered.update(outcome.id for outcome in told)
        self._memory.positions.extend(outcome.position for outcome in told[-1:])

    async def _read(self, number: int, book: BookClient, read: Read) -> None:
        call = CallRecord(number, "read", time.monotonic(), 0.0, read)
        try:
            found = await book.snapshot(
                read.accounts,
                at_least=read.at_least,
                eventual=read.eventual,
                timeout_s=self._timeout_s,
            )
        except (CallError, asyncio.CancelledError) as error:
            self.log.append(call._replace(ended=time.monotonic(), error=error))
            if isinstance(error, asyncio.CancelledError):
                raise
            if isinstance(error, EpochChanged):
                self._memory.positions.clear()  # They are of a history that was cut.
            return
        balances = {name: _totals(found.accounts.get(name)) for name in read.accounts}
        self.log.append(
            call._replace(ended=time.monotonic(), balances=balances, position=found.position)
        )
        self._memory.positions.append(found.position)

    async def _settle(self) -> None:
        """Send again what nobody knows the outcome of, until everything has one."""
        async with Yupana(*self.addresses) as client:
            book = client.book(self.book_id)
            deadline = time.monotonic() + WAIT_S
            while time.monotonic() < deadline and (left := self.log.unanswered()):
                for call in left:
                    if {command.id for command in call.commands} - self._answered:
                        await self._execute(-1, book, list(call.commands), self._timeout_s)


async def _with_rests(commands: Sequence[Command]) -> AsyncIterator[Command]:
    for number, command in enumerate(commands, start=1):
        yield command
        if number % STREAMED_AT_ONCE == 0:
            await asyncio.sleep(STREAM_REST_S)


async def _transfer(book: BookClient, command: CreateTransfer, timeout_s: float) -> Outcome:
    """Send a transfer as most callers do: it travels together with those of other callers."""
    try:
        return await book.transfer(
            command.debit, command.credit, command.amount, id=command.id, timeout_s=timeout_s
        )
    except CommandError as error:
        return error.outcome


def _totals(account: Account | None) -> tuple[int, int, int, int] | None:
    if account is None:
        return None
    return (
        account.debits_posted,
        account.credits_posted,
        account.debits_pending,
        account.credits_pending,
    )
