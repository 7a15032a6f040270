"""What every call passes through: deadline, overload, errors, one log line."""

from __future__ import annotations  # grpc.RpcMethodHandler is generic for type checkers only

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import AbstractContextManager, aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import grpc
import grpc.aio

from yupana_server.runtime.alarms import Alarms
from yupana_server.runtime.arrivals import (
    Arrivals,
    Unreadable,
    arriving,
    check_metadata,
    lenient,
    readable,
    unreadable,
)
from yupana_server.runtime.call_ends import end_call, internal, slow_consumer
from yupana_server.runtime.call_log import CallLog
from yupana_server.runtime.call_spans import call_span, head_sampler, note_status, stream_span
from yupana_server.runtime.deadlines import (
    ANSWER_MARGIN_S,
    begin_deadline,
    begin_stream_deadline,
)
from yupana_server.runtime.errors import CallError
from yupana_server.runtime.metrics import note_call, note_stream_end

if TYPE_CHECKING:
    from opentelemetry import trace

    from yupana_server.runtime.admission import Admission
    from yupana_server.runtime.passing import Passing

TAKE_TIMEOUT_S = 20.0

Behaviour = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]
StreamBehaviour = Callable[
    [AsyncIterable[Any], grpc.aio.ServicerContext[Any, Any]], AsyncGenerator[Any, None]
]
ResponsesBehaviour = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], AsyncGenerator[Any, None]]

Note = Callable[[str, str, float, CallError | None], None]


def _note_call(method: str, code: str, took_s: float, _: CallError | None) -> None:
    note_call(method, code, took_s)


def _note_stream(method: str, code: str, _: float, error: CallError | None) -> None:
    note_stream_end(method, code, None if error is None else error.reason)


