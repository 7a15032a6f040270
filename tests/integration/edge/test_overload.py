"""What the edge says when more is under way than a process behind it can have."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status

from support.databases import Database
from support.processes import FeedProcess, LedgerProcess
from support.rest import Rest
from yupana.ledger.v1.book_service_pb2 import CreateBookRequest, GetBookRequest, ListBooksRequest
from yupana.ledger.v1.book_service_pb2_grpc import BookServiceStub
from yupana.ledger.v1.command_pb2 import Command, OpenAsset
from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest, ExecuteStreamRequest
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.edge.envoy import OVERLOADED, REQUESTS_MAX
from yupana_server.runtime.errors import DOMAIN

AT_ONCE_S = 3.0
MANY = REQUESTS_MAX + 20


@pytest.fixture
async def paused(
    database: Database, feed: FeedProcess, tmp_path: Path
) -> AsyncIterator[tuple[LedgerProcess, EmbeddedEnvoy]]:
    """A ledger that stands still behind an edge of its own."""
    ledger = LedgerProcess(database.ledger_url, tmp_path / "ledger.log").start()
    try:
        behind = {"ledger": ledger.address, "feed": feed.address}
        with EmbeddedEnvoy(tmp_path / "edge", behind) as edge:
            ledger.pause()
            yield ledger, edge
    finally:
        ledger.resume()
        ledger.stop()


async def test_overload_when_no_place_is_free_then_refused_at_once_and_the_others_are_answered(
    paused: tuple[LedgerProcess, EmbeddedEnvoy],
) -> None:
    ledger, edge = paused
    rest = Rest(edge.address)
    async with grpc.aio.insecure_channel(edge.address) as channel:
        list_books = BookServiceStub(channel).ListBooks
        request = ListBooksRequest()
        waiting = [asyncio.ensure_future(list_books(request, timeout=30)) for _ in range(MANY)]
        refused, answered = await asyncio.wait(waiting, timeout=AT_ONCE_S)
        assert (len(refused), len(answered)) == (MANY - REQUESTS_MAX, REQUESTS_MAX)
        for call in refused:
            error = call.exception()
            assert isinstance(error, grpc.aio.AioRpcError)
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert error.details() == OVERLOADED
            status = rpc_status.from_call(error)
            assert status is not None
            reason, retry = ErrorInfo(), RetryInfo()
            assert status.details[0].Unpack(reason)
            assert status.details[1].Unpack(retry)
            assert (reason.reason, reason.domain) == ("ERROR_REASON_OVERLOADED", DOMAIN)
            assert retry.retry_delay.ToSeconds() >= 1
        answer = await asyncio.to_thread(rest.get, "/v1/books")
        assert (answer.status, answer.json["code"], answer.reason) == (429, 8, "OVERLOADED")
        assert answer.headers["retry-after"] == "1"
        assert not [name for name in answer.headers if "envoy" in name or "grpc" in name]
        ledger.resume()
        await asyncio.gather(*answered)
    assert (await asyncio.to_thread(rest.get, "/v1/books")).status == 200


async def test_overload_when_many_streams_are_open_then_calls_have_places_of_their_own(
    edge: EmbeddedEnvoy,
) -> None:
    book = "edge-streams"
    usd = Command(id="usd", open_asset=OpenAsset(asset="USD"))
    request = ExecuteStreamRequest(request=ExecuteRequest(book=book, commands=[usd]))
    async with grpc.aio.insecure_channel(edge.address) as channel:
        books = BookServiceStub(channel)
        await books.CreateBook(CreateBookRequest(book=book), timeout=10)
        streams = [LedgerServiceStub(channel).ExecuteStream(timeout=60) for _ in range(MANY)]
        for stream in streams:
            await stream.write(request)
            answer = await stream.read()
            assert answer.outcomes[0].id == "usd"
        found = await books.GetBook(GetBookRequest(book=book), timeout=10)
        assert found.id == book
        for stream in streams:
            stream.cancel()
