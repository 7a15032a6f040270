"""Which failures a call holds against the server that answered."""

import asyncio
import time

import grpc
import pytest

import yupana
from support.fake_servers import Answer, FakeServer, OneServer, fails, retry_info
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


async def test_write_when_grpc_cancels_it_at_the_server_then_it_is_sent_there_again() -> None:
    server = FakeServer(fails(grpc.StatusCode.CANCELLED))
    book = BookClient(Calls(OneServer(server), write_timeout_s=5, read_timeout_s=5), "shop")

    outcome = await book.transfer("a", "b", 1, id="t")

    assert outcome.ok
    assert server.ids == [["t"], ["t"]]
    assert server.health.rest_left_s(time.monotonic()) == 0


async def test_write_when_it_is_cancelled_for_good_then_it_may_be_recorded() -> None:
    server = FakeServer()
    server.otherwise = fails(grpc.StatusCode.CANCELLED)
    book = BookClient(Calls(OneServer(server), write_timeout_s=0.1, read_timeout_s=5), "shop")

    with pytest.raises(yupana.OutcomeUnknown):
        await book.transfer("a", "b", 1)


async def test_calls_when_a_server_ends_then_all_are_sent_again_whatever_the_budget() -> None:
    server = FakeServer(*[fails(grpc.StatusCode.UNAVAILABLE, "DRAINING")] * 500)
    book = BookClient(Calls(OneServer(server), write_timeout_s=5, read_timeout_s=5), "shop")

    calls = [book.execute([yupana.CreateTransfer("a", "b", 1)]) for _ in range(500)]
    outcomes = await asyncio.gather(*calls)

    assert all(outcome.ok for [outcome] in outcomes)


@pytest.mark.parametrize(
    "refusal",
    [
        fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", retry_info(0.001)),
        fails(grpc.StatusCode.CANCELLED),  # So gRPC does when too many calls wait in a server.
    ],
)
async def test_calls_when_a_server_has_too_much_to_do_then_retries_do_not_multiply_it(
    refusal: Answer,
) -> None:
    server = FakeServer()
    server.otherwise = refusal
    book = BookClient(Calls(OneServer(server), write_timeout_s=5, read_timeout_s=5), "shop")

    calls = [book.execute([yupana.CreateTransfer("a", "b", 1)]) for _ in range(1_000)]
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(each, yupana.CallError) for each in results)
    assert 1_000 <= len(server.ids) < 1_050
