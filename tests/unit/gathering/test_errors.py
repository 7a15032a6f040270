"""What callers whose commands travel together hear when something fails."""

import asyncio

import grpc
import pytest

import yupana
from support.fake_servers import fails, posts, refuses_empty_ids, retry_info
from support.gathering import LOST, results, transfers, turns
from yupana.ledger.v1 import ledger_service_pb2

UNAVAILABLE = fails(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")


async def test_cancel_when_its_error_has_just_come_then_nobody_misses_it(server, shop) -> None:
    answered = asyncio.Event()

    async def refuses(request):
        await answered.wait()
        await fails(grpc.StatusCode.NOT_FOUND, "BOOK_NOT_FOUND")(request)

    server.script.append(refuses)
    [task] = transfers(shop, "t")
    await turns()
    answered.set()
    while not task._fut_waiter.done():
        await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_malformed_when_one_of_many_then_the_others_are_decided(server, shop) -> None:
    server.otherwise = refuses_empty_ids
    tasks = transfers(shop, "one", "", "two")

    found = await results(tasks)

    assert [found[0].id, found[2].id] == ["one", "two"]
    assert isinstance(found[1], yupana.MalformedRequest)
    assert found[1].violations == (yupana.Violation("commands[0].id", "is empty"),)
    assert found[1].ids == ("",)
    assert server.ids == [["one", "", "two"], ["one", "two"], [""]]


async def test_malformed_when_alone_then_it_is_sent_once(server, shop) -> None:
    server.otherwise = refuses_empty_ids

    with pytest.raises(yupana.MalformedRequest):
        await shop.transfer("a", "b", 1, id="")
    assert server.ids == [[""]]


async def test_malformed_when_all_are_then_each_hears_of_its_own(server, shop) -> None:
    server.otherwise = refuses_empty_ids

    found = await results(transfers(shop, *[""] * 20))

    assert all(isinstance(error, yupana.MalformedRequest) for error in found)
    assert len({id(error) for error in found}) == 20
    assert len(server.ids) == 21


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.INTERNAL, "INTERNAL", yupana.InternalError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, None, yupana.Overloaded),  # too large a message
        (grpc.StatusCode.PERMISSION_DENIED, None, yupana.PermissionDenied),
    ],
)
async def test_error_when_it_names_nobody_then_the_one_is_found(
    server, shop, code, reason, kind
) -> None:
    async def refuses_the_bad_one(request):
        if any(command.id == "bad" for command in request.commands):
            await fails(code, reason)(request)
        return await posts(request)

    server.otherwise = refuses_the_bad_one
    tasks = transfers(shop, *(f"t{number}" for number in range(300)), "bad")

    *others, bad = await results(tasks)

    assert all(outcome.ok for outcome in others)
    assert type(bad) is kind
    assert bad.ids == ("bad",)
    assert len(server.ids) < 30


async def test_error_when_it_is_of_all_then_each_has_its_own_and_nothing_is_sent_again(
    server, shop
) -> None:
    server.otherwise = fails(grpc.StatusCode.NOT_FOUND, "BOOK_NOT_FOUND")

    found = await results(transfers(shop, "one", "two", "three"))

    assert [type(error) for error in found] == [yupana.BookNotFound] * 3
    assert [error.ids for error in found] == [("one",), ("two",), ("three",)]
    assert len(server.ids) == 1


async def test_internal_when_parts_then_fail_too_then_they_may_be_recorded(server, shop) -> None:
    server.script.append(fails(grpc.StatusCode.INTERNAL, "INTERNAL"))
    server.otherwise = fails(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE", retry_info(9))

    found = await results(transfers(shop, "one", "two"))

    assert [type(error) for error in found] == [yupana.OutcomeUnknown] * 2


async def test_lost_when_in_the_middle_then_the_same_is_sent_again(server, shop) -> None:
    server.script.append(LOST)

    outcomes = await asyncio.gather(*transfers(shop, "one", "two"))

    assert [outcome.id for outcome in outcomes] == ["one", "two"]
    assert server.ids == [["one", "two"]] * 2


async def test_lost_when_for_good_then_each_caller_does_not_know(server, shop) -> None:
    server.script.append(LOST)
    server.otherwise = UNAVAILABLE

    found = await results(transfers(shop, "one", "two", timeout_s=0.3))

    assert [type(error) for error in found] == [yupana.OutcomeUnknown] * 2
    assert [error.ids for error in found] == [("one",), ("two",)]


async def test_retries_when_many_share_a_request_then_it_is_charged_as_one(server, shop) -> None:
    server.otherwise = UNAVAILABLE

    found = await results(transfers(shop, *map(str, range(1_000)), timeout_s=0.5))

    assert all(isinstance(error, yupana.Unavailable) for error in found)
    assert len(server.ids) < 20


async def test_outcomes_when_there_are_too_few_then_every_caller_hears(server, shop) -> None:
    async def nothing(request):
        return ledger_service_pb2.ExecuteResponse()

    server.script.append(nothing)

    found = await results(transfers(shop, "one", "two"))

    assert [type(error) for error in found] == [yupana.InternalError] * 2


async def test_interceptor_when_it_raises_then_every_caller_hears(server, shop) -> None:
    async def breaks(request):
        raise RuntimeError("broken")

    server.script.append(breaks)

    found = await results(transfers(shop, "one", "two"))

    assert [str(error) for error in found] == ["broken"] * 2
    assert (await shop.transfer("a", "b", 1)).ok
