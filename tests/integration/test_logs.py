"""The log of a ledger as it runs in production."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import grpc.aio
import pytest

from support.databases import Database
from support.processes import LedgerProcess
from yupana import CallError, CreateTransfer, Yupana
from yupana.ledger.v1 import book_service_pb2, book_service_pb2_grpc
from yupana_server.runtime.logs import LINES_PER_SECOND_MAX

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def process(database: Database, start_ledger: Callable[..., LedgerProcess]) -> LedgerProcess:
    return start_ledger(database, environment={"YUPANA_LOG_LEVEL": "info"})


def calls(process: LedgerProcess) -> list[dict[str, Any]]:
    """Return the lines of calls; every line of the log is JSON."""
    lines = [json.loads(line) for line in process.log().splitlines()]
    return [line for line in lines if line["event"] == "rpc"]


def told_of(lines: list[dict[str, Any]]) -> int:
    return len(lines) + sum(line.get("left_out", 0) for line in lines)


async def test_log_when_calls_succeed_or_fail_then_only_those_that_failed_have_a_line(
    process: LedgerProcess,
) -> None:
    async with Yupana(process.address) as yupana:
        await yupana.create_book("shop")
        book = yupana.book("shop")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        with pytest.raises(CallError):
            await book.execute([CreateTransfer("world", "no id", 4711, id="my-secret-id")])
    assert process.stop() == 0
    (line,) = calls(process)
    assert line.pop("took_ms") > 0
    assert line.pop("timestamp")
    assert line == {
        "event": "rpc",
        "process": "ledger",
        "level": "info",
        "method": "yupana.ledger.v1.LedgerService/Execute",
        "book": "shop",
        "code": "INVALID_ARGUMENT",
        "reason": "MALFORMED_REQUEST",
    }
    for secret in ("4711", "my-secret-id", "no id"):
        assert secret not in process.log()


async def test_log_when_the_caller_has_a_trace_then_the_line_names_it(
    process: LedgerProcess,
) -> None:
    header = ("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-01")
    async with grpc.aio.insecure_channel(process.address) as channel:
        stub: Any = book_service_pb2_grpc.BookServiceStub(channel)
        request = book_service_pb2.GetBookRequest(book="none")
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetBook(request, timeout=30, metadata=[header])
    assert process.stop() == 0
    (line,) = calls(process)
    assert line["trace_id"] == TRACE_ID
    assert len(line["span_id"]) == 16


async def test_log_when_refusals_flood_then_they_are_counted_and_not_listed(
    process: LedgerProcess,
) -> None:
    count = 600
    async with grpc.aio.insecure_channel(process.address) as channel:
        stub: Any = book_service_pb2_grpc.BookServiceStub(channel)
        request = book_service_pb2.GetBookRequest(book="none")
        began = time.monotonic()
        many = [stub.GetBook(request, timeout=60) for _ in range(count)]
        answers = await asyncio.gather(*many, return_exceptions=True)
        assert all(isinstance(answer, grpc.aio.AioRpcError) for answer in answers)
        async with asyncio.timeout(30):
            while told_of(calls(process)) < count:  # Until the limit's next second.
                with pytest.raises(grpc.aio.AioRpcError):
                    await stub.GetBook(request, timeout=60)
                count += 1
    assert process.stop() == 0
    lasted_s = time.monotonic() - began
    lines = calls(process)
    assert len(lines) <= LINES_PER_SECOND_MAX * (int(lasted_s) + 2)
    assert told_of(lines) == count
