"""From a gRPC status to an exception of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2 as rpc
from grpc_status import rpc_status

from yupana import errors
from yupana.errors import CallError, ErrorDetails, Violation
from yupana.reasons import PROTO_PREFIX, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.any_pb2 import Any as AnyMessage

ERROR_DOMAIN = "yupana.dev"

# That a call was not served: the server, or the way to it, is gone for now, or has so much to do
# that gRPC ends with CANCELLED what nobody there has looked at. A call that is cancelled here ends
# without a status.
NOT_SERVED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})

# What gRPC says when it had no connection to send the request on.
_NEVER_SENT = "failed to connect to all addresses"

# What grpc.aio says when Core refused to write.
_WRITE_FAILED = "Internal error from Core"

_BY_REASON: dict[Reason, type[CallError]] = {
    Reason.ACCOUNT_NOT_FOUND: errors.AccountNotFound,
    Reason.MALFORMED_REQUEST: errors.MalformedRequest,
    Reason.INVALID_POSITION: errors.MalformedRequest,
    Reason.INVALID_PAGE_TOKEN: errors.MalformedRequest,
    Reason.BOOK_NOT_FOUND: errors.BookNotFound,
    Reason.TRANSFER_NOT_FOUND: errors.TransferNotFound,
    Reason.HOLD_NOT_FOUND: errors.HoldNotFound,
    Reason.COMMAND_NOT_FOUND: errors.CommandNotFound,
    Reason.PREFIX_TOO_WIDE: errors.PrefixTooWide,
    Reason.WEBHOOK_NOT_FOUND: errors.WebhookNotFound,
    Reason.WEBHOOK_EXISTS: errors.WebhookExists,
    Reason.WEBHOOK_CHANGED: errors.WebhookChanged,
    Reason.WEBHOOKS_FULL: errors.WebhooksFull,
    Reason.UNAUTHENTICATED: errors.Unauthenticated,
    Reason.PERMISSION_DENIED: errors.PermissionDenied,
    Reason.QUOTA_EXCEEDED: errors.QuotaExceeded,
    Reason.KEY_NOT_FOUND: errors.KeyNotFound,
    Reason.KEY_EXISTS: errors.KeyExists,
    Reason.KEY_REVOKED: errors.KeyRevoked,
    Reason.KEY_HAS_NO_TOKEN: errors.KeyHasNoToken,
    Reason.PROJECTION_BEHIND: errors.ProjectionBehind,
    Reason.EPOCH_CHANGED: errors.EpochChanged,
    Reason.OVERLOADED: errors.Overloaded,
    Reason.SLOW_CONSUMER: errors.SlowConsumer,
    Reason.OUTCOME_UNKNOWN: errors.OutcomeUnknown,
    Reason.CLOCK_SKEW: errors.Unavailable,
    Reason.DATABASE_UNAVAILABLE: errors.Unavailable,
    Reason.DRAINING: errors.Unavailable,
    Reason.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    Reason.INTERNAL: errors.InternalError,
}

_BY_CODE: dict[grpc.StatusCode, type[CallError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.MalformedRequest,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Overloaded,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.CANCELLED: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.INTERNAL: errors.InternalError,
    grpc.StatusCode.UNKNOWN: errors.InternalError,
    grpc.StatusCode.DATA_LOSS: errors.InternalError,
}


def call_error(rpc_error: grpc.aio.AioRpcError) -> CallError:
    """Return the exception for a failed call: by its reason, else by its status code."""
    code = rpc_error.code()
    details = _details(rpc_error)
    kind = _BY_REASON.get(details.reason) if details.reason else None
    message = rpc_error.details() or f"the ledger answered {code.name} without a message"
    error = (kind or _BY_CODE.get(code, CallError))(message, code, details)
    error.__cause__ = rpc_error
    return error


def broke_while_written(rpc_error: grpc.aio.AioRpcError) -> bool:
    """Whether a stream ended while a message was being written to it, nobody knows why.

    grpc.aio 1.85.1 then forgets the status with which the server ended it.
    """
    internal = rpc_error.code() is grpc.StatusCode.INTERNAL
    return internal and rpc_error.details() == _WRITE_FAILED


def was_answered(error: CallError) -> bool:
    """Whether a ledger server itself said so, and not the network or a proxy."""
    return error.reason is not None


def may_be_recorded(error: CallError) -> bool:
    """Whether the commands may have been recorded although this came back.

    An unknown outcome, and a connection lost on the way. When the text by which gRPC tells that it
    never connected changes, this errs on the safe side.
    """
    if error.code not in NOT_SERVED or was_answered(error):
        return isinstance(error, errors.OutcomeUnknown)
    return not error.message.startswith(_NEVER_SENT)


def _details(rpc_error: grpc.aio.AioRpcError) -> ErrorDetails:
    found = _messages(rpc_error)
    info, bad_request, retry_info = rpc.ErrorInfo(), rpc.BadRequest(), rpc.RetryInfo()
    ours = _unpack(found, info) and info.domain == ERROR_DOMAIN
    _unpack(found, bad_request)
    return ErrorDetails(
        reason=Reason(info.reason.removeprefix(PROTO_PREFIX)) if ours else None,
        metadata=dict(info.metadata),
        violations=tuple(
            Violation(each.field, each.description) for each in bad_request.field_violations
        ),
        retry_after_s=_seconds(retry_info) if _unpack(found, retry_info) else None,
    )


def _messages(rpc_error: grpc.aio.AioRpcError) -> Sequence[AnyMessage]:
    """Return the status details. A proxy may have garbled them: then the code must do."""
    try:
        status = rpc_status.from_call(cast("grpc.Call", rpc_error))
    except (ValueError, DecodeError):
        return ()
    return () if status is None else cast("Sequence[AnyMessage]", status.details)


def _unpack(found: Sequence[AnyMessage], into: Message) -> bool:
    try:
        return any(each.Unpack(into) for each in found)
    except DecodeError:
        return False


def _seconds(retry_info: rpc.RetryInfo) -> float:
    delay = retry_info.retry_delay
    return max(0.0, float(delay.seconds + delay.nanos / 1e9))
