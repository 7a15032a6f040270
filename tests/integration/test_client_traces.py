"""What an application with OpenTelemetry sees of its calls, and one without it does not."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from support.collector import MetricsCollector, attributes_of, metrics_collector
from support.processes import LedgerProcess
from support.spans import SpanCollector, attributes, span_collector
from support.traced_shop import CALLERS

EXECUTE = "yupana.ledger.v1.LedgerService/Execute"
STREAM = "yupana.ledger.v1.LedgerService/ExecuteStream"
TESTS = Path(__file__).parent.parent
LISTED = yaml.safe_load((TESTS.parent / "observability" / "metrics.yaml").read_text())

WITHOUT_TELEMETRY = """
import asyncio, sys
sys.modules["opentelemetry"] = None  # As if it were not installed.
from yupana import Yupana

async def main():
    async with Yupana(sys.argv[1]) as yupana:
        await yupana.create_book("untraced")
        await yupana.book("untraced").open_asset("USD", scale=2)
        print([name for name in sys.modules if name.startswith("opentelemetry.")])

asyncio.run(main())
"""


async def run(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run Python and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, "PYTHONPATH": str(TESTS), **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, errors.decode()) == (0, "")
    return out.decode()


async def run_shop(ledger: LedgerProcess, book: str, environment: dict[str, str]) -> dict[str, str]:
    """Run the application; returns its traces by the name of its spans."""
    traces = json.loads(
        await run("-m", "support.traced_shop", ledger.address, book, environment=environment)
    )
    assert isinstance(traces, dict)
    return traces


@pytest.fixture
def collector() -> Iterator[tuple[SpanCollector, dict[str, str]]]:
    with span_collector() as (collector, endpoint):
        yield collector, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint}


@pytest.fixture
def metrics() -> Iterator[tuple[MetricsCollector, dict[str, str]]]:
    with metrics_collector() as (collector, endpoint):
        yield collector, {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": endpoint}


def within(spans: SpanCollector, trace_id: str) -> dict[str, Span]:
    """Return the spans of a trace by their names."""
    return {span.name: span for span in spans.spans if span.trace_id.hex() == trace_id}


async def test_call_when_an_application_is_traced_then_its_span_is_above_the_calls(
    ledger: LedgerProcess, collector: tuple[SpanCollector, dict[str, str]]
) -> None:
    spans, environment = collector
    traces = await run_shop(ledger, "traced-1", environment)
    bought = within(spans, traces["buy"])
    caller, call = bought["yupana CreateTransfer"], bought[EXECUTE]
    assert caller.parent_span_id == bought["buy"].span_id
    assert call.parent_span_id == caller.span_id
    assert call.kind == Span.SPAN_KIND_CLIENT
    assert attributes(call) == {
        "rpc.system.name": "grpc",
        "rpc.method": EXECUTE,
        "rpc.response.status_code": "OK",
        "server.address": "127.0.0.1",
        "server.port": ledger.port,
        "yupana.book": "traced-1",
        "yupana.attempts": 1,
    }
    assert attributes(caller)["yupana.outcome"] == "transfer_posted"
    rejected = within(spans, traces["overdraw"])["yupana CreateTransfer"]
    assert attributes(rejected)["yupana.reason"] == "BELOW_MIN_BALANCE"
    assert rejected.status.code == Status.STATUS_CODE_UNSET
    filled = within(spans, traces["fill"])
    assert filled[STREAM].parent_span_id == filled["fill"].span_id


async def test_call_when_many_callers_share_it_then_linked_with_each(
    ledger: LedgerProcess, collector: tuple[SpanCollector, dict[str, str]]
) -> None:
    spans, environment = collector
    traces = await run_shop(ledger, "traced-2", environment)
    callers = {
        within(spans, traces[f"caller-{number}"])["yupana CreateTransfer"].span_id
        for number in range(CALLERS)
    }
    shared = [span for span in spans.named(EXECUTE) if "yupana.callers" in attributes(span)]
    assert shared
    assert all(not span.parent_span_id for span in shared)
    there = {(span.span_id, link.span_id) for span in shared for link in span.links}
    back = {
        (link.span_id, span.span_id)
        for span in spans.named("yupana CreateTransfer")
        for link in span.links
    }
    assert there == back
    assert {caller for _, caller in there} <= callers
    assert sum(int(attributes(span)["yupana.callers"]) for span in shared) == len(there)


async def test_call_when_only_callers_are_sampled_then_it_is_not_lost(
    ledger: LedgerProcess, collector: tuple[SpanCollector, dict[str, str]]
) -> None:
    spans, environment = collector
    traces = await run_shop(ledger, "traced-3", environment | {"SHOP_SAMPLES": "own spans"})
    shared = [span for span in spans.named(EXECUTE) if "yupana.callers" in attributes(span)]
    callers = {
        within(spans, traces[f"caller-{number}"])["yupana CreateTransfer"].span_id
        for number in range(CALLERS)
    }
    assert shared
    assert {span.parent_span_id for span in shared} <= callers
    linked = {link.span_id for s in spans.named("yupana CreateTransfer") for link in s.links}
    assert linked == {span.span_id for span in shared}


async def test_call_when_nobody_answers_then_an_error_with_its_attempts(
    collector: tuple[SpanCollector, dict[str, str]],
) -> None:
    spans, environment = collector
    program = """
import asyncio, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from yupana import CallError, Yupana

async def main():
    async with Yupana("127.0.0.1:1", "127.0.0.1:2", write_timeout_s=1) as yupana:
        try:
            await yupana.create_book("b")
        except CallError:
            pass

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
asyncio.run(main())
provider.shutdown()
"""
    await run("-c", program, environment=environment)
    (span,) = spans.spans
    assert span.name == "yupana.ledger.v1.BookService/CreateBook"
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert attributes(span)["error.type"] == "UNAVAILABLE"
    assert {event.name for event in span.events} == {"attempt failed"}
    assert attributes(span)["yupana.attempts"] == len(span.events) > 1


async def test_metric_when_calls_were_made_then_measured_by_method_and_status(
    ledger: LedgerProcess,
    collector: tuple[SpanCollector, dict[str, str]],
    metrics: tuple[MetricsCollector, dict[str, str]],
) -> None:
    received, environment = metrics
    await run_shop(ledger, "traced-4", collector[1] | environment)
    points = received.points("shop", "rpc.client.call.duration")
    methods = {attributes_of(point)["rpc.method"]: point for point in points}
    assert set(methods) == {EXECUTE, STREAM, "yupana.ledger.v1.BookService/CreateBook"}
    assert attributes_of(methods[EXECUTE])["rpc.response.status_code"] == "OK"
    (listed,) = [each for each in LISTED if each["name"] == "rpc.client.call.duration"]
    assert all(set(attributes_of(point)) <= set(listed["attributes"]) for point in points)
    exemplars = [exemplar for point in points for exemplar in point.exemplars]
    assert {each.trace_id for each in exemplars} <= {s.trace_id for s in collector[0].spans}
    assert exemplars


async def test_client_when_opentelemetry_is_missing_then_works_without(
    ledger: LedgerProcess,
) -> None:
    assert await run("-c", WITHOUT_TELEMETRY, ledger.address) == "[]\n"
