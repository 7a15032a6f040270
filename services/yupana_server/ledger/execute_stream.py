"""One `ExecuteStream` call: requests are read ahead, submitted and answered in their order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.ledger.execution import Execution, Executor
from yupana_server.ledger.submission import Answer, NotAnsweredError, OverloadedError
from yupana_server.messages.fields import Violations
from yupana_server.runtime.admission import draining
from yupana_server.runtime.call_spans import (
    begin_span,
    head_sampler,
    note_request,
    note_status,
)
from yupana_server.runtime.deadlines import Deadline, StreamDeadline
from yupana_server.runtime.errors import CallError, malformed

COMMANDS_UNDER_WAY_MAX = 10_000
"""With so many commands read and not answered, the stream reads no further: HTTP/2's flow control
has the producer wait. Two batches of the writer: one is written while the next is decided."""

REQUESTS_UNDER_WAY_MAX = 1_000

QUEUE_PAUSE_S = 0.02
"""How often a stream looks whether there is room in the writer's queue."""

TIMEOUT_MAX_US = 3_600_000_000

METHOD = "/yupana.ledger.v1.LedgerService/ExecuteStream"


@dataclass(eq=False, slots=True)
class _UnderWay:
    """A request that was submitted and not answered yet."""

    execution: Execution
    deadline: Deadline
    answer: asyncio.Task[Answer]
    span: trace.Span

    @property
    def weight(self) -> int:
        return self.execution.submission.commands_count


class ExecuteStream:
    """Answers the requests of one stream."""

    def __init__(
        self,
        executor: Executor,
        requests: AsyncIterable[ledger_service_pb2.ExecuteStreamRequest],
        deadline: StreamDeadline,
        trace_context: Context,
    ):
        """`trace_context` is the caller's, of which every request becomes a span."""
        self._executor = executor
        self._requests = requests
        self._deadline = deadline
        self._trace_context = trace_context
        self._sampler = head_sampler()
        self._under_way: deque[_UnderWay] = deque()
        self._commands_under_way = 0
        self._changed = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    def drain(self) -> None:
        """Read no further; what was submitted is answered, then the stream ends."""
        if self._reader is not None:
            self._reader.cancel()

    async def answers(self) -> AsyncGenerator[ledger_service_pb2.ExecuteResponse, None]:
        """Yield the answers in the order of the requests.

        Raises:
            CallError: There is none for the next request, whose place is in the metadata.
        """
        self._reader = asyncio.create_task(self._read())
        self._reader.add_done_callback(self._look_at)
        answered = 0
        try:
            while (first := await self._first(self._reader)) is not None:
                yield await self._response(first)
                answered += 1
                # Only now: it counts until the transport has taken the answer.
                self._under_way.popleft()
                self._commands_under_way -= first.weight
                self._changed.set()
            if self._reader.cancelled():
                raise draining()
            self._reader.result()
        except CallError as error:
            error.metadata["request"] = str(answered + 1)
            raise
        finally:
            self._reader.cancel()
            for under_way in self._under_way:
                under_way.answer.cancel()
                _end_span(under_way.span, asyncio.CancelledError())

    async def _first(self, reader: asyncio.Task[None]) -> _UnderWay | None:
        """Wait for a request under way; None when there will not be any more."""
        while not self._under_way and not reader.done():
            self._changed.clear()
            await self._changed.wait()
        return self._under_way[0] if self._under_way else None

    async def _response(self, first: _UnderWay) -> ledger_service_pb2.ExecuteResponse:
        try:
            answer = await self._answer(first)
        except CallError as error:
            _end_span(first.span, error)
            raise
        response = first.execution.response(answer)
        _end_span(first.span)
        return response

    async def _answer(self, first: _UnderWay) -> Answer:
        try:
            async with asyncio.timeout_at(first.deadline.at):
                return await first.answer
        except TimeoutError:
            raise first.deadline.ran_out() from None
        except NotAnsweredError as error:
            raise self._executor.error(first.execution, error) from error

    async def _read(self) -> None:
        async for message in self._requests:
            deadline = self._deadline.of_message(_timeout_s(message))
            try:
                async with asyncio.timeout_at(deadline.at):
                    await self._submit(message.request, deadline)
            except TimeoutError:
                raise deadline.ran_out() from None
            while (
                self._commands_under_way >= COMMANDS_UNDER_WAY_MAX
                or len(self._under_way) >= REQUESTS_UNDER_WAY_MAX
            ):
                self._changed.clear()
                await self._changed.wait()

    async def _submit(self, request: ledger_service_pb2.ExecuteRequest, deadline: Deadline) -> None:
        """Hand a request to its book's writer; returns when it stands in the queue there.

        While the queue is full it waits, so that requests stay in their order.
        """
        span = begin_span(METHOD, self._trace_context, "request", sampler=self._sampler)
        note_request(span, request)
        try:
            execution = await self._executor.prepare(request, deadline, span)
            answer = await self._enqueue(execution)
            while answer is None:
                await asyncio.sleep(QUEUE_PAUSE_S)
                answer = await self._enqueue(execution)
        except BaseException as error:
            _end_span(span, error)
            raise
        self._under_way.append(_UnderWay(execution, deadline, answer, span))
        self._commands_under_way += execution.submission.commands_count
        self._changed.set()

    async def _enqueue(self, execution: Execution) -> asyncio.Task[Answer] | None:
        """Return the answer to come; None when there is no room in the queue."""
        try:
            writer = await self._executor.writer(execution)
        except OverloadedError:
            return None
        answer = asyncio.create_task(writer.submit(execution.submission))
        answer.add_done_callback(self._look_at)
        try:
            await asyncio.sleep(0)  # The writer has it in its queue now, or has refused it.
        except asyncio.CancelledError:
            answer.cancel()
            raise
        refused = answer.done() and isinstance(answer.exception(), OverloadedError)
        return None if refused else answer

    def _look_at(self, task: asyncio.Task[Answer] | asyncio.Task[None]) -> None:
        """Wake whoever waits; what fails behind the request that ends the stream is not news."""
        if not task.cancelled():
            task.exception()
        self._changed.set()


def _end_span(span: trace.Span, error: BaseException | None = None) -> None:
    """End the span of a request; one that was left without an answer was cancelled."""
    if isinstance(error, CallError):
        note_status(span, error.code.name, error)
    else:
        note_status(span, "OK" if error is None else "CANCELLED")
    span.end()


def _timeout_s(message: ledger_service_pb2.ExecuteStreamRequest) -> float | None:
    """Return how long the answer may take, None when that is left to the server.

    Raises:
        CallError: MALFORMED_REQUEST.
    """
    found = Violations("")
    found.check_unknown(message)
    timeout_us = None
    if message.HasField("timeout"):
        timeout_us = found.read_duration("timeout", message.timeout, 1, TIMEOUT_MAX_US)
    if found.found:
        raise malformed(found.found)
    return None if timeout_us is None else timeout_us / 1e6
