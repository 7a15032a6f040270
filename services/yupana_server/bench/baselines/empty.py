"""An empty server: the same method and messages, an answer made before, and nothing behind it.

    python -m yupana_server.bench.baselines.empty HOST:PORT

What a ledger in Python over gRPC cannot be faster than, whatever it does.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import grpc
import grpc.aio

from yupana.ledger.v1 import ledger_service_pb2 as ledger
from yupana.methods import EXECUTE
from yupana_server.dev.ports import LOOPBACK
from yupana_server.dev.server import ChildServer
from yupana_server.messages.tokens import encode_position
from yupana_server.runtime.garbage import set_up_collector
from yupana_server.runtime.server import OPTIONS, until_signal

CONNECT_TIMEOUT_S = 1.0


class EmptyServer(ChildServer):
    """The empty server as a process of its own."""

    name = "the empty server"
    death_signal = signal.SIGKILL

    @property
    def address(self) -> str:
        """Where it answers, host:port."""
        return f"{LOOPBACK}:{self.port}"

    def _arguments(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", __name__, self.address]

    def _answers(self) -> bool:
        with grpc.insecure_channel(self.address) as channel:
            try:
                grpc.channel_ready_future(channel).result(CONNECT_TIMEOUT_S)
            except grpc.FutureTimeoutError:
                return False
        return True


@cache
def answer(commands: int) -> ledger.ExecuteResponse:
    """Return the answer to so many transfers, as large as the ledger's."""
    response = ledger.ExecuteResponse()
    for place in range(commands):
        outcome = response.outcomes.add(id=f"00000000-0000-7000-8000-{place:012x}")
        outcome.position = encode_position("bench", epoch=1, seq=1_000_000 + place)
        outcome.record_time.seconds, outcome.record_time.nanos = 1_700_000_000, 123_456_000
        outcome.transfer_posted.amount = "1"
    return response


async def _execute(request: ledger.ExecuteRequest, _context: object) -> ledger.ExecuteResponse:
    return answer(len(request.commands))


async def serve(address: str) -> None:
    """Answer until SIGTERM."""
    server = grpc.aio.server(options=list(OPTIONS))
    handler = grpc.unary_unary_rpc_method_handler(
        _execute,
        request_deserializer=ledger.ExecuteRequest.FromString,
        response_serializer=ledger.ExecuteResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(EXECUTE.service, {EXECUTE.name: handler}),)
    )
    server.add_insecure_port(address)
    await server.start()
    set_up_collector()
    await until_signal()
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
