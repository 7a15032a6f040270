"""Has every call of our own services pass the gate."""

from __future__ import annotations  # grpc.RpcMethodHandler is generic for type checkers only

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from yupana_server.authorization.gate import PATIENCE_S, Gate
from yupana_server.authorization.redaction import redact
from yupana_server.authorization.standings import headers
from yupana_server.runtime.passed_on import certificate_names

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterable,
        Awaitable,
        Callable,
        Iterable,
        Sequence,
    )

    from yupana_server.authorization.principals import Principal

    NamesOf = Callable[[grpc.aio.ServicerContext[Any, Any]], Sequence[str]]

Context = grpc.aio.ServicerContext[Any, Any]

BEARER = "bearer "


class AccessInterceptor(grpc.aio.ServerInterceptor):
    """Stands behind the CallInterceptor, which tells callers of the errors."""

    def __init__(self, gate: Gate, *, names: NamesOf = certificate_names):
        """`names` finds those in the certificate of who calls."""
        self._gate = gate
        self._names = names
        self._guarded: dict[str, tuple[object, grpc.RpcMethodHandler[Any, Any]]] = {}

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
        known, guarded = self._guarded.get(method, (None, handler))
        if known is not handler:
            guarded = _guarded(_Call(self._gate, method, self._names), handler)
            self._guarded[method] = handler, guarded
        return guarded


def _guarded(
    call: _Call, handler: grpc.RpcMethodHandler[Any, Any]
) -> grpc.RpcMethodHandler[Any, Any]:
    make: Any
    if handler.unary_unary is not None:
        make, behaviour = grpc.unary_unary_rpc_method_handler, call.unary(handler.unary_unary)
    elif handler.unary_stream is not None:
        make, behaviour = grpc.unary_stream_rpc_method_handler, call.responses(handler.unary_stream)
    else:
        make, behaviour = grpc.stream_stream_rpc_method_handler, call.stream(handler.stream_stream)
    return make(  # type: ignore[no-any-return]
        behaviour,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


class _Call:
    """Calls of a method."""

    def __init__(self, gate: Gate, method: str, names: NamesOf):
        self._gate = gate
        self._method = method
        self._names = names

    def unary(self, behaviour: Any) -> Any:
        async def call(request: Any, context: Context) -> Any:
            caller = await self._enter(context)
            await self._gate.check(caller, self._method, request)
            standings = await self._gate.take(caller, self._method, request)
            response = redact(caller, request, await behaviour(request, context))
            if standings:
                await context.send_initial_metadata(headers(standings))
            return response

        return call

    def responses(self, behaviour: Any) -> Any:
        async def call(request: Any, context: Context) -> AsyncGenerator[Any, None]:
            caller = await self._enter(context)
            await self._gate.check(caller, self._method, request)
            await self._gate.take(caller, self._method, request)
            async with aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    # A stream goes on for days, and keys are revoked meanwhile.
                    await self._gate.check(await self._enter(context), self._method, request)
                    yield response

        return call

    def stream(self, behaviour: Any) -> Any:
        async def checked(requests: AsyncIterable[Any], context: Context) -> AsyncGenerator[Any]:
            async for request in requests:
                caller = await self._enter(context)
                await self._gate.check(caller, self._method, request)
                await self._gate.take(caller, self._method, request, patience_s=PATIENCE_S)
                yield request

        async def call(requests: AsyncIterable[Any], context: Context) -> AsyncGenerator[Any, None]:
            await self._enter(context)
            async with aclosing(behaviour(checked(requests, context), context)) as responses:
                async for response in responses:
                    yield response

        return call

    async def _enter(self, context: Context) -> Principal:
        token = token_in(context.invocation_metadata())
        names: Sequence[str] = () if token is not None else self._names(context)
        return await self._gate.enter(token, names)


def token_in(metadata: Iterable[tuple[str, str | bytes]] | None) -> str | None:
    """Return the token that came with a call; empty for another kind, None without one."""
    for name, value in metadata or ():
        if name == "authorization" and isinstance(value, str):
            return value[len(BEARER) :].strip() if value[: len(BEARER)].lower() == BEARER else ""
    return None
