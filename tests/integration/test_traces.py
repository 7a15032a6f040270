"""Traces as a collector receives them by OTLP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.databases import Database
from support.journals import execute
from support.processes import LedgerProcess
from yupana import CreateTransfer, Yupana
from yupana.book import BookClient


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps every span that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not fact():
                await asyncio.sleep(0.05)


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    collector = Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector, f"http://127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture
async def traced(
    collector: tuple[Collector, str],
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
) -> AsyncIterator[BookClient]:
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector[1],
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    process = start_ledger(database, environment=environment)
    async with Yupana(process.address) as yupana:
        await yupana.create_book("b")
        book = yupana.book("b")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("users:1", asset="USD")
        yield book
    assert process.stop() == 0
    assert "error" not in process.log().lower()


async def test_traces_when_requests_share_a_batch_then_its_span_is_linked_to_each(
    collector: tuple[Collector, str], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    await asyncio.gather(
        *(traced.execute([CreateTransfer("world", "users:1", 1, id=f"t{i}")]) for i in range(20))
    )
    name = "/yupana.ledger.v1.LedgerService/Execute"
    await spans.until(
        lambda: (
            len(spans.named(name)) >= 23
            and sum(len(batch.links) for batch in spans.named("batch")) >= 23
        )
    )
    requests = {span.span_id for span in spans.named(name)}
    linked = [link.span_id for batch in spans.named("batch") for link in batch.links]
    assert set(linked) == requests
    assert len(spans.named("batch")) < len(requests)
    assert all(not batch.parent_span_id for batch in spans.named("batch"))


async def test_traces_when_a_batch_is_recorded_then_its_sql_is_below_it(
    collector: tuple[Collector, str], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    await traced.transfer("world", "users:1", 1, id="t")
    await spans.until(lambda: len(spans.named("batch")) >= 4)
    batches = {span.span_id for span in spans.named("batch")}
    for name in ("SELECT yupana.journal", "COPY yupana.journal"):
        assert batches <= {span.parent_span_id for span in spans.named(name)}
    attributes = {a.key: a.value for a in spans.named("COPY yupana.journal")[0].attributes}
    assert attributes["db.system.name"].string_value == "postgresql"


async def test_traces_when_recorded_then_the_entry_carries_the_trace_id(
    collector: tuple[Collector, str], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    await traced.transfer("world", "users:1", 1, id="t")
    rows = execute(database.ledger_url, "SELECT trace_id FROM yupana.journal WHERE id = 't'")
    name = "/yupana.ledger.v1.LedgerService/Execute"
    await spans.until(lambda: len(spans.named(name)) >= 4)
    assert rows[0][0] in {span.trace_id for span in spans.named(name)}


async def test_traces_when_health_is_watched_then_no_span_and_no_error(
    collector: tuple[Collector, str], traced: BookClient
) -> None:
    spans = collector[0]
    await traced.transfer("world", "users:1", 1, id="t")
    await spans.until(lambda: len(spans.named("batch")) >= 4)
    assert not [span for span in spans.spans if "Health" in span.name]


async def test_traces_when_requests_come_in_a_stream_then_each_is_a_span_of_its_own(
    collector: tuple[Collector, str], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    commands = [CreateTransfer("world", "users:1", 1, id=f"t{number}") for number in range(2_500)]
    assert len([outcome async for outcome in traced.execute_stream(commands)]) == 2_500
    name = "/yupana.ledger.v1.LedgerService/ExecuteStream request"
    await spans.until(
        lambda: (
            len(spans.named(name)) >= 3
            and sum(len(batch.links) for batch in spans.named("batch")) >= 6
        )
    )
    linked = {link.span_id for batch in spans.named("batch") for link in batch.links}
    assert {span.span_id for span in spans.named(name)} <= linked
    rows = execute(database.ledger_url, "SELECT trace_id FROM yupana.journal WHERE id = 't0'")
    assert rows[0][0] in {span.trace_id for span in spans.named(name)}
