"""What calls that failed leave behind in a server: nothing."""

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
import structlog

from yupana_server.runtime.admission import Admission
from yupana_server.runtime.errors import CallError
from yupana_server.runtime.interceptors import CallInterceptor
from yupana_server.runtime.logs import set_up_logs

OVERLOADED, INTERNAL = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL
TOO_LATE = grpc.StatusCode.DEADLINE_EXCEEDED


class ExpectedError(Exception):
    """What the service explains to its callers."""


class Work:
    """What a call holds while it is served."""


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Nothing is let go of that is part of a cycle."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """Logs as a server writes them."""
    set_up_logs("info", "json")
    yield
    structlog.reset_defaults()


async def refused() -> None:
    raise CallError("OVERLOADED", "try again later")


async def failed() -> None:
    try:
        raise KeyError("a bug")
    except KeyError as error:
        raise RuntimeError("because of a bug") from error


async def expected() -> None:
    raise ExpectedError


async def out_of_time() -> None:
    await asyncio.sleep(60)


@asynccontextmanager
async def serving(handler: Any) -> AsyncIterator[str]:
    """A server with one method; yields its address."""
    interceptor = CallInterceptor(
        default_deadline_s=10,
        admission=Admission(10),
        expected={ExpectedError: lambda _: CallError("OVERLOADED", "try again later")},
    )
    server = grpc.aio.server(interceptors=[interceptor])
    methods = grpc.method_handlers_generic_handler("yupana.Test", {"Fail": handler})
    server.add_generic_rpc_handlers([methods])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("fail", "code"),
    [(refused, OVERLOADED), (failed, INTERNAL), (expected, OVERLOADED), (out_of_time, TOO_LATE)],
)
async def test_call_when_it_fails_then_what_it_held_is_let_go_of_at_once(
    fail: Callable[[], Any], code: grpc.StatusCode, streams: bool
) -> None:
    held: list[weakref.ref[Work]] = []

    async def unary(_request: bytes, _context: object) -> bytes:
        work = Work()
        held.append(weakref.ref(work))
        await fail()
        return b""

    async def stream(request: bytes, context: object) -> AsyncIterator[bytes]:
        yield await unary(request, context)

    made = grpc.unary_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
    handler = made(stream if streams else unary, bytes, bytes)
    async with serving(handler) as address, grpc.aio.insecure_channel(address) as channel:
        unary_call = channel.unary_unary("/yupana.Test/Fail")
        stream_call = channel.unary_stream("/yupana.Test/Fail")

        async def call() -> None:
            if streams:
                await stream_call(b"", timeout=0.3).read()
            else:
                await unary_call(b"", timeout=0.3)

        for _ in range(3):
            with pytest.raises(grpc.RpcError) as raised:
                await call()
            assert raised.value.code() == code
        # A caller may know that its call has ended before the task that served it has.
        deadline = time.monotonic() + 5
        while any(work() for work in held) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
    assert len(held) == 3
    assert [work() for work in held] == [None] * 3
