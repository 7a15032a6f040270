"""What the edge says when more is under way than a process behind it can have."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from google.rpc import error_details_pb2 as rpc
from grpc_status import rpc_status

from support.databases import Database
from support.processes import FeedProcess, LedgerProcess
from support.rest import Rest
from yupana.ledger.v1 import book_service_pb2 as messages
from yupana.ledger.v1 import book_service_pb2_grpc as stubs
from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.edge.envoy import REQUESTS_MAX

AT_ONCE_S = 2.0


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
    async with grpc.aio.insecure_channel(edge.address) as channel:
        books = stubs.BookServiceStub(channel)
        request = messages.ListBooksRequest()
        waiting = [
            asyncio.ensure_future(books.ListBooks(request, timeout=30)) for _ in range(REQUESTS_MAX)
        ]
        await asyncio.sleep(1)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async with asyncio.timeout(AT_ONCE_S):
                await books.ListBooks(request, timeout=30)
        answer = await asyncio.to_thread(Rest(edge.address).get, "/v1/books")
        print(refused.value, rpc_status.from_call(refused.value))
        print(answer)
        ledger.resume()
        await asyncio.gather(*waiting)
