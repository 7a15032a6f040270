"""Single commands of many callers travel together; each has its own deadline."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextvars import ContextVar
from datetime import datetime, timedelta
from itertools import chain

import grpc
import pytest

import yupana
from support.fake_servers import FakeServer, fails, hangs, posts, posts_when, retry_info
from support.gathering import LOST, results, transfers, turns
from yupana import BookClient, Leg, Resolution
from yupana.gatherer import IN_FLIGHT_MAX
from yupana.parcel import COMMANDS_MAX, SIZE_BYTES_MAX, Member, Parcel

caller = ContextVar("caller", default="nobody")


@pytest.fixture
async def busy(server: FakeServer, shop: BookClient) -> AsyncIterator[asyncio.Event]:
    """As many requests are under way as may be, until the event: what comes now gathers."""
    answered = asyncio.Event()
    server.script.extend([posts_when(answered)] * IN_FLIGHT_MAX)
    first = []
    for place in range(IN_FLIGHT_MAX):
        first.append(asyncio.create_task(shop.transfer("a", "b", 1, id=f"first-{place}")))
        await turns()
    assert len(server.ids) == IN_FLIGHT_MAX
    server.ids.clear()
    server.timeouts_s.clear()
    yield answered
    answered.set()
    await asyncio.gather(*first, return_exceptions=True)


async def test_transfer_when_nothing_is_under_way_then_it_is_sent_at_once(server, shop) -> None:
    outcome = await shop.transfer("a", "b", 5, id="t")

    assert (outcome.id, outcome.amount) == ("t", 5)
    assert server.ids == [["t"]]


async def test_transfers_when_made_together_then_each_has_its_own_outcome(server, shop) -> None:
    ids = [f"t{number}" for number in range(COMMANDS_MAX * 3 + 7)]

    outcomes = await asyncio.gather(*transfers(shop, *ids))

    assert [outcome.id for outcome in outcomes] == ids
    assert [outcome.amount for outcome in outcomes] == list(range(1, len(ids) + 1))
    assert list(chain(*server.ids)) == ids  # Who comes first goes first.
    assert len(server.ids) == 4


async def test_transfers_when_done_then_nothing_is_left_to_the_cycle_collector(shop) -> None:
    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*transfers(shop, *map(str, range(1_000))))
        await turns()
        left = [each for each in gc.get_objects() if isinstance(each, (Parcel, Member))]
    finally:
        gc.enable()

    assert left == []


async def test_transfers_when_others_are_under_way_then_they_gather_until_an_answer(
    server, shop, busy
) -> None:
    tasks = transfers(shop, "one", "two")
    await turns()
    assert server.ids == []

    tasks += transfers(shop, "three")
    await turns()
    busy.set()

    assert [outcome.id for outcome in await asyncio.gather(*tasks)] == ["one", "two", "three"]
    assert server.ids == [["one", "two", "three"]]


async def test_handles_when_on_the_same_book_then_they_share_requests(server, calls, busy) -> None:
    tasks = transfers(BookClient(calls, "shop"), "one") + transfers(
        BookClient(calls, "shop"), "two"
    )
    elsewhere = transfers(BookClient(calls, "else"), "three")
    await asyncio.gather(*elsewhere)
    busy.set()
    await asyncio.gather(*tasks)

    assert server.ids == [["three"], ["one", "two"]]


async def test_execute_when_others_gather_then_it_is_a_request_of_its_own(
    server, shop, busy
) -> None:
    tasks = transfers(shop, "one")
    command = yupana.CreateTransfer("a", "b", 1, id="two")
    await shop.execute([command])
    await shop.execute([command], validate_only=True)
    busy.set()
    await asyncio.gather(*tasks)

    assert server.ids == [["two"], ["two"], ["one"]]


async def test_commands_when_they_weigh_much_then_they_are_spread(server, shop, busy) -> None:
    legs = [Leg("a", "b", 1)] * 256
    payments = [asyncio.create_task(shop.pay(legs, id=f"p{number}")) for number in range(20)]
    groups = [
        asyncio.create_task(shop.resolve_group("g", Resolution.CAPTURE, id=f"g{number}"))
        for number in range(5)
    ]
    await turns()
    busy.set()
    await asyncio.gather(*payments, *groups)

    assert [len(ids) for ids in server.ids] == [19, 5, 1]


async def test_commands_when_one_is_large_then_it_travels_alone(server, shop, busy) -> None:
    tasks = transfers(shop, "one")
    large = shop.transfer("a", "b", 1, id="large", description="x" * SIZE_BYTES_MAX)
    tasks.append(asyncio.create_task(large))
    await turns(1)
    tasks += transfers(shop, "two")
    await turns()
    busy.set()
    await asyncio.gather(*tasks)

    assert server.ids == [["one"], ["large"], ["two"]]


async def test_command_when_it_cannot_be_a_message_then_only_its_caller_hears(
    server, shop, busy
) -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="names no time zone"):
        await shop.transfer("a", "b", 1, effective_at=naive)
    tasks = transfers(shop, "one")
    await turns()
    with pytest.raises(ValueError, match="names no time zone"):
        await shop.transfer("a", "b", 1, effective_at=naive)
    busy.set()
    await asyncio.gather(*tasks)

    assert server.ids == [["one"]]


async def test_request_has_the_longest_deadline_of_its_members(server, shop, busy) -> None:
    tasks = transfers(shop, "one", timeout_s=1) + transfers(shop, "two", timeout_s=9)
    tasks += transfers(shop, "three")
    await turns()
    busy.set()
    await asyncio.gather(*tasks)

    assert server.timeouts_s == [pytest.approx(9, abs=0.2)]


async def test_deadline_when_it_passes_under_way_then_only_this_caller_hears(server, shop) -> None:
    answered = asyncio.Event()
    server.script.append(posts_when(answered))
    [late, patient] = transfers(shop, "late", timeout_s=0.05) + transfers(shop, "patient")

    with pytest.raises(yupana.DeadlineExceeded, match=r"within 0\.05 s: it may be slow") as caught:
        await late
    answered.set()

    assert caught.value.ids == ("late",)
    assert (await patient).id == "patient"
    assert server.ids == [["late", "patient"]]


async def test_deadline_when_it_passes_before_sending_then_nothing_was_recorded(
    server, shop, busy
) -> None:
    late, patient = transfers(shop, "late", timeout_s=0.05) + transfers(shop, "patient")

    with pytest.raises(yupana.Unavailable, match=r"not sent within 0\.05 s") as caught:
        await late
    busy.set()
    await patient

    assert caught.value.ids == ("late",)
    assert server.ids == [["patient"]]


async def test_deadline_when_there_was_no_connection_then_nothing_was_recorded(
    server, shop
) -> None:
    server.up.clear()
    late, patient = transfers(shop, "late", timeout_s=0.05) + transfers(shop, "patient")

    with pytest.raises(yupana.Unavailable, match="cannot be reached"):
        await late
    server.up.set()
    await patient

    assert server.ids == [["patient"]]


async def test_deadline_when_an_attempt_was_lost_then_it_may_be_recorded(server, shop) -> None:
    async def lost_and_gone(request):
        server.up.clear()
        await LOST(request)

    server.script.append(lost_and_gone)
    late, patient = transfers(shop, "late", timeout_s=0.3) + transfers(shop, "patient")

    with pytest.raises(yupana.DeadlineExceeded, match="cannot be reached"):
        await late
    server.up.set()
    assert (await patient).ok


async def test_pause_when_it_is_longer_than_the_deadline_then_its_caller_hears_at_once(
    server, shop
) -> None:
    server.script.append(fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", retry_info(0.4)))
    late, patient = transfers(shop, "late", timeout_s=0.3) + transfers(shop, "patient")

    async with asyncio.timeout(0.2):
        with pytest.raises(yupana.Overloaded) as caught:
            await late
    assert caught.value.retry_after_s == pytest.approx(0.4)
    assert (await patient).ok
    assert server.ids == [["late", "patient"], ["patient"]]


async def test_cancel_when_not_sent_yet_then_it_is_not_sent(server, shop, busy) -> None:
    gone, patient = transfers(shop, "gone", "patient")
    await turns()
    gone.cancel()
    await turns()
    busy.set()
    await patient

    assert gone.cancelled()
    assert server.ids == [["patient"]]


async def test_cancel_when_waiting_for_a_connection_then_it_is_not_sent(server, shop) -> None:
    server.up.clear()
    gone, patient = transfers(shop, "gone", "patient")
    await turns()
    gone.cancel()
    await turns()
    server.up.set()
    await patient

    assert server.ids == [["patient"]]


async def test_cancel_when_under_way_then_the_others_are_not_disturbed(server, shop) -> None:
    answered = asyncio.Event()
    server.script.append(posts_when(answered))
    gone, patient = transfers(shop, "gone", "patient")
    await turns()
    gone.cancel()
    await turns()
    answered.set()

    assert (await patient).id == "patient"
    assert server.cancelled_count == 0


async def test_cancel_when_all_have_gone_then_the_call_is_cancelled(server, shop) -> None:
    server.script.append(hangs)
    tasks = transfers(shop, "one", "two")
    await turns()
    for task in tasks:
        task.cancel()
    await results(tasks)
    await turns()

    assert server.cancelled_count == 1
    assert (await shop.transfer("a", "b", 1)).ok


async def test_cancel_when_many_leave_what_gathers_then_the_others_are_sent(
    server, shop, busy
) -> None:
    tasks = transfers(shop, *(f"t{number}" for number in range(100)))
    await turns()
    for number, task in enumerate(tasks):
        if number % 10:
            task.cancel()
    await turns()
    busy.set()
    await results(tasks)

    assert server.ids == [[f"t{number}" for number in range(0, 100, 10)]]


async def test_close_when_some_wait_and_some_are_under_way_then_all_are_cancelled(
    server, shop, calls, busy
) -> None:
    tasks = transfers(shop, "one", "two")
    await turns()
    await calls.close()
    await results(tasks)

    assert all(task.cancelled() for task in tasks)
    assert server.ids == []


async def test_context_when_alone_it_is_the_callers_and_when_shared_it_is_nobodys(
    server, shop
) -> None:
    seen: list[str] = []

    async def notes(request):
        seen.append(caller.get())
        return await posts(request)

    async def call(name: str, id_: str):
        caller.set(name)
        await shop.transfer("a", "b", 1, id=id_)

    server.otherwise = notes
    await asyncio.create_task(call("alice", "one"))
    await asyncio.gather(call("alice", "two"), call("bob", "three"))

    assert server.ids == [["one"], ["two", "three"]]
    assert seen == ["alice", "nobody"]


async def test_hold_and_others_gather_too(server, shop, busy) -> None:
    tasks = [
        asyncio.create_task(shop.hold("a", "b", 1, expires_after=timedelta(1), id="hold")),
        asyncio.create_task(shop.capture("hold", id="capture")),
        asyncio.create_task(shop.open_asset("USD", scale=2)),
    ]
    await turns()
    busy.set()
    await asyncio.gather(*tasks)

    assert server.ids == [["hold", "capture", "open-asset:USD"]]
