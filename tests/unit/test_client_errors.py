import pickle

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as rpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

import yupana
from yupana import Reason, Violation
from yupana.statuses import call_error, may_be_recorded

DETAILS_KEY = "grpc-status-details-bin"


def failure(code: grpc.StatusCode, message: str, *details: Message) -> grpc.aio.AioRpcError:
    status = Status(code=code.value[0], message=message)
    for each in details:
        packed = Any()
        packed.Pack(each)
        status.details.append(packed)
    trailers = rpc_status.to_status(status).trailing_metadata
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details=message
    )


def info(reason: str, domain: str = "yupana.dev", **metadata: str) -> rpc.ErrorInfo:
    return rpc.ErrorInfo(reason=f"ERROR_REASON_{reason}", domain=domain, metadata=metadata)


@pytest.mark.parametrize(
    ("reason", "code", "expected"),
    [
        ("MALFORMED_REQUEST", grpc.StatusCode.INVALID_ARGUMENT, yupana.MalformedRequest),
        ("INVALID_PAGE_TOKEN", grpc.StatusCode.INVALID_ARGUMENT, yupana.MalformedRequest),
        ("BOOK_NOT_FOUND", grpc.StatusCode.NOT_FOUND, yupana.BookNotFound),
        ("TRANSFER_NOT_FOUND", grpc.StatusCode.NOT_FOUND, yupana.TransferNotFound),
        ("HOLD_NOT_FOUND", grpc.StatusCode.NOT_FOUND, yupana.HoldNotFound),
        ("COMMAND_NOT_FOUND", grpc.StatusCode.NOT_FOUND, yupana.CommandNotFound),
        ("PREFIX_TOO_WIDE", grpc.StatusCode.FAILED_PRECONDITION, yupana.PrefixTooWide),
        ("PROJECTION_BEHIND", grpc.StatusCode.UNAVAILABLE, yupana.ProjectionBehind),
        ("EPOCH_CHANGED", grpc.StatusCode.FAILED_PRECONDITION, yupana.EpochChanged),
        ("OVERLOADED", grpc.StatusCode.RESOURCE_EXHAUSTED, yupana.Overloaded),
        ("OUTCOME_UNKNOWN", grpc.StatusCode.UNAVAILABLE, yupana.OutcomeUnknown),
        ("DRAINING", grpc.StatusCode.UNAVAILABLE, yupana.Unavailable),
        ("DEADLINE_EXCEEDED", grpc.StatusCode.DEADLINE_EXCEEDED, yupana.DeadlineExceeded),
        ("INTERNAL", grpc.StatusCode.INTERNAL, yupana.InternalError),
        ("SOMETHING_NEW", grpc.StatusCode.UNAVAILABLE, yupana.Unavailable),
        ("SOMETHING_NEW", grpc.StatusCode.OUT_OF_RANGE, yupana.CallError),
    ],
)
def test_call_error_goes_by_reason_then_by_code(reason, code, expected) -> None:
    error = call_error(failure(code, "no", info(reason)))

    assert type(error) is expected
    assert error.reason == reason
    assert error.code is code


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, yupana.MalformedRequest),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, yupana.Overloaded),
        (grpc.StatusCode.UNKNOWN, yupana.InternalError),
        (grpc.StatusCode.UNIMPLEMENTED, yupana.CallError),
    ],
)
def test_call_error_without_details_goes_by_code(code, expected) -> None:
    error = call_error(
        grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=None)
    )

    assert type(error) is expected
    assert error.reason is None
    assert code.name in str(error)


def test_call_error_of_another_domain_has_no_reason_of_ours() -> None:
    error = call_error(failure(grpc.StatusCode.UNAVAILABLE, "no", info("DRAINING", "envoy.dev")))

    assert error.reason is None


def test_call_error_carries_violations_retry_and_trace() -> None:
    violations = rpc.BadRequest(
        field_violations=[
            rpc.BadRequest.FieldViolation(field="commands[0].id", description="is empty"),
            rpc.BadRequest.FieldViolation(field="book", description="begins with a dot"),
        ]
    )
    error = call_error(
        failure(
            grpc.StatusCode.INVALID_ARGUMENT,
            "the request is malformed",
            info("MALFORMED_REQUEST", trace_id="4bf9"),
            violations,
            rpc.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
        )
    )

    assert error.violations == (
        Violation("commands[0].id", "is empty"),
        Violation("book", "begins with a dot"),
    )
    assert (error.retry_after_s, error.trace_id) == (1.5, "4bf9")
    assert str(error) == (
        "the request is malformed\n"
        "  commands[0].id: is empty\n"
        "  book: begins with a dot (trace 4bf9)"
    )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("commands[0].id: is empty", "commands[0].id: is empty"),
        ("malformed", "malformed\n  commands[0].id: is empty"),
    ],
)
def test_call_error_when_one_violation_then_it_is_shown_once(message, shown) -> None:
    violation = rpc.BadRequest.FieldViolation(field="commands[0].id", description="is empty")
    details = (info("MALFORMED_REQUEST"), rpc.BadRequest(field_violations=[violation]))
    error = call_error(failure(grpc.StatusCode.INVALID_ARGUMENT, message, *details))

    assert str(error) == shown
    assert error.violations == (Violation("commands[0].id", "is empty"),)


def test_call_error_when_details_are_garbled_then_goes_by_code() -> None:
    trailers = grpc.aio.Metadata((DETAILS_KEY, b"\xff\xff"))
    error = call_error(
        grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), trailers, "no")
    )

    assert type(error) is yupana.Unavailable


def test_epoch_changed_tells_where_to_start_again() -> None:
    error = call_error(
        failure(
            grpc.StatusCode.FAILED_PRECONDITION,
            "cut",
            info("EPOCH_CHANGED", last_common_position="AQ"),
        )
    )

    assert isinstance(error, yupana.EpochChanged)
    assert error.last_common_position == "AQ"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failure(grpc.StatusCode.UNAVAILABLE, "x", info("OUTCOME_UNKNOWN")), True),
        (failure(grpc.StatusCode.UNAVAILABLE, "Socket closed"), True),
        (failure(grpc.StatusCode.UNAVAILABLE, "x", info("DRAINING")), False),
        (failure(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; ..."), False),
        (failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "x", info("OVERLOADED")), False),
    ],
)
def test_may_be_recorded_when_the_connection_or_the_commit_was_lost(error, expected) -> None:
    assert may_be_recorded(call_error(error)) is expected


def test_errors_can_be_pickled() -> None:
    error = call_error(failure(grpc.StatusCode.NOT_FOUND, "gone", info("BOOK_NOT_FOUND", book="b")))
    error.ids = ("t",)

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), copy.reason) == (type(error), "gone", Reason.BOOK_NOT_FOUND)
    assert copy.ids == ("t",)
