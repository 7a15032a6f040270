"""A real trace of client and ledger, as Jaeger tells it; and what the collector lets through."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import StatusCode, format_trace_id

from support.databases import Database
from support.jaeger import COLLECTOR_CONFIG, Jaeger, JaegerSpan, Process
from support.processes import LedgerProcess
from yupana_server.dev.ports import pick_port

EXECUTE = "yupana.ledger.v1.LedgerService/Execute"
TESTS = Path(__file__).parent.parent.parent
REST = 200


@pytest.fixture
async def jaeger(tmp_path: Path) -> AsyncIterator[Jaeger]:
    jaeger = Jaeger(tmp_path)
    try:
        yield await jaeger.start()
    finally:
        jaeger.process.stop()


@pytest.fixture
async def collector(tmp_path: Path, jaeger: Jaeger) -> AsyncIterator[str]:
    """The collector as it is configured for the bundle; gives where it listens."""
    listen = f"127.0.0.1:{pick_port()}"
    environment = {
        "OTLP_LISTEN": listen,
        "METRICS_LISTEN": f"127.0.0.1:{pick_port()}",
        "JAEGER_OTLP": jaeger.otlp,
        "DECISION_WAIT": "1s",
    }
    process = Process(COLLECTOR_CONFIG, tmp_path / "collector.log", environment)
    try:
        await process.until(lambda: "Everything is ready" in process.log())
        yield listen
    finally:
        process.stop()


async def run_shop(ledger: LedgerProcess, environment: dict[str, str]) -> dict[str, str]:
    """Have an application make traced calls; returns its traces by the name of its spans."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "support.traced_shop", ledger.address, "shop"),
        env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    traces: dict[str, str] = json.loads(out)
    return traces


def one(spans: list[JaegerSpan], name: str, service: str) -> JaegerSpan:
    (found,) = [span for span in spans if (span.name, span.service) == (name, service)]
    return found


async def test_jaeger_when_a_transfer_was_traced_then_it_shows_all_of_its_way(
    jaeger: Jaeger, database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://{jaeger.otlp}",
        "OTEL_TRACES_SAMPLER": "parentbased_always_on",
    }
    process = start_ledger(database, environment=environment)
    traces = await run_shop(process, environment)
    assert process.stop() == 0  # Which sends what is left.

    bought = await jaeger.process.until(
        lambda: len(spans := jaeger.trace(traces["buy"])) >= 5 and spans
    )
    caller = one(bought, "yupana CreateTransfer", "shop")
    call = one(bought, EXECUTE, "shop")
    served = one(bought, EXECUTE, "yupana-ledger")
    queue = one(bought, "queue", "yupana-ledger")
    assert caller.parent == one(bought, "buy", "shop").id
    assert call.parent == caller.id
    assert served.parent == call.id
    assert queue.parent == served.id
    assert (call.tags["span.kind"], served.tags["span.kind"]) == ("client", "server")
    assert served.tags["yupana.outcome"] == "done"

    ((batch_trace, batch_id),) = served.links
    assert batch_trace != traces["buy"]
    batches = await jaeger.process.until(
        lambda: len(spans := jaeger.trace(batch_trace)) >= 2 and spans
    )
    batch = one(batches, "batch", "yupana-ledger")
    assert (batch.id, batch.parent) == (batch_id, None)
    assert (traces["buy"], served.id) in batch.links
    assert one(batches, "INSERT yupana.journal", "yupana-ledger").parent == batch.id


async def test_collector_when_traces_are_done_then_keeps_errors_slow_ones_batches_and_a_share(
    jaeger: Jaeger, collector: str
) -> None:
    exporter = OTLPSpanExporter(endpoint=collector, insecure=True)
    provider = TracerProvider(resource=Resource.create({"service.name": "any"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    def send(name: str, *, took_ms: int = 1, failed: bool = False) -> str:
        span = tracer.start_span(name, start_time=1_000_000_000_000_000_000)
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(1_000_000_000_000_000_000 + took_ms * 1_000_000)
        return format_trace_id(span.get_span_context().trace_id)

    wanted = [send("failed", failed=True), send("slow", took_ms=300), send("batch")]
    rest = [send("rest") for _ in range(REST)]
    wanted += [send("failed too", failed=True)]
    provider.shutdown()
    for trace_id in wanted:
        assert await jaeger.process.until(lambda trace_id=trace_id: jaeger.trace(trace_id))
    kept = [trace_id for trace_id in rest if jaeger.trace(trace_id)]
    assert 1 <= len(kept) <= 45  # 20, give or take more than five standard deviations.
