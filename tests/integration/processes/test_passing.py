"""A book sticks to one of several processes, whichever a call comes to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.databases import Database
from support.journals import verified
from support.rest import Rest
from support.several import SeveralLedgers, StartSeveral, book_at, connections
from support.traffic import USER, Traffic
from support.wire import BAD_IDS, assert_malformed, execute, failure, transfer
from support.writers import locked
from yupana import CreateTransfer, Yupana
from yupana.book import BookClient
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.dev.processes import wait_until

BOOKS = [book_at(0), book_at(1)]
"""One of each process: of calls by one connection, those about one of them are passed on."""

PASSED_ON = ("transfer", "execute", "read")
KINDS = (*PASSED_ON, "stream")

SOON_S = 20.0


async def open_book(client: Yupana, name: str) -> BookClient:
    await client.create_book(name)
    book = client.book(name)
    await book.open_asset("USD", scale=2)
    for account in ("world", "b"):
        await book.open_account(account, asset="USD")
    return book


async def place_of(several: SeveralLedgers, books: list[BookClient], ledger: Any) -> int:
    """Return to which process a connection leads: calls about the books of others leave it."""

    def passed_on() -> list[float]:
        return [several.metrics(place)["yupana_rpc_passed_on_total there"] for place in (0, 1)]

    before = passed_on()
    for book in books:
        await ledger.Execute(execute(book, transfer("first")))
    grown = [after - earlier for earlier, after in zip(before, passed_on(), strict=True)]
    assert sorted(grown) == [0, 1]
    return grown.index(1)


@pytest.fixture
async def several(database: Database, start_several: StartSeveral) -> SeveralLedgers:
    return await asyncio.to_thread(start_several, database)


@pytest.fixture
async def books(several: SeveralLedgers) -> AsyncIterator[list[BookClient]]:
    """A book of each process, by one connection."""
    async with Yupana(several.address) as client:
        yield [await open_book(client, name) for name in BOOKS]


@pytest.fixture
async def ledger(several: SeveralLedgers) -> AsyncIterator[Any]:
    """The raw stub, by one connection."""
    async with connections(several.address, 1) as [channel]:
        stub: Any = LedgerServiceStub(channel)
        yield stub


async def test_books_when_many_connections_call_then_each_is_decided_by_one_process(
    database: Database, start_several: StartSeveral
) -> None:
    several = await asyncio.to_thread(start_several, database, processes=3)
    names = [book_at(place, 3, name) for place in range(3) for name in ("shop", "stock")]
    async with Yupana(several.address) as client:
        books = [await open_book(client, name) for name in names]
    async with connections(several.address, 8) as channels:
        calls = [
            LedgerServiceStub(channel).Execute(execute(book, transfer(f"{place}-{number}")))
            for place, channel in enumerate(channels)
            for book in books
            for number in range(5)
        ]
        answers = await asyncio.gather(*calls)
    assert all(answer.outcomes[0].HasField("transfer_posted") for answer in answers)
    # One asset, two accounts, and five transfers by each connection.
    expected = {name: [0, 0, 0] for name in names}
    for number, name in enumerate(names):
        expected[name][number // 2] = 3 + 8 * 5
    assert {name: several.entries(name) for name in names} == expected
    assert several.passed_on() >= len(calls) * 2 // 3
    assert several.passed_on(owner="away") == 0
    for name in names:
        await verified(database.ledger_url, name)


async def test_error_when_a_call_was_passed_on_then_its_details_arrive(
    several: SeveralLedgers, books: list[BookClient], ledger: Any
) -> None:
    before = several.passed_on()
    for book in books:
        await assert_malformed(
            ledger.Execute(execute(book, transfer(BAD_IDS[3]))), "commands[0].id"
        )
        missing = ledgers.GetTransferRequest(book=book.id, id="nowhere")
        failed = await failure(ledger.GetTransfer(missing))
        assert (failed.code, failed.reason) == ("NOT_FOUND", "TRANSFER_NOT_FOUND")
    assert several.passed_on() == before + 2


async def test_request_when_it_is_no_message_behind_its_book_then_malformed(
    several: SeveralLedgers, books: list[BookClient]
) -> None:
    before = several.passed_on()
    async with connections(several.address, 1) as [channel]:
        call: Any = channel.unary_unary("/yupana.ledger.v1.LedgerService/Execute")
        for book in books:
            request = ledgers.ExecuteRequest(book=book.id).SerializeToString() + b"\x12\xff"
            await assert_malformed(call(request), "request")
    assert several.passed_on() == before + 1


async def test_deadline_when_a_call_was_passed_on_then_it_holds_there(
    database: Database, books: list[BookClient], ledger: Any
) -> None:
    async with locked(database):
        for book in books:
            failed = await failure(ledger.Execute(execute(book, transfer()), timeout=1))
            assert failed.code == "DEADLINE_EXCEEDED"


async def test_cancellation_when_a_call_was_passed_on_then_it_ends_there(
    database: Database, several: SeveralLedgers, books: list[BookClient], ledger: Any
) -> None:
    def in_flight() -> list[float]:
        return [several.metrics(place)["yupana_rpc_in_flight"] for place in (0, 1)]

    async with locked(database):
        calls = [ledger.Execute(execute(book, transfer())) for book in books]
        assert await asyncio.to_thread(wait_until, lambda: in_flight() == [1, 1], SOON_S)
        for call in calls:
            call.cancel()
        assert await asyncio.to_thread(wait_until, lambda: in_flight() == [0, 0], SOON_S)


async def test_trace_when_a_call_was_passed_on_then_it_goes_on_there(
    several: SeveralLedgers, books: list[BookClient], ledger: Any
) -> None:
    for number, book in enumerate(books):
        parent = [("traceparent", f"00-{number + 1:032x}-00000000000000aa-01")]
        await ledger.Execute(execute(book, transfer()), metadata=parent)
    lines = several.log().splitlines()
    for number in range(2):
        [line] = [line for line in lines if f"{number + 1:032x}" in line]
        assert f'"process": "ledger-{number}"' in line


async def test_streams_when_a_client_sends_them_then_they_are_served_where_they_come(
    database: Database, several: SeveralLedgers, books: list[BookClient]
) -> None:
    before = several.passed_on()
    for book in books:
        sent = [CreateTransfer("world", "b", 1) for _ in range(3_000)]
        assert [each.ok async for each in book.execute_stream(sent)] == [True] * 3_000
    assert several.passed_on() == before
    for book in books:
        assert sum(several.entries(book.id)) == 3 + 3_000
        await verified(database.ledger_url, book.id)


def test_rest_when_the_edge_translates_then_books_stick_and_errors_arrive(
    database: Database, start_several: StartSeveral, tmp_path: Path
) -> None:
    several = start_several(database)
    with EmbeddedEnvoy(tmp_path / "edge", {"ledger": several.address}) as edge:
        rest = Rest(edge.address)
        for place, name in enumerate(BOOKS):
            path = f"/v1/books/{name}"
            assert rest.post("/v1/books", {"book": name}).status == 200
            asset = {"id": "a", "asset": {"asset": "USD", "scale": 2}}
            for _ in range(4):  # By several of the edge's connections.
                assert rest.post(f"{path}/assets", asset).status == 200
            entries = several.entries(name)
            assert (entries[place], entries[1 - place]) == (1, 0)
            missing = rest.get(f"{path}/transfers/nowhere")
            assert (missing.status, missing.reason) == (404, "TRANSFER_NOT_FOUND")
    assert several.passed_on() > 0


async def test_owner_when_it_is_away_then_calls_are_served_where_they_came(
    several: SeveralLedgers, books: list[BookClient]
) -> None:
    await asyncio.to_thread(several.kill_child, 0)
    async with connections(several.address, 1) as [channel]:
        ledger: Any = LedgerServiceStub(channel)
        answer = await ledger.Execute(execute(books[0], transfer()))
        assert answer.outcomes[0].HasField("transfer_posted")
    assert several.metrics(1)["yupana_rpc_passed_on_total away"] == 1


async def test_owner_when_it_is_killed_with_a_call_then_that_is_served_where_it_came(
    database: Database, several: SeveralLedgers, books: list[BookClient], ledger: Any
) -> None:
    def in_flight(place: int) -> bool:
        return several.metrics(place)["yupana_rpc_in_flight"] == 1

    here = await place_of(several, books, ledger)
    async with locked(database):
        call = ledger.Execute(execute(books[1 - here], transfer()))
        assert await asyncio.to_thread(wait_until, lambda: in_flight(1 - here), SOON_S)
        await asyncio.to_thread(several.kill_child, 1 - here)
        assert await asyncio.to_thread(wait_until, lambda: in_flight(here), SOON_S)
    assert (await call).outcomes[0].HasField("transfer_posted")
    await verified(database.ledger_url, books[1 - here].id)


async def test_owner_when_it_hangs_then_its_calls_are_served_where_they_came(
    several: SeveralLedgers, books: list[BookClient], ledger: Any
) -> None:
    here = await place_of(several, books, ledger)
    owner = await asyncio.to_thread(several.child, 1 - here)
    owner.suspend()
    try:
        call = ledger.Execute(execute(books[1 - here], transfer("late")), timeout=SOON_S)
        assert (await call).outcomes[0].HasField("transfer_posted")
    finally:
        owner.resume()


@pytest.mark.parametrize("killed", [0, 1])
async def test_owner_when_it_is_killed_under_load_then_no_call_fails_and_it_owns_again(
    database: Database, several: SeveralLedgers, killed: int
) -> None:
    def owns() -> bool:
        return several.entries(BOOKS[killed])[killed] > 0

    # One connection: the process that is killed is the one that calls come to, or another one.
    async with Yupana(several.address) as client:
        book = client.book(BOOKS[killed])
        async with Traffic(client, book.id, kinds=PASSED_ON) as traffic:
            await traffic.progress()
            process = await asyncio.to_thread(several.kill_child, killed)
            await traffic.progress()
            assert await asyncio.to_thread(several.back, killed, process), several.log()
            # The other one looks for it anew every second at least.
            assert await asyncio.to_thread(wait_until, owns, SOON_S)
            await traffic.progress()
            before = several.entries(book.id)
            await traffic.progress()
            after = several.entries(book.id)
        assert after[1 - killed] == before[1 - killed]
        assert after[killed] > before[killed]
        assert not traffic.failures, traffic.failures[:5]
        assert (await book.account(USER)).balance == traffic.posted
        await verified(database.ledger_url, book.id)
    assert several.stop() == 0


async def test_sigterm_when_calls_are_under_way_then_none_fails(
    database: Database, several: SeveralLedgers
) -> None:
    # The start alone may take seconds while other things run.
    async with Yupana(several.address, write_timeout_s=60, read_timeout_s=60) as client:
        async with (
            Traffic(client, BOOKS[0], callers=2, kinds=KINDS) as one,
            Traffic(client, BOOKS[1], callers=2, kinds=KINDS) as other,
        ):
            for traffic in (one, other):
                await traffic.progress()
            assert await asyncio.to_thread(several.stop) == 0
            await asyncio.to_thread(several.restart)
            for traffic in (one, other):
                await traffic.progress()
        for name, traffic in zip(BOOKS, (one, other), strict=True):
            assert not traffic.failures, traffic.failures[:5]
            assert (await client.book(name).account(USER)).balance == traffic.posted
            await verified(database.ledger_url, name)
    assert "calls_cut_off" not in several.log()
