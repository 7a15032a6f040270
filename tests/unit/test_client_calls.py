"""Which failures a call holds against the server that answered."""

import asyncio
import time

import grpc
import pytest

import yupana
from support.fake_servers import Answer, FakeServer, OneServer, fails
from yupana.book import BookClient
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


async def test_write_when_a_stopping_server_cancels_it_then_it_is_sent_again() -> None:
    server = FakeServer(fails(grpc.StatusCode.CANCELLED))
    book = BookClient(Calls(OneServer(server), write_timeout_s=5, read_timeout_s=5), "shop")

    outcome = await book.transfer("a", "b", 1, id="t")

    assert outcome.ok
    assert server.ids == [["t"], ["t"]]


async def test_write_when_it_is_cancelled_for_good_then_it_may_be_recorded() -> None:
    server = FakeServer()
    server.otherwise = fails(grpc.StatusCode.CANCELLED)
    book = BookClient(Calls(OneServer(server), write_timeout_s=0.1, read_timeout_s=5), "shop")

    with pytest.raises(yupana.OutcomeUnknown):
        await book.transfer("a", "b", 1)


@pytest.mark.parametrize(
    "failure",
    [fails(grpc.StatusCode.UNAVAILABLE, "DRAINING"), fails(grpc.StatusCode.CANCELLED)],
)
async def test_calls_when_a_server_ends_then_all_are_sent_again_whatever_the_budget(
    failure: Answer,
) -> None:
    server = FakeServer(*[failure] * 500)
    book = BookClient(Calls(OneServer(server), write_timeout_s=5, read_timeout_s=5), "shop")

    calls = [book.execute([yupana.CreateTransfer("a", "b", 1)]) for _ in range(500)]
    outcomes = await asyncio.gather(*calls)

    assert all(outcome.ok for [outcome] in outcomes)
