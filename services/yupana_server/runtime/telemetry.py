"""Traces by OpenTelemetry, exported by OTLP when an endpoint is configured, off otherwise.

The endpoint and everything else about the export comes from OpenTelemetry's own variables, such
as OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and OTEL_RESOURCE_ATTRIBUTES.
"""

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

DEFAULT_SAMPLER = {
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.1",
}

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def configured() -> bool:
    """Tell whether traces are to be exported."""
    return any(os.environ.get(name) for name in ENDPOINT_VARIABLES)


def set_up_traces(service: str) -> Callable[[], None]:
    """Begin to export traces if an endpoint is configured; returns what flushes and stops that."""
    if not configured():
        return lambda: None
    provider = TracerProvider(sampler(), resource(service))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def resource(service: str) -> Resource:
    """Return what tells this process from others."""
    attributes = {"service.name": service, "service.version": version("yupana-server")}
    # Tells the servers of one ledger apart, until OTEL_RESOURCE_ATTRIBUTES names them.
    return Resource({"service.instance.id": str(uuid4())}).merge(Resource.create(attributes))


def sampler() -> Sampler:
    """Return what decides which traces are recorded, by OTEL_TRACES_SAMPLER and its argument.

    Without them, what the caller's sampler decided, and of the calls that come without a trace one
    in ten.
    """
    for name, value in DEFAULT_SAMPLER.items():
        os.environ[name] = os.environ.get(name) or value
    return LinkedSampler(TracerProvider().sampler)


class LinkedSampler(Sampler):
    """Records what is linked to something recorded, such as the batch of a request.

    Otherwise a link would lead to nothing nine times in ten. All else is left to `others`.
    """

    def __init__(self, others: Sampler):
        self._others = others

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about a span that begins."""
        if not links:
            return self._others.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )
        sampled = any(link.context.trace_flags.sampled for link in links)
        decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP
        return SamplingResult(decision, attributes, trace_state)

    def get_description(self) -> str:
        """Return what it does, in short."""
        return f"Linked({self._others.get_description()})"
