"""The way of metrics in the bundle: services, the collector as it is configured, Prometheus."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.dashboards import all_queries
from support.databases import make_database
from support.jaeger import COLLECTOR_CONFIG, Jaeger, Process
from support.observed import Collector, Observed, observed
from yupana_server.dev.ports import pick_port
from yupana_server.dev.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def bundle(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Observed, Jaeger]]:
    folder = tmp_path_factory.mktemp("bundle")
    with ExitStack() as stack:
        jaeger = Jaeger(folder)
        stack.callback(jaeger.process.stop)
        asyncio.run(jaeger.start())
        collector = Collector(f"127.0.0.1:{pick_port()}", f"127.0.0.1:{pick_port()}")
        environment = {
            "OTLP_LISTEN": collector.otlp,
            "METRICS_LISTEN": collector.metrics,
            "JAEGER_OTLP": jaeger.otlp,
            "DECISION_WAIT": "1s",
        }
        process = Process(COLLECTOR_CONFIG, folder / "collector.log", environment)
        stack.callback(process.stop)
        asyncio.run(process.until(lambda: "Everything is ready" in process.log()))
        running = stack.enter_context(observed(make_database(postgres), folder, collector))
        yield running, jaeger


@pytest.mark.timeout(600)
def test_panels_when_metrics_come_through_the_collector_then_every_query_returns_data(
    bundle: tuple[Observed, Jaeger],
) -> None:
    running, _ = bundle
    assert not running.make_traffic_until_seen(all_queries(), running.prometheus.has_data)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "histogram",
    [
        "rpc_server_call_duration_seconds_bucket",
        "yupana_queue_wait_seconds_bucket",
        "yupana_append_duration_seconds_bucket",
    ],
)
def test_points_when_metrics_come_through_the_collector_then_they_lead_to_traces_in_jaeger(
    bundle: tuple[Observed, Jaeger], histogram: str
) -> None:
    running, jaeger = bundle

    def leads_to_a_trace(selector: str) -> bool:
        return any(jaeger.trace(each) for each in running.prometheus.exemplars(selector))

    assert not running.make_traffic_until_seen({histogram: histogram}, leads_to_a_trace)
