"""How a call travels from one process to another: all of it, and who sent it."""

from __future__ import annotations  # grpc.RpcMethodHandler is generic for type checkers only

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import structlog

from yupana_server.runtime.call_ends import end_call
from yupana_server.runtime.deadlines import ANSWER_MARGIN_S, ran_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    Context = grpc.aio.ServicerContext[Any, Any]

CERTIFICATE_NAMES = "x509_subject_alternative_name"

PASSED_NAMES = "yupana-certificate-name-bin"
"""The header that carries the names in the caller's certificate. It counts in calls that others of
our processes pass on, nowhere else: their sockets are in a folder that only they can enter."""

NOT_SENT_ON = ("user-agent", PASSED_NAMES)
"""Headers that the connection sets itself, or that callers must not."""

CHANNEL_OPTIONS = (
    # What is too long is not let in, or out, where the call is served.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A process that was started anew is found again soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # One that is stopped is given up after 8 s, before clients give up by default. gRPC 1.85 waits
    # for the answer to a ping as long as this says, whatever keepalive_timeout_ms says.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
)

STATUS_DETAILS = "grpc-status-details-bin"
DRAINING = b"ERROR_REASON_DRAINING"

log = structlog.get_logger("yupana.passing")


class AwayError(Exception):
    """The process that a call belongs to did not serve it."""


def is_passed_on(context: Context) -> bool:
    """Tell whether a call came from another one of our processes."""
    return context.peer().startswith("unix:")


def certificate_names(context: Context) -> Sequence[str]:
    """Return the names in the certificate of who calls; none without mutual TLS."""
    found = context.auth_context().get(CERTIFICATE_NAMES, ())
    return [name.decode("utf-8", "replace") for name in found]


def passed_certificate_names(context: Context) -> Sequence[str]:
    """Return the same where calls may have been passed on."""
    if not is_passed_on(context):
        return certificate_names(context)
    metadata = context.invocation_metadata() or ()
    found = [value for key, value in metadata if key == PASSED_NAMES]
    return [name.decode("utf-8", "replace") for name in found if isinstance(name, bytes)]


async def ask(
    asked: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes],
    request: bytes,
    context: Context,
    *,
    default_deadline_s: float,
) -> bytes | None:
    """Have another process serve a call; without an answer the call's status is set.

    Raises:
        AwayError: It did not serve it. As it may have begun to, the call has to be one that may be
            repeated, as all of ours.
    """
    timeout_s = context.time_remaining()
    try:
        call = asked(
            request,
            # The answer has one more way to go.
            timeout=default_deadline_s if timeout_s is None else timeout_s - 2 * ANSWER_MARGIN_S,
            metadata=headers(context),
        )
        response = await call
    except grpc.aio.AioRpcError as error:
        if not _is_explained(error) and timeout_s is not None and _is_late(error):
            end_call(context, ran_out())
            return None
        if not _is_explained(error) or DRAINING in _details(error):
            raise AwayError from error
        await _send_head(context, error.initial_metadata())
        _end(context, error)
        return None
    except Exception as error:
        log.exception("pass_on_failed")
        raise AwayError from error
    await _send_head(context, await call.initial_metadata())
    if trailing := tuple(await call.trailing_metadata()):
        context.set_trailing_metadata(trailing)
    return response


def headers(context: Context) -> list[tuple[str, str | bytes]]:
    """Return what travels with a call: the caller's headers, and the names in its certificate."""
    names = context.auth_context().get(CERTIFICATE_NAMES, ())
    sent = [each for each in context.invocation_metadata() or () if _is_sent_on(*each)]
    return [*sent, *((PASSED_NAMES, name) for name in names)]


def _is_sent_on(name: str, value: str | bytes) -> bool:
    """Leave out what is not ours to send, and what gRPC takes from callers and does not send."""
    if name in NOT_SENT_ON:
        return False
    return isinstance(value, bytes) or (value.isascii() and value.isprintable())


async def _send_head(context: Context, metadata: Any) -> None:
    if head := tuple(metadata or ()):
        await context.send_initial_metadata(head)


def _end(context: Context, error: grpc.aio.AioRpcError) -> None:
    context.set_code(error.code())
    context.set_details(error.details() or "")
    context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))


def _is_explained(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether a status is the answer of a service: ours say with every error why."""
    return bool(_details(error))


def _details(error: grpc.aio.AioRpcError) -> bytes:
    found: Any = dict(error.trailing_metadata() or ()).get(STATUS_DETAILS)
    return bytes(found or b"")


def _is_late(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
