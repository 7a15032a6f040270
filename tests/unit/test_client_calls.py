"""Which failures a call holds against the server that answered."""

import time

import grpc
import pytest

import yupana
from support.fake_servers import FakeServer, OneServer, fails
from yupana.calls import Calls
from yupana.ledger.v1 import hold_pb2
from yupana.methods import GET_HOLD


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
    server = FakeServer()
    server.otherwise = fails(grpc.StatusCode.UNAVAILABLE, reason)
    calls = Calls(OneServer(server), write_timeout_s=1, read_timeout_s=0.03)

    with pytest.raises(error):
        await calls.send(GET_HOLD, hold_pb2.Hold(), key="shop")

    assert (server.health.rest_left_s(time.monotonic()) > 0) is set_aside
