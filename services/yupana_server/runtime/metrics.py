"""What every process measures, and how measurements leave it.

By OTLP where an endpoint is configured, with exemplars that lead to traces; and for Prometheus to
scrape where YUPANA_METRICS_LISTEN says so. observability/metrics.yaml lists all of them.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias
from wsgiref.simple_server import WSGIServer

from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from prometheus_client import start_http_server

from yupana_server.runtime.call_spans import SERVER_ERRORS
from yupana_server.runtime.telemetry import resource

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")

PROCESS_METRICS: dict[str, list[str] | None] = {
    "process.cpu.time": ["user", "system"],
    "process.memory.usage": None,
    "process.open_file_descriptor.count": None,
    "process.thread.count": None,
    "cpython.gc.collections": None,
}
"""What the system says of the process, by the names of the semantic conventions."""

LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of histograms of times, in seconds."""

LOOK_EVERY_S = 0.1
"""How often the lag of the event loop is measured."""

_meter = metrics.get_meter("yupana.runtime")
_loop_lag = _meter.create_histogram(
    "yupana.event_loop.lag",
    unit="s",
    description="By how much a timer of the event loop was late.",
    explicit_bucket_boundaries_advisory=LATENCY_S,
)


_call_duration = _meter.create_histogram(
    "rpc.server.call.duration",
    unit="s",
    description="How long calls took, by method and status.",
    explicit_bucket_boundaries_advisory=LATENCY_S,
)


_streams_ended = _meter.create_counter(
    "yupana.rpc.streams.ended",
    unit="{stream}",
    description="Streams of responses that ended, by method, status and reason.",
)


def note_stream_end(method: str, code: str, reason: str | None) -> None:
    """Note the end of a stream of responses, which is no call that took so long.

    Such streams last until somebody ends them, often by UNAVAILABLE: among calls, whose errors and
    times are held against objectives, every restart of a server would look like an outage.
    """
    attributes = {"rpc.method": method.removeprefix("/"), "rpc.response.status_code": code}
    if reason is not None:
        attributes["yupana.reason"] = reason
    _streams_ended.add(1, attributes)


def note_call(method: str, code: str, took_s: float) -> None:
    """Note a call of a method, as gRPC names it, that ended with a status."""
    attributes = {
        "rpc.system.name": "grpc",
        "rpc.method": method.removeprefix("/"),
        "rpc.response.status_code": code,
    }
    if code in SERVER_ERRORS:
        attributes["error.type"] = code
    _call_duration.record(took_s, attributes)


def set_up_metrics(service: str, listen: str | None, part: str = "") -> Callable[[], None]:
    """Begin to export metrics where that is configured; returns what flushes and stops it.

    `listen` is the host:port to be scraped at by Prometheus, `part` tells apart processes that
    have their environment in common.

    Raises:
        OSError: The address cannot be bound.
    """
    readers: list[MetricReader] = []
    if any(os.environ.get(name) for name in ENDPOINT_VARIABLES):
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    if listen is not None:
        readers.append(PrometheusMetricReader(scope_info_enabled=False))
    if not readers:
        return lambda: None
    provider = MeterProvider(readers, resource=resource(service, part))
    metrics.set_meter_provider(provider)
    SystemMetricsInstrumentor(config=PROCESS_METRICS).instrument()
    server = None if listen is None else _serve(listen)

    def stop() -> None:
        if server is not None:
            server.shutdown()
            server.server_close()
        provider.shutdown()

    return stop


def _serve(listen: str) -> WSGIServer:
    host, _, port = listen.rpartition(":")
    server, _ = start_http_server(int(port), host)
    return server


class Gauge(NamedTuple):
    """A number that is looked at when measurements leave; it goes up and down, or counts."""

    name: str
    unit: str
    description: str
    keys: tuple[str, ...] = ()
    """Its attributes."""


Values: TypeAlias = tuple[str, ...]
"""Of a gauge's attributes; empty for one that is left out."""

Counts: TypeAlias = Counter[Values]
Look: TypeAlias = Callable[[], Mapping[Values, int]]


def observe(gauge: Gauge, look: Look) -> None:
    """Have a gauge show what `look` returns, by the values of its attributes."""
    _meter.create_observable_gauge(
        gauge.name, [_callback(gauge, look)], unit=gauge.unit, description=gauge.description
    )


def observe_count(counter: Gauge, look: Look) -> None:
    """Have a counter, which never goes down, show what `look` returns.

    For what is counted with every call: to add to a counter of OpenTelemetry takes 14 us.
    """
    _meter.create_observable_counter(
        counter.name, [_callback(counter, look)], unit=counter.unit, description=counter.description
    )


def _callback(gauge: Gauge, look: Look) -> Callable[[CallbackOptions], list[Observation]]:
    def callback(_: CallbackOptions) -> list[Observation]:
        # A copy, because measurements leave by a thread of their own.
        return [Observation(n, _attributes(gauge, values)) for values, n in dict(look()).items()]

    return callback


def _attributes(gauge: Gauge, values: Values) -> dict[str, str]:
    named = zip(gauge.keys, values, strict=True)
    return {name: value for name, value in named if value}


async def watch_event_loop() -> None:
    """Measure how late timers are, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LOOK_EVERY_S
        await asyncio.sleep(LOOK_EVERY_S)
        _loop_lag.record(max(0.0, loop.time() - due))
