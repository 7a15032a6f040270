"""Raw stubs of the shared ledger."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest

from support.processes import LedgerProcess
from yupana.ledger.v1.book_service_pb2_grpc import BookServiceStub
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub


@pytest.fixture
async def stub(ledger: LedgerProcess) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(ledger.address) as channel:
        yield LedgerServiceStub(channel)


@pytest.fixture
async def book_stub(ledger: LedgerProcess) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(ledger.address) as channel:
        yield BookServiceStub(channel)
