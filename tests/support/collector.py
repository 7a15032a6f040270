"""An OpenTelemetry collector that keeps what it is sent."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric


class MetricsCollector(metrics_service_pb2_grpc.MetricsServiceServicer):
    """Keeps the newest state of every metric, by service and name."""

    def __init__(self) -> None:
        self.metrics: dict[tuple[str, str], Metric] = {}

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        for resource in request.resource_metrics:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self.metrics[names["service.name"], metric.name] = metric
        return metrics_service_pb2.ExportMetricsServiceResponse()

    def points(self, service: str, name: str) -> list[Any]:
        """Return the data points of a metric; none when it was never sent."""
        metric = self.metrics.get((service, name))
        return [] if metric is None else list(getattr(metric, kind_of(metric)).data_points)

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not fact():
                await asyncio.sleep(0.05)


def kind_of(metric: Metric) -> str:
    """Return `sum`, `gauge` or `histogram`."""
    return str(metric.WhichOneof("data"))


def attributes_of(point: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in point.attributes}


@contextmanager
def metrics_collector() -> Iterator[tuple[MetricsCollector, str]]:
    """Collects for as long as the `with` block runs; gives the collector and its endpoint."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    collector = MetricsCollector()
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
