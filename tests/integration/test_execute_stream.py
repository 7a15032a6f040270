"""Streams of commands against a real ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration

import yupana
from support.databases import Database
from support.processes import LedgerProcess
from yupana import BookClient, CreateTransfer, Yupana, convert
from yupana.ledger.v1 import ledger_service_pb2, ledger_service_pb2_grpc
from yupana.routing import rendezvous
from yupana.statuses import call_error

COMMANDS = 30_000


def transfers(count: int, name: str = "t") -> Iterator[CreateTransfer]:
    return (CreateTransfer("world", "till", 1, id=f"{name}{number}") for number in range(count))


def ids(count: int, name: str = "t") -> list[str]:
    return [f"{name}{number}" for number in range(count)]


async def new_book(client: Yupana, name: str = "shop") -> BookClient:
    await client.create_book(name)
    shop = client.book(name)
    await shop.open_asset("USD", scale=2)
    await shop.open_account("world", asset="USD")
    await shop.open_account("till", asset="USD")
    return shop


@pytest.fixture
def process(database: Database, start_ledger: Callable[..., LedgerProcess]) -> LedgerProcess:
    return start_ledger(database)


@pytest.fixture
async def shop(process: LedgerProcess) -> AsyncIterator[BookClient]:
    async with Yupana(process.address, write_timeout_s=30) as client:
        yield await new_book(client)


@pytest.fixture
async def stub(process: LedgerProcess, shop: BookClient) -> AsyncIterator[object]:
    async with grpc.aio.insecure_channel(process.address) as channel:
        yield ledger_service_pb2_grpc.LedgerServiceStub(channel)


def request(*commands: CreateTransfer, **fields) -> ledger_service_pb2.ExecuteStreamRequest:
    message = ledger_service_pb2.ExecuteStreamRequest(**fields)
    message.request.CopyFrom(convert.execute_request("shop", commands))
    return message


async def balance(shop: BookClient) -> int:
    return (await shop.account("till")).available


async def test_stream_when_it_is_long_then_each_command_has_its_outcome_in_order(
    shop: BookClient,
) -> None:
    outcomes = [outcome async for outcome in shop.execute_stream(transfers(COMMANDS))]

    assert [outcome.id for outcome in outcomes] == ids(COMMANDS)
    assert all(outcome.ok and not outcome.replayed for outcome in outcomes)
    moments = [outcome.recorded_at for outcome in outcomes]
    assert moments == sorted(set(moments))
    assert await balance(shop) == COMMANDS


async def test_stream_when_sent_again_then_all_are_replays(shop: BookClient) -> None:
    first = [outcome async for outcome in shop.execute_stream(transfers(5_000))]
    second = [outcome async for outcome in shop.execute_stream(transfers(5_000))]

    assert all(outcome.replayed for outcome in second)
    assert [o.position for o in first] == [o.position for o in second]
    assert await balance(shop) == 5_000


async def test_stream_when_the_ledger_is_killed_then_each_counts_once_in_order(
    process: LedgerProcess, shop: BookClient
) -> None:
    found: list[str] = []
    async for outcome in shop.execute_stream(transfers(COMMANDS)):
        found.append(outcome.id)
        if len(found) in (5_000, 15_000):
            process.kill()
            await asyncio.to_thread(process.restart)

    assert found == ids(COMMANDS)
    assert await balance(shop) == COMMANDS


async def test_stream_when_the_ledger_shuts_down_then_it_goes_on_elsewhere(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    processes = {each.address: each for each in (start_ledger(database), start_ledger(database))}
    async with Yupana(*processes) as client:
        shop = await new_book(client)
        preferred = processes[rendezvous("shop", processes)[0]]
        found: list[str] = []
        async for outcome in shop.execute_stream(transfers(COMMANDS)):
            found.append(outcome.id)
            if len(found) == 5_000:
                stopped = asyncio.create_task(asyncio.to_thread(preferred.stop))
        assert await stopped == 0

        assert found == ids(COMMANDS)
        assert await balance(shop) == COMMANDS
        ended = [line for line in preferred.log().splitlines() if "/ExecuteStream" in line]
        assert any("UNAVAILABLE" in line for line in ended)


async def test_stream_when_commands_are_rejected_then_the_others_are_not_disturbed(
    shop: BookClient,
) -> None:
    commands = list(transfers(2_000))
    commands[700] = CreateTransfer("world", "nowhere", 1, id="t700")
    outcomes = [outcome async for outcome in shop.execute_stream(commands)]

    assert [outcome.id for outcome in outcomes] == ids(2_000)
    assert [outcome.id for outcome in outcomes if not outcome.ok] == ["t700"]


async def test_stream_when_a_command_is_malformed_then_nothing_of_its_request_or_behind_is_done(
    shop: BookClient,
) -> None:
    commands = list(transfers(12_000))
    commands[2_345] = CreateTransfer("world", "till", -1, id="t2345")
    found: list[str] = []
    with pytest.raises(yupana.MalformedRequest) as caught:  # noqa: PT012
        async for outcome in shop.execute_stream(commands):
            found.append(outcome.id)  # noqa: PERF401

    assert found == ids(2_000)
    assert await balance(shop) == 2_000
    [violation] = caught.value.violations
    place = int(violation.field.removeprefix("commands[").partition("]")[0])
    assert caught.value.ids[place] == "t2345"


async def test_stream_when_there_is_no_such_book_then_says_so(process: LedgerProcess) -> None:
    async with Yupana(process.address) as client:
        with pytest.raises(yupana.BookNotFound):
            await anext(client.book("nowhere").execute_stream(transfers(3)))


async def test_streams_when_many_share_a_book_then_all_are_answered(shop: BookClient) -> None:
    async def produce(name: str) -> list[str]:
        return [o.id async for o in shop.execute_stream(transfers(3_000, name))]

    names = [f"s{number}-" for number in range(8)]
    assert await asyncio.gather(*map(produce, names)) == [ids(3_000, name) for name in names]
    assert await balance(shop) == 24_000


async def test_stream_when_the_ledger_is_slow_for_a_moment_then_it_waits(
    process: LedgerProcess, shop: BookClient
) -> None:
    process.pause()
    task = asyncio.create_task(anext(shop.execute_stream(transfers(1), timeout_s=20)))
    await asyncio.sleep(0.3)
    assert not task.done()
    process.resume()

    assert (await task).ok


async def test_wire_when_a_request_fails_then_its_place_is_told_after_the_answers_before(
    shop: BookClient, stub
) -> None:
    call = stub.ExecuteStream()
    await call.write(request(*transfers(3, "a")))
    await call.write(request(*transfers(3, "b"), timeout=Duration(seconds=5)))
    await call.write(request(CreateTransfer("world", "till", -1)))

    answered = [await call.read(), await call.read()]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert [len(answer.outcomes) for answer in answered] == [3, 3]
    error = call_error(caught.value)
    assert error.reason is yupana.Reason.MALFORMED_REQUEST
    assert error.metadata["request"] == "3"
    assert error.violations[0].field == "commands[0].create_transfer.amount"


async def test_wire_when_the_bytes_are_no_message_then_they_are_malformed(
    process: LedgerProcess,
) -> None:
    async with grpc.aio.insecure_channel(process.address) as channel:
        call = channel.stream_stream("/yupana.ledger.v1.LedgerService/ExecuteStream")()
        await call.write(b"\xff\xff\xff")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()

    assert call_error(caught.value).reason is yupana.Reason.MALFORMED_REQUEST


async def test_wire_when_the_caller_goes_away_then_the_server_lets_go(
    process: LedgerProcess, shop: BookClient, stub
) -> None:
    call = stub.ExecuteStream()
    await call.write(request(*transfers(3)))
    await call.read()
    call.cancel()

    # The log has a line for every call that is over. gRPC may tell of the caller's going as of the
    # end of its requests, so what that line says of the call's end differs.
    async with asyncio.timeout(20):
        while "/ExecuteStream" not in process.log():
            await asyncio.sleep(0.02)
    assert await balance(shop) == 3


async def test_wire_when_the_call_has_a_deadline_then_it_bounds_the_stream(stub) -> None:
    call = stub.ExecuteStream(timeout=0.3)
    await call.write(request(*transfers(3)))
    assert len((await call.read()).outcomes) == 3
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
