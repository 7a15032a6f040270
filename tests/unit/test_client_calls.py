"""Which failures a call holds against the server that answered."""

import time

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2 as rpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

import yupana
from yupana.calls import Calls
from yupana.ledger.v1 import hold_pb2
from yupana.methods import GET_HOLD
from yupana.routing import Health
from yupana.servers import Server, Servers


class FailingServer(Server):
    """Always fails for one reason."""

    def __init__(self, reason: str) -> None:
        self.address = "failing:1"
        self.health = Health()
        self._reason = reason

    async def call(self, method, request, *, timeout_s, wait_for_ready):
        packed = Any()
        packed.Pack(rpc.ErrorInfo(reason=f"ERROR_REASON_{self._reason}", domain="yupana.dev"))
        code = grpc.StatusCode.UNAVAILABLE
        status = Status(code=code.value[0], message="not now", details=[packed])
        trailers = grpc.aio.Metadata(*rpc_status.to_status(status).trailing_metadata)
        raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details="not now")

    @property
    def connected(self) -> bool:
        return True


class OneServer(Servers):
    def __init__(self, server: Server) -> None:
        self._servers = {server.address: server}


@pytest.mark.parametrize(
    ("reason", "error", "set_aside"),
    [
        ("PROJECTION_BEHIND", yupana.ProjectionBehind, False),
        ("DATABASE_UNAVAILABLE", yupana.Unavailable, True),
    ],
)
async def test_server_when_only_a_projection_is_behind_then_it_is_not_set_aside(
    reason: str, error: type[Exception], set_aside: bool
) -> None:
    server = FailingServer(reason)
    calls = Calls(OneServer(server), write_timeout_s=1, read_timeout_s=0.03)

    with pytest.raises(error):
        await calls.send(GET_HOLD, hold_pb2.Hold(), key="shop")

    assert (server.health.rest_left_s(time.monotonic()) > 0) is set_aside
