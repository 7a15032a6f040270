"""Traces by OpenTelemetry, exported by OTLP when an endpoint is configured, off otherwise.

The endpoint and everything else about the export comes from OpenTelemetry's own variables, such
as OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and OTEL_RESOURCE_ATTRIBUTES.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version

import grpc.aio
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.grpc import aio_server_interceptor, filters
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def configured() -> bool:
    """Tell whether traces are to be exported."""
    return any(os.environ.get(name) for name in ENDPOINT_VARIABLES)


def set_up_traces(service: str) -> Callable[[], None]:
    """Begin to export traces if an endpoint is configured; returns what flushes and stops that."""
    if not configured():
        return lambda: None
    provider = TracerProvider(resource=resource(service))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def resource(service: str) -> Resource:
    """Return what tells this process from others."""
    attributes = {"service.name": service, "service.version": version("yupana-server")}
    return Resource.create(attributes)


def server_interceptors() -> Sequence[grpc.aio.ServerInterceptor]:
    """Return what makes a span of every unary call.

    Left out are health checks, since it would break Watch, and ExecuteStream, which lasts for
    minutes and makes a span of each request itself.
    """
    if not configured():
        return ()
    unary = filters.negate(
        filters.any_of(filters.health_check(), filters.method_name("ExecuteStream"))
    )
    return (aio_server_interceptor(filter_=unary),)


def caller_context(metadata: Iterable[tuple[str, str | bytes]] | None) -> Context:
    """Return the trace that the caller of a stream is in."""
    return extract({key: value for key, value in metadata or () if isinstance(value, str)})
