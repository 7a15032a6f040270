"""The trace of the call that had an entry recorded goes on to the endpoint."""

import asyncio
from collections.abc import Callable

import grpc.aio

from support.databases import Database
from support.processes import FeedProcess, LedgerProcess
from support.receivers import Receiver
from support.spans import attributes, span_collector
from support.webhooks import create_endpoint
from yupana import Yupana
from yupana.ledger.v1 import command_pb2, ledger_service_pb2, ledger_service_pb2_grpc
from yupana_server.feed.webhooks.tracing import attempt_span, headers_of

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-01"


async def test_delivery_when_the_call_was_traced_then_its_span_and_header_are_in_that_trace(
    database: Database,
    receiver: Receiver,
    start_ledger: Callable[..., LedgerProcess],
    start_feed: Callable[..., FeedProcess],
) -> None:
    with span_collector() as (collector, endpoint):
        environment = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_TRACES_SAMPLER": "parentbased_always_on",
            "YUPANA_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
            "YUPANA_WEBHOOK_ALLOW_HTTP": "true",
        }
        ledger = start_ledger(database, environment=environment)
        feed = start_feed(database, environment=environment)
        async with Yupana(ledger.address) as yupana:
            await yupana.create_book("b")
            await create_endpoint(feed.address, "b", "crm", receiver.url)
        await open_asset(ledger.address)
        await receiver.until(lambda: receiver.received)
        _, trace_id, span_id, flags = receiver.received[0].headers["traceparent"].split("-")
        assert (trace_id, flags) == (TRACE_ID, "01")
        await collector.until(lambda: collector.named("webhook deliver"))
        [span] = collector.named("webhook deliver")
        assert (span.trace_id.hex(), span.span_id.hex()) == (TRACE_ID, span_id)
        told = attributes(span)
        assert (told["yupana.book"], told["yupana.event"]) == ("b", "1-1")
        assert told["http.response.status_code"] == 200
        assert await asyncio.to_thread(feed.stop) == 0


async def open_asset(address: str) -> None:
    """Open an asset by a call that belongs to a trace."""
    command = command_pb2.Command(id="usd", open_asset=command_pb2.OpenAsset(asset="USD", scale=2))
    request = ledger_service_pb2.ExecuteRequest(book="b", commands=[command])
    async with grpc.aio.insecure_channel(address) as channel:
        stub = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        await stub.Execute(request, metadata=(("traceparent", SAMPLED),), timeout=10)


def test_headers_when_nothing_is_exported_then_the_trace_goes_on_unsampled() -> None:
    with attempt_span("b", "1-6", bytes.fromhex(TRACE_ID)) as span:
        first = headers_of(span)["traceparent"]
    with attempt_span("b", "1-6", bytes.fromhex(TRACE_ID)) as span:
        again = headers_of(span)["traceparent"]
    assert first == again
    assert first.split("-")[1::2] == [TRACE_ID, "00"]
    with attempt_span("b", "1-7", None) as span:
        assert headers_of(span) == {}
