"""Commands by the thousand over one stream, tried again where that can help."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import aclosing, suppress
from itertools import islice
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from yupana import convert
from yupana.attempts import NotAnsweredError
from yupana.batches import Batches
from yupana.errors import ErrorDetails, InternalError, OutcomeUnknown
from yupana.ledger.v1.ledger_service_pb2 import ExecuteResponse
from yupana.methods import EXECUTE_STREAM
from yupana.reasons import Reason
from yupana.statuses import broke_while_written, call_error, may_be_recorded
from yupana.telemetry import call_span

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterable
    from typing import TypeAlias

    from yupana.batches import Batch
    from yupana.calls import Calls
    from yupana.commands import Command
    from yupana.errors import CallError
    from yupana.ledger.v1.ledger_service_pb2 import ExecuteStreamRequest
    from yupana.outcomes import Outcome
    from yupana.telemetry.spans import CallSpan

    Call: TypeAlias = grpc.aio.StreamStreamCall[ExecuteStreamRequest, ExecuteResponse]

COMMANDS_UNANSWERED_MAX = 10_000
"""With so many commands sent and not answered, the source waits."""

EAGER_BATCHES = 2
"""With fewer batches unanswered, what there is is sent, though the source may have more soon."""

END_TIMEOUT_S = 1.0
"""How long a server may take to end a stream when all is answered; nothing depends on it."""


class Stream:
    """The commands of one source on their way; what has no answer is kept to be sent again."""

    context = None
    callers = ()
    _span: CallSpan

    def __init__(self, calls: Calls, book: str, timeout_s: float) -> None:
        self._calls = calls
        self._timeout_s = timeout_s
        self._changed = asyncio.Event()
        self._batches = Batches(book, timeout_s, self._changed)
        self._unanswered: deque[Batch] = deque()
        self._commands_unanswered = 0
        self._sent_count = 0
        """How many batches were sent in this attempt."""
        self._answered_count = 0
        """How many were answered in this attempt."""
        self._careful = False
        """What is sent again is sent one by one."""
        self._attempts = calls.attempts(book, writes=True)
        self._deadline_s: float | None = None
        """Until when the next answer is waited for; None while none is."""

    async def outcomes(
        self, commands: Iterable[Command] | AsyncIterable[Command]
    ) -> AsyncGenerator[Outcome, None]:
        """Yield the outcomes in the order of the commands."""
        source = asyncio.create_task(self._batches.read(commands))
        try:
            with call_span(EXECUTE_STREAM, self._attempts, self) as self._span:
                async with aclosing(self._answers()) as answers:
                    async for answer in answers:
                        for outcome in answer.outcomes:
                            yield convert.outcome(outcome)
            if self._batches.error is not None:
                raise self._batches.error
        except NotAnsweredError as error:
            raise self._told(self._attempts.final(self._timeout_s)) from error.__cause__
        finally:
            await _end(source)

    async def _answers(self) -> AsyncGenerator[ExecuteResponse, None]:
        while await self._wanted():
            try:
                async with aclosing(self._attempt()) as answers:
                    async for answer in answers:
                        yield answer
            except grpc.aio.AioRpcError as rpc_error:
                # Whatever ended it is heard when it happens again with nothing being written.
                self._careful = broke_while_written(rpc_error)
                error = _unknown(rpc_error) if self._careful else call_error(rpc_error)
                self._note(error)
                self._span.failed(error)
                await self._calls.try_again(self._attempts, error, self._waits)

    async def _attempt(self) -> AsyncGenerator[ExecuteResponse, None]:
        """Send what has no answer yet and what comes, until all is answered."""
        self._sent_count = self._answered_count = 0
        connected = await self._calls.connect(self._attempts, self._deadline())
        call: Call = self._attempts.server.stream(
            EXECUTE_STREAM, wait_for_ready=connected, metadata=self._span.metadata
        )
        sender = asyncio.create_task(self._send(call))
        try:
            while await self._wanted():
                answer = await self._read(call)
                self._take(answer)
                yield answer
            await _hear_the_end(call, sender)
        finally:
            await _end(sender)
            call.cancel()

    async def _wanted(self) -> bool:
        """Wait until there is something to be answered; False when there will be no more."""
        while not (self._unanswered or self._batches.ready(eager=True)):
            if self._batches.exhausted:
                return False
            await self._change()
        return True

    async def _read(self, call: Call) -> ExecuteResponse:
        try:
            async with asyncio.timeout(self._deadline() - time.monotonic()):
                answer = await call.read()
        except TimeoutError:
            raise NotAnsweredError from None
        if not isinstance(answer, ExecuteResponse):
            raise self._told(_broken("the ledger ended the stream before all was answered"))
        return answer

    def _take(self, answer: ExecuteResponse) -> None:
        """Note which batch has its answer now."""
        batch = self._unanswered[0]
        if len(answer.outcomes) != len(batch.ids):
            counts = f"{len(batch.ids)} commands with {len(answer.outcomes)} outcomes"
            raise self._told(_broken(f"the ledger answered {counts}"))
        self._unanswered.popleft()
        self._commands_unanswered -= batch.weight
        self._answered_count += 1
        self._deadline_s = None
        self._attempts.number = 1
        self._attempts.unsure = bool(self._unanswered) and self._unanswered[0].unsure
        self._calls.answered(self._attempts)
        self._changed.set()

    async def _send(self, call: Call) -> None:
        # What happened to a stream that cannot be written any more is told when it is read.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for batch in tuple(self._unanswered):
                while self._careful and self._unanswered[0] is not batch:
                    await self._change()
                await self._write(call, batch)
            while (following := await self._next()) is not None:
                self._unanswered.append(following)
                self._commands_unanswered += following.weight
                await self._write(call, following)
            await call.done_writing()

    async def _write(self, call: Call, batch: Batch) -> None:
        self._sent_count += 1
        await call.write(batch.message)

    async def _next(self) -> Batch | None:
        """Wait for a batch and for room; None when there will be no more."""
        while not self._batches.exhausted:
            eager = len(self._unanswered) < EAGER_BATCHES
            room = self._commands_unanswered < COMMANDS_UNANSWERED_MAX
            if room and self._batches.ready(eager=eager):
                return self._batches.take()
            await self._change()
        return None

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _deadline(self) -> float:
        """Return until when the next answer is waited for, in this and further attempts."""
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + self._timeout_s
        return self._deadline_s

    def _waits(self, until_s: float) -> bool:
        return until_s < self._deadline()

    def _note(self, error: CallError) -> None:
        """Note what an attempt that failed may have recorded.

        What stands behind the request that the error is about has been decided on, or not.
        """
        failed = int(error.metadata.get("request", 0))
        if may_be_recorded(error) or 0 < failed < self._sent_count:
            self._attempts.unsure = True
            for batch in islice(self._unanswered, self._sent_count - self._answered_count):
                batch.unsure = True

    def _told(self, error: CallError) -> CallError:
        error.ids = tuple(id_ for batch in self._unanswered for id_ in batch.ids)
        return error


def _broken(message: str) -> CallError:
    return InternalError(message, grpc.StatusCode.INTERNAL)


def _unknown(rpc_error: grpc.aio.AioRpcError) -> CallError:
    error = OutcomeUnknown(
        "the stream broke while it was written: send it again with the same ids",
        grpc.StatusCode.UNAVAILABLE,
        ErrorDetails(Reason.OUTCOME_UNKNOWN),
    )
    error.__cause__ = rpc_error
    return error


async def _hear_the_end(call: Call, sender: asyncio.Task[None]) -> None:
    """Let the server end the stream: to it, one that is cancelled is a caller who went away."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError):
        async with asyncio.timeout(END_TIMEOUT_S):
            await sender
            await call.read()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
