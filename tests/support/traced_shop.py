"""An application with OpenTelemetry's SDK that calls a ledger; run by tests as a process.

    python -m support.traced_shop ADDRESS BOOK

It makes one transfer below a span of its own, then some at once from callers with spans each, then
a stream; and prints the ids of its traces as JSON.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

from yupana import CreateTransfer, Rejected, Yupana
from yupana.book import BookClient

CALLERS = 20

tracer = trace.get_tracer("shop")


async def main(address: str, book_id: str) -> None:
    found: dict[str, str] = {}
    async with Yupana(address) as yupana:
        await yupana.create_book(book_id)
        book = yupana.book(book_id)
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("wallet", asset="USD", min_balance=0)
        with span("buy", found):
            await book.transfer("world", "wallet", 1, id="single")
        with span("overdraw", found), suppress(Rejected):
            await book.transfer("wallet", "world", 99, id="too-much")
        await asyncio.gather(*(call(book, number, found) for number in range(CALLERS)))
        with span("fill", found):
            commands = [CreateTransfer("world", "wallet", 1, id=f"s{n}") for n in range(100)]
            assert len([each async for each in book.execute_stream(commands)]) == 100
    sys.stdout.write(json.dumps(found))


async def call(book: BookClient, number: int, found: dict[str, str]) -> None:
    with span(f"caller-{number}", found):
        await book.transfer("world", "wallet", 1, id=f"t{number}")


class span:  # noqa: N801 (reads like the context manager it is)
    """A span of the application's, whose trace is noted."""

    def __init__(self, name: str, found: dict[str, str]):
        self._span = tracer.start_as_current_span(name)
        self._name = name
        self._found = found

    def __enter__(self) -> None:
        context = self._span.__enter__().get_span_context()
        self._found[self._name] = trace.format_trace_id(context.trace_id)

    def __exit__(self, *error: object) -> None:
        self._span.__exit__(*error)  # type: ignore[arg-type]


class OwnSpans(Sampler):
    """Takes what the application begins, and no call that begins a trace."""

    def should_sample(  # type: ignore[no-untyped-def]
        self, parent_context, trace_id, name, kind=None, attributes=None, links=None, state=None
    ) -> SamplingResult:
        wanted = kind is not SpanKind.CLIENT
        return SamplingResult(Decision.RECORD_AND_SAMPLE if wanted else Decision.DROP, attributes)

    def get_description(self) -> str:
        return "OwnSpans"


if __name__ == "__main__":
    resource = Resource.create({"service.name": "shop"})
    calls_too = os.environ.get("SHOP_SAMPLES") != "own spans"
    traces = TracerProvider(None if calls_too else ParentBased(OwnSpans()), resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    meters = MeterProvider(resource=resource)
    if os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"):
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        meters = MeterProvider([reader], resource=resource)
    metrics.set_meter_provider(meters)
    asyncio.run(main(*sys.argv[1:]))
    traces.shutdown()
    meters.shutdown()
