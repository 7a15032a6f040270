"""Callers that send too much, too slowly, or take nothing: bounded in memory, told so where that is
possible, and the others are served meanwhile."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress

import pytest
from google.protobuf.duration_pb2 import Duration

from support import http2
from support.databases import Database
from support.footprints import MIB, Peak, files, rss_mib, until
from support.http2 import Connection
from support.processes import LedgerProcess
from yupana import BookClient, CreateTransfer, Yupana, convert
from yupana.ledger.v1.history_service_pb2 import GetStatementRequest
from yupana.ledger.v1.ledger_service_pb2 import ExecuteStreamRequest
from yupana_server.ledger.execute_stream import COMMANDS_UNDER_WAY_MAX
from yupana_server.runtime.arrivals import METADATA_BYTES_MAX, UNWATCHED_MAX
from yupana_server.runtime.server import MESSAGE_BYTES_MAX, STREAMS_MAX

EXECUTE = "/yupana.ledger.v1.LedgerService/Execute"
STREAM = "/yupana.ledger.v1.LedgerService/ExecuteStream"
STATEMENT = "/yupana.ledger.v1.HistoryService/GetStatement"
OVER = 'ExecuteStream", "code"'
INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED = 3, 4, 8

Connect = Callable[..., "asyncio.Future[Connection]"]


@pytest.fixture
def process(database: Database, start_ledger: Callable[..., LedgerProcess]) -> LedgerProcess:
    return start_ledger(database, environment={"YUPANA_DEFAULT_DEADLINE_S": "2"})


@pytest.fixture
async def shop(process: LedgerProcess) -> AsyncIterator[BookClient]:
    async with Yupana(process.address, read_timeout_s=30, write_timeout_s=30) as client:
        await client.create_book("shop")
        shop = client.book("shop")
        await shop.open_asset("USD", scale=2)
        await shop.open_account("world", asset="USD")
        await shop.open_account("till", asset="USD")
        yield shop


@pytest.fixture
async def connect(process: LedgerProcess) -> AsyncIterator[Connect]:
    """Opens connections, which end with the test."""
    async with AsyncExitStack() as stack:

        async def connect(*settings: tuple[int, int]) -> Connection:
            connection = await Connection.open(process.address, *settings)
            stack.push_async_callback(connection.close)
            return connection

        yield connect


async def assert_served(shop: BookClient) -> None:
    """Assert that an honest caller gets a transfer through, and can read it."""
    before = (await shop.account("till")).balance
    assert (await shop.transfer("world", "till", 1)).ok
    assert (await shop.account("till")).balance > before


def transfers(count: int, name: str) -> bytes:
    """Return a message of a stream with that many commands."""
    commands = [CreateTransfer("world", "till", 1, id=f"{name}-{i}") for i in range(count)]
    request = convert.execute_request("shop", commands)
    message = ExecuteStreamRequest(request=request, timeout=Duration(seconds=100))
    return http2.message(message.SerializeToString())


def bomb(size_mib: int, window_bits: int) -> bytes:
    """Return what inflates to so many zeros."""
    deflate, block = zlib.compressobj(9, zlib.DEFLATED, window_bits), bytes(MIB)
    return b"".join(deflate.compress(block) for _ in range(size_mib)) + deflate.flush()


@pytest.mark.parametrize("path", [EXECUTE, STREAM])
async def test_message_when_it_says_it_is_too_large_then_refused_before_it_comes(
    process: LedgerProcess, shop: BookClient, connect: Connect, path: str
) -> None:
    async with Peak(process) as peak:
        for length in (MESSAGE_BYTES_MAX + 1, 2**31, 2**32 - 1):
            connection = await connect()
            await connection.send(http2.begin_call(1, http2.call_headers(path)))
            await connection.send_body(1, http2.message(b"begin", length=length))
            assert await connection.status() == RESOURCE_EXHAUSTED
        await assert_served(shop)
    assert peak.mib < 32


@pytest.mark.parametrize(("encoding", "window_bits"), [("gzip", 31), ("deflate", 15)])
@pytest.mark.parametrize("path", [EXECUTE, STREAM])
async def test_compressed_bomb_when_it_is_sent_then_refused_before_it_is_inflated(
    process: LedgerProcess,
    shop: BookClient,
    connect: Connect,
    path: str,
    encoding: str,
    window_bits: int,
) -> None:
    headers = http2.call_headers(path, ("grpc-encoding", encoding))
    packed = http2.message(bomb(300, window_bits), compressed=True)
    async with Peak(process) as peak:
        for _ in range(4):
            connection = await connect()
            await connection.send(http2.begin_call(1, headers))
            await connection.send_body(1, packed, end=True)
            assert await connection.status() == RESOURCE_EXHAUSTED
        await assert_served(shop)
    assert peak.mib < 100


async def test_metadata_when_it_is_huge_then_refused(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    async with Peak(process) as peak:
        for size in (METADATA_BYTES_MAX, MIB, 8 * MIB):
            connection = await connect()
            more = [(f"x{place}", "v" * 1_000) for place in range(size // 1_000)]
            await connection.send(http2.begin_call(1, http2.call_headers(EXECUTE, *more)))
            assert await connection.status() in (INVALID_ARGUMENT, RESOURCE_EXHAUSTED)
        await assert_served(shop)
    assert peak.mib < 100


async def test_metadata_when_it_never_ends_then_it_is_not_kept(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    connection = await connect()
    more = http2.header_block([("x", "v" * 10_000)])
    await connection.send(http2.frame(http2.HEADERS, 0, 1, http2.header_block([(":path", "/")])))
    async with Peak(process) as peak:
        with suppress(ConnectionError):  # It may be told off, or be left to talk.
            for _ in range(20_000):
                await connection.send(http2.frame(http2.CONTINUATION, 0, 1, more))
        await assert_served(shop)
    assert peak.mib < 100


async def test_connections_when_thousands_are_idle_then_others_are_served(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    before = rss_mib(process)
    idle = [await connect() for _ in range(2_000)]
    await until(lambda: files(process) > 2_000, "all are accepted")
    await asyncio.gather(*(connection.read() for connection in idle))
    await assert_served(shop)
    assert rss_mib(process) - before < 100
    for connection in idle:
        await connection.close()
    await until(lambda: files(process) < 100, "all are let go")


async def test_connection_when_it_says_nothing_then_it_ends(
    process: LedgerProcess, shop: BookClient
) -> None:
    host, _, port = process.address.rpartition(":")
    silent = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
    async with asyncio.timeout(60):  # It has 10 s to begin.
        for reader, writer in silent:
            await reader.read()
            writer.close()
    await assert_served(shop)


async def test_connection_when_its_client_pings_often_then_it_stays(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    busy = await connect()
    for _ in range(20):
        await busy.send(http2.frame(http2.PING, 0, 0, b"8 bytes."))
        while (came := await busy.read()) is not None and came[0] != http2.PING:
            pass
    assert not busy.closed
    await assert_served(shop)


async def test_calls_when_no_request_comes_then_they_end_and_others_are_served(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    slow = await connect()
    streams = [2 * place + 1 for place in range(UNWATCHED_MAX + 200)]
    async with Peak(process) as peak:
        for stream in streams:
            await slow.send(http2.begin_call(stream, http2.call_headers(EXECUTE)))
            await slow.send_body(stream, http2.message(b"b", length=MESSAGE_BYTES_MAX))
        await assert_served(shop)
        assert await slow.status() == DEADLINE_EXCEEDED
        ended: set[int] = set()
        async with asyncio.timeout(30):
            while len(ended) < len(streams) - UNWATCHED_MAX - 1:  # The first is told by its status.
                came = await slow.read()
                assert came is not None
                if came[0] == http2.RST_STREAM:
                    ended.add(came[1])
        await assert_served(shop)
    assert peak.mib < 50


async def test_calls_when_one_connection_makes_too_many_then_it_alone_is_refused(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    greedy = await connect()
    async with Peak(process) as peak:
        for place in range(5 * STREAMS_MAX):
            if greedy.closed:
                break
            try:
                begun = http2.begin_call(2 * place + 1, http2.call_headers(STREAM))
                await greedy.send(begun)
            except ConnectionError:
                break
        await assert_served(shop)
    await greedy.close()
    await until(lambda: files(process) < 100, "the connection is let go")
    assert process.log().count(OVER) <= STREAMS_MAX + 100
    assert peak.mib < 60


async def test_stream_when_its_answers_are_not_read_then_it_is_not_read_either(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    deaf = [await connect((http2.INITIAL_WINDOW_SIZE, 0)) for _ in range(2)]

    async def talk(connection: Connection, name: str) -> None:
        await connection.send(http2.begin_call(1, http2.call_headers(STREAM)))
        for number in range(50):
            await connection.send_body(1, transfers(500, f"{name}-{number}"))
        while not connection.closed:  # All of it replays, if it were read.
            await connection.send_body(1, transfers(500, f"{name}-0"))

    async with Peak(process) as peak:
        talking = [asyncio.create_task(talk(each, str(n))) for n, each in enumerate(deaf)]
        recorded = await settled(shop)
        sent = await stalled(deaf)
        await assert_served(shop)
    assert sent < len(deaf) * 8 * MIB
    # gRPC takes a few answers into its own buffer before it waits for the caller.
    assert recorded <= len(deaf) * (COMMANDS_UNDER_WAY_MAX + 2_500)
    assert peak.mib < 250
    for task in talking:
        task.cancel()
    await asyncio.gather(*talking, return_exceptions=True)


async def settled(shop: BookClient) -> int:
    """Wait until something, and then nothing more, is recorded; returns how much that was."""
    before, balance = -1, 0
    async with asyncio.timeout(100):
        while not before == balance > 0:
            await asyncio.sleep(2)
            before, balance = balance, (await shop.account("till")).balance
    return balance


async def stalled(connections: list[Connection]) -> int:
    """Wait until nothing more can be sent; returns how many bytes that were."""
    before, now = -1, 0
    async with asyncio.timeout(100):
        while before != now:
            await asyncio.sleep(2)
            before, now = now, sum(connection.sent_bytes for connection in connections)
    return now


async def test_answers_when_they_are_not_read_then_they_are_bounded(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    await shop.execute([CreateTransfer("world", "till", 1) for _ in range(1_000)])
    deaf = await connect((http2.INITIAL_WINDOW_SIZE, 0))
    request = GetStatementRequest(book="shop", account="till", page_size=1_000)
    body = http2.message(request.SerializeToString())
    async with Peak(process) as peak:
        for place in range(40):  # Fewer than the lines of a kind that the log takes in a second.
            await deaf.send(http2.begin_call(2 * place + 1, http2.call_headers(STATEMENT)))
            await deaf.send_body(2 * place + 1, body, end=True)
        await until(lambda: process.log().count("/GetStatement") >= 40, "all are answered")
        await assert_served(shop)
    assert peak.mib < 200
    await deaf.close()
    await until(lambda: files(process) < 100, "the connection is let go")


async def test_streams_when_they_are_abandoned_then_nothing_of_them_is_left(
    process: LedgerProcess, shop: BookClient, connect: Connect
) -> None:
    for number in range(3):
        gone = [await connect() for _ in range(40)]
        for place, connection in enumerate(gone):
            await connection.send(http2.begin_call(1, http2.call_headers(STREAM)))
            await connection.send_body(1, transfers(10, f"{number}-{place}"))
        for connection in gone:
            await connection.close()
        over = (number + 1) * len(gone)
        # The log takes 50 lines of a kind in a second, so the next ones come when these are there.
        await until(lambda over=over: process.log().count(OVER) >= over, "all are over")
    await until(lambda: files(process) < 100, "the connections are let go")
    await assert_served(shop)
    assert (await asyncio.to_thread(process.stop)) == 0
