"""How calls end that do not go well."""

from typing import Any

import grpc.aio
import structlog
from grpc_status import rpc_status
from opentelemetry import trace

from yupana_server.runtime.errors import CallError

log = structlog.get_logger("yupana.rpc")


def end_call(context: grpc.aio.ServicerContext[Any, Any], error: CallError) -> None:
    """End a call with a status, which gRPC then sends instead of a response.

    To abort it, by an exception that is caught and raised again on the way, takes twice as long:
    with too many calls that would be most of what the server does.
    """
    status = rpc_status.to_status(error.status())
    context.set_code(status.code)
    context.set_details(status.details)
    context.set_trailing_metadata((*status.trailing_metadata, *error.headers))


def slow_consumer(timeout_s: float) -> CallError:
    """Return what ends a stream whose caller does not take its responses."""
    return CallError(
        "SLOW_CONSUMER",
        f"a response was not taken for {timeout_s:g} s: go on from the last position, and ask for "
        "less or read faster",
        metadata={"timeout_s": f"{timeout_s:g}"},
    )


def internal(error: Exception) -> CallError:
    """Log what nobody expected, and return what the caller is told of it."""
    log.error("internal_error", error=type(error).__name__, exc_info=error)
    context = trace.get_current_span().get_span_context()
    metadata = {}
    if context.is_valid:
        metadata["trace_id"] = trace.format_trace_id(context.trace_id)
    return CallError("INTERNAL", "the service failed; its operators can see why", metadata=metadata)
