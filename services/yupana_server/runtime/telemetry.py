"""Traces by OpenTelemetry, exported by OTLP when an endpoint is configured, off otherwise.

The endpoint and everything else about the export comes from OpenTelemetry's own variables, such
as OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and OTEL_RESOURCE_ATTRIBUTES.
"""

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.context import Context, create_key
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

_TAKEN = create_key("yupana-taken")
TAKEN = Context({_TAKEN: True})
"""Where spans begin that are to be recorded, as was found before: calls that the sampler took, and
batches that carry a recorded call. Otherwise the link to a batch would lead to nothing nine times
in ten."""

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def configured() -> bool:
    """Tell whether traces are to be exported."""
    return any(os.environ.get(name) for name in ENDPOINT_VARIABLES)


def set_up_traces(service: str, part: str = "") -> Callable[[], None]:
    """Begin to export traces if an endpoint is configured; returns what flushes and stops that.

    `part` tells apart processes that have their environment in common.
    """
    if not configured():
        return lambda: None
    provider = TracerProvider(sampler(), resource(service, part))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def resource(service: str, part: str = "") -> Resource:
    """Return what tells this process from others."""
    attributes = {"service.name": service, "service.version": version("yupana-server")}
    # Tells the servers of one ledger apart, until OTEL_RESOURCE_ATTRIBUTES names them.
    found = Resource({"service.instance.id": str(uuid4())}).merge(Resource.create(attributes))
    if not part:
        return found
    instance = str(found.attributes["service.instance.id"])
    return found.merge(Resource({"service.instance.id": f"{instance}-{part}"}))


def sampler() -> Sampler:
    """Return what decides which traces are recorded, by OTEL_TRACES_SAMPLER and its argument.

    Without them, what the caller's sampler decided, and of the calls that come without a trace one
    in ten.
    """
    for name, value in DEFAULT_SAMPLER.items():
        os.environ[name] = os.environ.get(name) or value
    return TakenSampler(TracerProvider().sampler)


class TakenSampler(Sampler):
    """Records what begins in TAKEN, and leaves all else to `others`."""

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
        if parent_context is not None and _TAKEN in parent_context:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, trace_state)
        return self._others.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Return what it does, in short."""
        return f"Taken({self._others.get_description()})"