class _Wrapped(NamedTuple):
    """The handler of a method, and what serves in its place; made once, for all its calls."""

    handler: grpc.RpcMethodHandler[Any, Any]
    serving: grpc.RpcMethodHandler[Any, Any]
    watched: grpc.RpcMethodHandler[Any, Any] | None = None
    """Serves unary calls whose request has to come within a time."""


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps calls of our own services, all but those that stream to us alone.

    Every error leaves as a status with details of ours, nothing else: no text of an exception, no
    SQL, no host. Health and reflection pass untouched.
    """

    def __init__(
        self,
        *,
        default_deadline_s: float,
        admission: Admission,
        expected: Mapping[type[Exception], Callable[[Any], CallError]],
        take_timeout_s: float = TAKE_TIMEOUT_S,
        passing: Passing | None = None,
    ):
        """`expected` says what exceptions of the service's own mean to a caller.

        With `passing` calls that belong to other processes are passed on instead of served.
        `take_timeout_s` is how long who asked for a stream may leave a response lying.
        """
        self._expected = expected
        self._take_timeout_s = take_timeout_s
        self._default_deadline_s = default_deadline_s
        self._passing = passing
        self._admission = admission
        self._arrivals = Arrivals(timeout_s=default_deadline_s)
        self._alarms = Alarms()
        self._log = CallLog()
        self._sampler = head_sampler()
        self._wrapped: dict[str, _Wrapped] = {}

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler of a method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/yupana."):
            return handler
        if (refusal := self._admission.refusal()) is not None:
            return self._refusing(method, refusal)
        try:
            arrival = self._arrivals.enter()
            transcoded = check_metadata(handler_call_details.invocation_metadata)
        except CallError as error:
            return self._refusing(method, error)
        wrapped = self._wrapped.get(method)
        if wrapped is None or wrapped.handler is not handler:
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        if wrapped.watched is None:
            return wrapped.serving
        has_time = arrival.wait() or transcoded
        return wrapped.watched if has_time else wrapped.serving

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler[Any, Any]) -> _Wrapped:
        as_stream = partial(
            grpc.stream_stream_rpc_method_handler,
            request_deserializer=lenient(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )
        if handler.unary_unary is not None:
            return self._wrap_unary(method, handler)
        if handler.stream_stream is not None:
            return _Wrapped(handler, as_stream(self._wrap_stream(method, handler.stream_stream)))
        if handler.unary_stream is not None:
            # A stream on both sides: so the wait for the request can end with a status.
            return _Wrapped(handler, as_stream(self._wrap_responses(method, handler.unary_stream)))
        return _Wrapped(handler, handler)

    def _wrap_unary(self, method: str, handler: grpc.RpcMethodHandler[Any, Any]) -> _Wrapped:
        serve = self._serve_unary(method, handler.unary_unary)
        read, write = handler.request_deserializer, handler.response_serializer
        if self._passing is not None:
            serve, read, write = self._passing.unary(method, serve, read, write)
        coding: dict[str, Any] = {
            "request_deserializer": arriving(read),
            "response_serializer": write,
        }
        return _Wrapped(
            handler,
            grpc.unary_unary_rpc_method_handler(serve, **coding),
            # A stream on this side only: so the wait for the request can end with a status.
            grpc.stream_stream_rpc_method_handler(self._wrap_watched(method, serve), **coding),
        )

    def _serve_unary(self, method: str, behaviour: Any) -> Any:
        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            work = partial(self._call, behaviour, request, context)
            span = call_span(method, context, request, sampler=self._sampler)
            return await self._serve(method, context, work, span, request)

        return call

    def _wrap_watched(self, method: str, serve: Any) -> Any:
        async def call(
            requests: AsyncIterable[Any], context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncGenerator[Any, None]:
            try:
                request = await self._arrivals.request(requests)
            except CallError as error:
                self._refuse(method, context, error)
                return
            if (response := await serve(request, context)) is not None:
                yield response

        return call

    def _wrap_stream(self, method: str, behaviour: Any) -> Any:
        # A coroutine that writes, and no generator: so what the behaviour holds is let go of here
        # and now, also when the caller has gone away, and not when the generator is collected.
        async def call(
            requests: AsyncIterable[Any], context: grpc.aio.ServicerContext[Any, Any]
        ) -> None:
            work = partial(self._stream, behaviour, requests, context)
            await self._serve(method, context, work, stream_span(context))

        return call

    def _wrap_responses(self, method: str, behaviour: Any) -> Any:
        async def call(
            requests: AsyncIterable[Any], context: grpc.aio.ServicerContext[Any, Any]
        ) -> None:
            try:
                request = await self._arrivals.request(requests)
            except CallError as error:
                self._refuse(method, context, error)
                return
            work = partial(self._respond, behaviour, request, context)
            span = stream_span(context)
            await self._serve(method, context, work, span, request, note=_note_stream)

        return call

    async def _serve(
        self,
        method: str,
        context: grpc.aio.ServicerContext[Any, Any],
        work: Callable[[], Awaitable[Any]],
        begun: AbstractContextManager[trace.Span],
        request: Any = None,
        *,
        note: Note = _note_call,
    ) -> Any:
        """Log a call, and end it with a status of ours when it fails."""
        started, code, explained = time.perf_counter(), "CANCELLED", None
        with begun as span:
            try:
                response = await work()
                code = "OK"
                return response
            except grpc.aio.InternalError:
                # So gRPC tells that an answer cannot be sent: the caller has gone away.
                raise asyncio.CancelledError from None
            except Exception as error:
                explained = self._explain(error)
                code = explained.code.name
                return end_call(context, explained)
            finally:
                took_s = time.perf_counter() - started
                note_status(span, code, explained)
                note(method, code, took_s, explained)
                self._log.note(method, code, explained, took_s=took_s, request=request)
                # It leads to this frame: request and all would stay until the collector comes.
                explained = None

    async def _stream(
        self,
        behaviour: StreamBehaviour,
        requests: AsyncIterable[Any],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        begin_stream_deadline(context.time_remaining(), self._default_deadline_s)
        with self._admission.admitted():
            async with aclosing(behaviour(readable(requests), context)) as responses:
                async for response in responses:
                    await context.write(response)

    async def _respond(
        self,
        behaviour: ResponsesBehaviour,
        request: Any,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        with self._admission.admitted():
            async with aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    try:
                        async with asyncio.timeout(self._take_timeout_s):
                            await context.write(response)
                    except TimeoutError:
                        # gRPC sends the status behind what still lies there.
                        raise slow_consumer(self._take_timeout_s) from None

    def _explain(self, error: Exception) -> CallError:
        if isinstance(error, CallError):
            return error
        explain = self._expected.get(type(error))
        return internal(error) if explain is None else explain(error)

    async def _call(
        self, behaviour: Behaviour, request: Any, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Any:
        if isinstance(request, Unreadable):
            raise unreadable()
        remaining_s = context.time_remaining()
        if remaining_s is None:
            remaining_s = self._default_deadline_s
        if remaining_s < ANSWER_MARGIN_S:
            raise CallError("DEADLINE_EXCEEDED", "too little time is left to execute the call")
        deadline = begin_deadline(remaining_s)
        try:
            with self._admission.admitted(), self._alarms.until(deadline.at):
                return await behaviour(request, context)
        except TimeoutError:
            raise deadline.ran_out() from None

    def _refusing(self, method: str, error: CallError) -> grpc.RpcMethodHandler[Any, Any]:
        """Return a handler for any kind of method that does not even read the request.

        Measured: 0.30 ms instead of 0.50 ms a call, of which 0.88 ms with 1,000 commands.
        """

        async def refuse(
            _: object, context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncGenerator[Any, None]:
            self._refuse(method, context, error)
            return
            yield

        return grpc.stream_stream_rpc_method_handler(cast("Any", refuse))

    def _refuse(
        self, method: str, context: grpc.aio.ServicerContext[Any, Any], error: CallError
    ) -> None:
        note_call(method, error.code.name, 0.0)
        self._log.note(method, error.code.name, error, took_s=0.0, request=None)
        end_call(context, error)
