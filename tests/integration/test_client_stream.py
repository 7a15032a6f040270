"""The client's streams against a scripted ledger."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import chain

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2 as rpc

import yupana
from support.fake_servers import posts, rpc_error
from yupana import BookClient, CreateTransfer, Yupana, linked
from yupana.batches import WEIGHT_MAX
from yupana.ledger.v1 import ledger_service_pb2
from yupana.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceServicer,
    add_LedgerServiceServicer_to_server,
)
from yupana.stream import COMMANDS_UNANSWERED_MAX

Script = Callable[["ScriptedStreams", AsyncIterator, grpc.aio.ServicerContext], Awaitable[None]]


class ScriptedStreams(LedgerServiceServicer):
    """Serves streams as scripted, and when the script is over answers everything."""

    def __init__(self, *script: Script) -> None:
        self.script = deque(script)
        self.streams: list[list[list[str]]] = []

    async def ExecuteStream(self, requests, context):  # noqa: N802 - the contract's name
        self.streams.append([])
        script = self.script.popleft() if self.script else answers_all
        await script(self, requests, context)

    async def read(self, requests):
        message = await anext(requests)
        self.streams[-1].append([command.id for command in message.request.commands])
        return message


async def answers_all(self, requests, context) -> None:
    while True:
        try:
            message = await self.read(requests)
        except StopAsyncIteration:
            return
        await context.write(await posts(message.request))


def answers(count: int, then: Script) -> Script:
    async def script(self, requests, context):
        for _ in range(count):
            message = await self.read(requests)
            await context.write(await posts(message.request))
        await then(self, requests, context)

    return script


def fails(code: grpc.StatusCode, reason: str, *details, read: int = 0) -> Script:
    async def script(self, requests, context):
        for _ in range(read):
            await self.read(requests)
        error = rpc_error(code, reason, *details, message="not now")
        await context.abort(code, "not now", tuple(error.trailing_metadata()))

    return script


async def hangs(self, requests, context) -> None:
    with suppress(StopAsyncIteration):
        while True:
            await self.read(requests)
    await asyncio.sleep(60)


@asynccontextmanager
async def serving(ledger: ScriptedStreams, port: int = 0, options=()) -> AsyncIterator[str]:
    server = grpc.aio.server(options=options)
    add_LedgerServiceServicer_to_server(ledger, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def shop_of(ledger: ScriptedStreams, **options) -> AsyncIterator[BookClient]:
    async with serving(ledger) as address, Yupana(address, **options) as client:
        yield client.book("shop")
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if "yupana/" in repr(task.get_coro())] == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def transfers(count: int) -> Iterator[CreateTransfer]:
    return (CreateTransfer("a", "b", number, id=f"t{number}") for number in range(count))


def ids(count: int) -> list[str]:
    return [f"t{number}" for number in range(count)]


async def collect(outcomes) -> tuple[list[str], Exception | None]:
    found: list[str] = []
    try:
        async for outcome in outcomes:
            found.append(outcome.id)  # noqa: PERF401 - kept when it fails
    except (yupana.CallError, RuntimeError) as error:
        return found, error
    return found, None


LOST = fails(grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN", read=1)


async def test_stream_when_all_is_well_then_outcomes_have_the_order_of_the_commands() -> None:
    ledger = ScriptedStreams()
    async with shop_of(ledger) as shop:
        assert await collect(shop.execute_stream(transfers(5_500))) == (ids(5_500), None)

    [stream] = ledger.streams
    assert list(chain(*stream)) == ids(5_500)
    assert {len(batch) for batch in stream[:-1]} == {WEIGHT_MAX}


async def test_stream_when_all_is_answered_then_the_server_sees_no_caller_go_away() -> None:
    ended = []

    async def take_a_moment_to_end(self, requests, context) -> None:
        await answers_all(self, requests, context)
        await asyncio.sleep(0.05)
        ended.append(self)

    async with shop_of(ScriptedStreams(take_a_moment_to_end)) as shop:
        await collect(shop.execute_stream(transfers(150)))
        assert len(ended) == 1


async def test_stream_when_there_are_no_commands_then_no_call_is_made() -> None:
    ledger = ScriptedStreams()
    async with shop_of(ledger) as shop:
        assert await collect(shop.execute_stream([])) == ([], None)

    assert ledger.streams == []


async def test_stream_when_the_source_is_slow_then_what_there_is_goes_at_once() -> None:
    done = asyncio.Queue()

    async def source():
        for command in transfers(3):
            yield command
            await done.get()  # Until its outcome is there.

    async with shop_of(ScriptedStreams()) as shop, asyncio.timeout(5):
        found = []
        async for outcome in shop.execute_stream(source()):
            found.append(outcome.id)
            done.put_nowait(None)

    assert found == ids(3)


async def test_stream_when_a_chain_is_long_then_it_stays_together() -> None:
    ledger = ScriptedStreams()
    commands = [*transfers(990), *linked(*(CreateTransfer("a", "b", 1) for _ in range(500)))]
    async with shop_of(ledger) as shop:
        found, _ = await collect(shop.execute_stream([*commands, *transfers(3)]))

    assert len(found) == 1_493
    assert [len(batch) for batch in ledger.streams[0]] == [1_490, 3]


async def test_stream_when_nothing_is_answered_then_the_source_waits() -> None:
    read = 0

    def source():
        nonlocal read
        for command in transfers(100_000):
            read += 1
            yield command

    ledger = ScriptedStreams(hangs)
    async with shop_of(ledger) as shop:
        task = asyncio.create_task(collect(shop.execute_stream(source())))
        while len(ledger.streams) == 0 or len(ledger.streams[0]) < 10:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert read == COMMANDS_UNANSWERED_MAX + WEIGHT_MAX
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_stream_when_outcomes_are_not_taken_then_the_source_waits() -> None:
    read = 0

    def source():
        nonlocal read
        for command in transfers(100_000):
            read += 1
            yield command

    async with (
        shop_of(ScriptedStreams()) as shop,
        aclosing(shop.execute_stream(source())) as outcomes,
    ):
        await anext(outcomes)
        await asyncio.sleep(0.3)
        assert read <= COMMANDS_UNANSWERED_MAX + 2 * WEIGHT_MAX


@pytest.mark.parametrize("reason", ["OUTCOME_UNKNOWN", "DATABASE_UNAVAILABLE", "DRAINING"])
async def test_stream_when_it_breaks_then_it_goes_on_with_the_same_ids(reason: str) -> None:
    breaks = fails(grpc.StatusCode.UNAVAILABLE, reason, read=1)
    ledger = ScriptedStreams(answers(2, breaks), answers(3, breaks))
    async with shop_of(ledger) as shop:
        assert await collect(shop.execute_stream(transfers(20_000))) == (ids(20_000), None)

    first, second, third = ledger.streams
    assert second[0] == first[2]
    assert third[0] == second[3]


async def test_stream_when_the_server_restarts_then_it_goes_on_with_the_same_ids() -> None:
    port, first, second = free_port(), ScriptedStreams(answers(2, hangs)), ScriptedStreams()
    async with Yupana(f"127.0.0.1:{port}") as client:
        async with serving(first, port):
            outcomes = client.book("shop").execute_stream(transfers(20_000))
            found = [(await anext(outcomes)).id for _ in range(2 * WEIGHT_MAX)]
        async with serving(second, port):
            found += [outcome.id async for outcome in outcomes]

    assert found == ids(20_000)
    assert second.streams[0][0] == first.streams[0][2]


async def test_stream_when_it_breaks_while_idle_then_it_goes_on() -> None:
    port, first, second = free_port(), ScriptedStreams(), ScriptedStreams()
    more = asyncio.Event()

    async def source():
        yield CreateTransfer("a", "b", 1, id="one")
        await more.wait()
        yield CreateTransfer("a", "b", 1, id="two")

    async with Yupana(f"127.0.0.1:{port}") as client:
        async with serving(first, port):
            outcomes = client.book("shop").execute_stream(source())
            assert (await anext(outcomes)).id == "one"
        async with serving(second, port), asyncio.timeout(10):
            more.set()
            assert [outcome.id async for outcome in outcomes] == ["two"]


async def test_stream_when_connections_grow_old_then_it_goes_on_in_new_ones() -> None:
    async def source():
        for command in transfers(30):
            yield command
            await asyncio.sleep(0.05)

    ledger = ScriptedStreams()
    short = [("grpc.max_connection_age_ms", 300), ("grpc.max_connection_age_grace_ms", 50)]
    async with serving(ledger, options=short) as address, Yupana(address) as client:
        found, _ = await collect(client.book("shop").execute_stream(source()))

    assert found == ids(30)
    assert len(ledger.streams) > 2


async def test_stream_when_a_command_is_malformed_then_says_which_and_stops() -> None:
    violation = rpc.BadRequest.FieldViolation(field="commands[7].id", description="is empty")
    refuses = fails(
        grpc.StatusCode.INVALID_ARGUMENT,
        "MALFORMED_REQUEST",
        rpc.BadRequest(field_violations=[violation]),
        read=1,
    )
    ledger = ScriptedStreams(answers(2, refuses))
    async with shop_of(ledger) as shop:
        found, error = await collect(shop.execute_stream(transfers(5_000)))

    assert found == ids(2_000)
    assert isinstance(error, yupana.MalformedRequest)
    assert error.violations[0].field == "commands[7].id"
    assert error.ids[7] == "t2007"
    assert len(ledger.streams) == 1


async def test_stream_when_the_source_raises_then_earlier_outcomes_come_first() -> None:
    def source():
        yield from transfers(1_500)
        raise RuntimeError("no more")

    async with shop_of(ScriptedStreams()) as shop:
        found, error = await collect(shop.execute_stream(source()))

    assert found == ids(1_500)
    assert str(error) == "no more"


async def test_stream_when_there_is_no_answer_in_time_then_it_may_be_recorded() -> None:
    async with shop_of(ScriptedStreams(answers(1, hangs))) as shop:
        found, error = await collect(shop.execute_stream(transfers(1_500), timeout_s=0.2))

    assert found == ids(1_000)
    assert type(error) is yupana.DeadlineExceeded
    assert error.ids == tuple(ids(1_500)[1_000:])


async def test_stream_when_outcomes_are_taken_slowly_then_that_is_no_time_of_the_ledger() -> None:
    async with shop_of(ScriptedStreams()) as shop:
        outcomes = shop.execute_stream(transfers(3_000), timeout_s=0.2)
        found = []
        async for outcome in outcomes:
            found.append(outcome.id)
            if len(found) % 1_000 == 0:
                await asyncio.sleep(0.3)

    assert found == ids(3_000)


async def test_stream_when_no_server_listens_then_nothing_was_recorded() -> None:
    async with Yupana(f"127.0.0.1:{free_port()}") as client:
        stream = client.book("shop").execute_stream(transfers(3), timeout_s=0.2)
        found, error = await collect(stream)

    assert found == []
    assert type(error) is yupana.Unavailable


async def test_stream_when_it_is_lost_for_good_then_the_outcome_is_unknown() -> None:
    async with shop_of(ScriptedStreams(*[LOST] * 100)) as shop:
        found, error = await collect(shop.execute_stream(transfers(3), timeout_s=0.3))

    assert found == []
    assert type(error) is yupana.OutcomeUnknown
    assert error.ids == ("t0", "t1", "t2")


async def test_stream_when_another_request_failed_then_those_behind_it_are_unknown() -> None:
    info = rpc.ErrorInfo(
        reason="ERROR_REASON_DATABASE_UNAVAILABLE", domain="yupana.dev", metadata={"request": "1"}
    )
    error = rpc_error(grpc.StatusCode.UNAVAILABLE, None, info, message="not now")

    async def first_fails(self, requests, context):
        for _ in range(2):
            await self.read(requests)
        await context.abort(error.code(), error.details(), tuple(error.trailing_metadata()))

    async with shop_of(ScriptedStreams(*[first_fails] * 100)) as shop:
        _, error_of_two = await collect(shop.execute_stream(transfers(2_000), timeout_s=0.3))

    assert type(error_of_two) is yupana.OutcomeUnknown


async def test_stream_when_the_ledger_ends_it_early_then_that_is_told() -> None:
    async def ends(self, requests, context):
        await self.read(requests)

    async with shop_of(ScriptedStreams(ends)) as shop:
        _, error = await collect(shop.execute_stream(transfers(3)))

    assert type(error) is yupana.InternalError
    assert error.ids == ("t0", "t1", "t2")


async def test_stream_when_outcomes_are_too_few_then_that_is_told() -> None:
    async def answers_nothing(self, requests, context):
        await self.read(requests)
        await context.write(ledger_service_pb2.ExecuteResponse())

    async with shop_of(ScriptedStreams(answers_nothing)) as shop:
        _, error = await collect(shop.execute_stream(transfers(3)))

    assert type(error) is yupana.InternalError


async def test_stream_when_left_early_then_nothing_is_left_behind() -> None:
    async with (
        shop_of(ScriptedStreams()) as shop,
        aclosing(shop.execute_stream(transfers(100_000))) as outcomes,
    ):
        found = [(await anext(outcomes)).id for _ in range(1_500)]

    assert found == ids(1_500)


async def test_close_when_a_stream_is_under_way_then_it_is_cancelled() -> None:
    async with serving(ScriptedStreams(hangs)) as address:
        client = Yupana(address)
        task = asyncio.create_task(collect(client.book("shop").execute_stream(transfers(3))))
        await asyncio.sleep(0.2)
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await task
