"""Raw stubs of the shared ledger, and a book that nobody writes."""

from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from support.processes import LedgerProcess
from support.wire import Wire
from yupana import Yupana
from yupana.book import BookClient
from yupana.ledger.v1.book_service_pb2_grpc import BookServiceStub
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub


@pytest.fixture
async def wire(ledger: LedgerProcess) -> AsyncIterator[Wire]:
    async with grpc.aio.insecure_channel(ledger.address) as channel:
        yield Wire(channel, LedgerServiceStub(channel), BookServiceStub(channel))


@pytest.fixture
async def quiet(client: Yupana) -> BookClient:
    """A book in which nothing happens: one for all tests, as each book costs a connection."""
    quiet = client.book((await client.create_book("quiet")).id)
    await quiet.open_asset("USD", scale=2)
    await quiet.open_account("world", asset="USD")
    return quiet
