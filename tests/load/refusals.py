"""Prints what it costs a server to refuse a unary call, in several ways; for people, not for CI.

    python tests/load/refusals.py [--rounds 5]

Each way has a server process of its own, which all are called in turn by one client with 64 calls
under way. CPU time is that of the server's process, all threads.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import grpc
import grpc.aio
from grpc_status import rpc_status
from rich.console import Console

from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest, ExecuteResponse
from yupana.methods import EXECUTE
from yupana_server.runtime.admission import Admission
from yupana_server.runtime.errors import CallError
from yupana_server.runtime.garbage import set_up_collector
from yupana_server.runtime.interceptors import CallInterceptor
from yupana_server.runtime.logs import set_up_logs
from yupana_server.runtime.server import OPTIONS

CALLS = 2_560
AT_ONCE = 64
CODE = grpc.StatusCode.RESOURCE_EXHAUSTED
OVERLOADED = CallError("OVERLOADED", "too much is waiting already: try again later")
TRAILERS = rpc_status.to_status(OVERLOADED.status()).trailing_metadata


async def answer(_request: Any, _context: Any) -> Any:
    return ExecuteResponse()


async def abort(_request: Any, context: Any) -> Any:
    await context.abort(CODE, "no")


async def end(_request: Any, context: Any) -> Any:
    context.set_code(CODE)
    context.set_details("no")
    context.set_trailing_metadata(TRAILERS)
    return ExecuteResponse()


async def end_unread(_requests: Any, context: Any) -> None:
    await end(None, context)


async def refuse(_request: Any, _context: Any) -> Any:
    raise OVERLOADED


def unary(behaviour: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        behaviour,
        request_deserializer=ExecuteRequest.FromString,
        response_serializer=ExecuteResponse.SerializeToString,
    )


def ours(*, full: bool) -> dict[str, Any]:
    admission = Admission(1 if full else 10_000)
    if full:
        admission.enter()
    interceptor = CallInterceptor(default_deadline_s=10, admission=admission, expected={})
    return {"interceptors": [interceptor]}


class Way(NamedTuple):
    """A handler, and what else the server is made with."""

    handler: Any = None
    options: Callable[[], dict[str, Any]] = dict


WAYS: Mapping[str, Way] = {
    "grpc.aio: an empty answer": Way(unary(answer)),
    "grpc.aio: aborted by the handler": Way(unary(abort)),
    "grpc.aio: ended with a status and details": Way(unary(end)),
    "grpc.aio: the same, without reading the request": Way(
        grpc.stream_stream_rpc_method_handler(end_unread)  # type: ignore[arg-type]
    ),
    "grpc.aio: no such method": Way(),
    "grpc.aio: maximum_concurrent_rpcs": Way(unary(answer), lambda: {"maximum_concurrent_rpcs": 1}),
    "ledger's interceptor: an empty answer": Way(unary(answer), lambda: ours(full=False)),
    "ledger's interceptor: refused unread": Way(unary(answer), lambda: ours(full=True)),
    "ledger's interceptor: refused by the handler": Way(unary(refuse), lambda: ours(full=False)),
}


class Everything(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Has one handler for whatever is called."""

    def __init__(self, handler: Any):
        self._handler = handler

    def service(self, _details: Any) -> Any:
        return self._handler


def serve(name: str, line: Connection) -> None:
    """Tell the port, then for every message the CPU time that was used."""

    async def run() -> None:
        handler, options = WAYS[name]
        server = grpc.aio.server(options=list(OPTIONS), **options())
        server.add_generic_rpc_handlers((Everything(handler),))
        line.send(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        set_up_collector()
        while await asyncio.to_thread(line.recv):
            line.send(time.process_time())
        await server.stop(None)

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    set_up_logs("info", "json")
    asyncio.run(run())


async def measure(lines: Mapping[str, Connection], rounds: int) -> dict[str, list[float]]:
    """Return microseconds a call of each way, of each round; the first one is for warming up."""
    found: dict[str, list[float]] = {name: [] for name in lines}
    channels = {
        name: grpc.aio.insecure_channel(f"127.0.0.1:{line.recv()}") for name, line in lines.items()
    }
    request = ExecuteRequest(book="b").SerializeToString()
    for _ in range(rounds + 1):
        for name, channel in channels.items():
            began_s = _cpu_s(lines[name])
            stub = channel.unary_unary(EXECUTE.path)
            await asyncio.gather(*(_call(stub, request) for _ in range(AT_ONCE)))
            found[name].append((_cpu_s(lines[name]) - began_s) / CALLS * 1e6)
    for channel in channels.values():
        await channel.close()
    return {name: values[1:] for name, values in found.items()}


async def _call(stub: Any, request: bytes) -> None:
    for _ in range(CALLS // AT_ONCE):
        try:
            await stub(request, timeout=10)
        except grpc.aio.AioRpcError:
            continue


def _cpu_s(line: Connection) -> float:
    line.send(True)
    return float(line.recv())


def show(found: Mapping[str, Iterable[float]]) -> None:
    for name, values in found.items():
        ordered = sorted(values)
        median = statistics.median(ordered)
        Console().print(f"{name:50} {median:4.0f} us, at least {ordered[0]:4.0f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    lines = {}
    for name in WAYS:
        lines[name], theirs = context.Pipe()
        context.Process(target=serve, args=(name, theirs), daemon=True).start()
    show(asyncio.run(measure(lines, options.rounds)))
    for line in lines.values():
        line.send(False)


if __name__ == "__main__":
    main()
