"""Errors that end a whole call, and the one table that maps their reasons to gRPC codes."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from yupana.ledger.v1 import error_reason_pb2

DOMAIN = "yupana.dev"

VIOLATION_BYTES_MAX = 3_000
"""How long the violations are that an answer names: details travel in a header, of which gRPC
clients take 8 kB. How many there are in all is in the metadata."""

Reason = error_reason_pb2.ErrorReason

CODES: Mapping[str, StatusCode] = {
    "MALFORMED_REQUEST": StatusCode.INVALID_ARGUMENT,
    "INVALID_POSITION": StatusCode.INVALID_ARGUMENT,
    "INVALID_PAGE_TOKEN": StatusCode.INVALID_ARGUMENT,
    "BOOK_NOT_FOUND": StatusCode.NOT_FOUND,
    "TRANSFER_NOT_FOUND": StatusCode.NOT_FOUND,
    "ACCOUNT_NOT_FOUND": StatusCode.NOT_FOUND,
    "HOLD_NOT_FOUND": StatusCode.NOT_FOUND,
    "COMMAND_NOT_FOUND": StatusCode.NOT_FOUND,
    "WEBHOOK_NOT_FOUND": StatusCode.NOT_FOUND,
    "WEBHOOK_EXISTS": StatusCode.ALREADY_EXISTS,
    "WEBHOOK_CHANGED": StatusCode.ABORTED,
    "WEBHOOKS_FULL": StatusCode.FAILED_PRECONDITION,
    "PREFIX_TOO_WIDE": StatusCode.FAILED_PRECONDITION,
    "PROJECTION_BEHIND": StatusCode.UNAVAILABLE,
    "EPOCH_CHANGED": StatusCode.FAILED_PRECONDITION,
    "OVERLOADED": StatusCode.RESOURCE_EXHAUSTED,
    "SLOW_CONSUMER": StatusCode.RESOURCE_EXHAUSTED,
    "OUTCOME_UNKNOWN": StatusCode.UNAVAILABLE,
    "CLOCK_SKEW": StatusCode.UNAVAILABLE,
    "DATABASE_UNAVAILABLE": StatusCode.UNAVAILABLE,
    "UNAUTHENTICATED": StatusCode.UNAUTHENTICATED,
    "PERMISSION_DENIED": StatusCode.PERMISSION_DENIED,
    "QUOTA_EXCEEDED": StatusCode.RESOURCE_EXHAUSTED,
    "KEY_NOT_FOUND": StatusCode.NOT_FOUND,
    "KEY_EXISTS": StatusCode.ALREADY_EXISTS,
    "KEY_REVOKED": StatusCode.FAILED_PRECONDITION,
    "KEY_HAS_NO_TOKEN": StatusCode.FAILED_PRECONDITION,
    "DRAINING": StatusCode.UNAVAILABLE,
    "DEADLINE_EXCEEDED": StatusCode.DEADLINE_EXCEEDED,
    "INTERNAL": StatusCode.INTERNAL,
}

RETRY_AFTER_S: Mapping[str, float] = {
    "OVERLOADED": 0.5,
    "SLOW_CONSUMER": 0.5,
    "OUTCOME_UNKNOWN": 0.1,
    "CLOCK_SKEW": 1.0,
    "DATABASE_UNAVAILABLE": 0.5,
    "DRAINING": 0.05,
    "PROJECTION_BEHIND": 1.0,
}
"""When it makes sense to try again, in seconds. Up to twice as long is said, at random, so that
those who were refused together do not come back together."""


class Violation(NamedTuple):
    """What is wrong with one field of a request."""

    field: str
    """Its path, such as `commands[3].create_transfer.amount`."""
    description: str


class CallError(Exception):
    """Ends a call with a gRPC status that carries `google.rpc` details."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        quotas: Sequence[tuple[str, str]] = (),
        retry_after_s: float | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ):
        """`quotas` are those exceeded, each whose and how; `headers` go beside the status."""
        super().__init__(message)
        self.reason = reason
        self.code = CODES[reason]
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = violations
        self.quotas = quotas
        self.retry_after_s = RETRY_AFTER_S.get(reason) if retry_after_s is None else retry_after_s
        self.headers = headers

    def status(self) -> Status:
        """Return the status as it goes over the wire."""
        status = Status(code=self.code.value[0], message=self.message)
        info = ErrorInfo(
            reason=f"ERROR_REASON_{self.reason}", domain=DOMAIN, metadata=self.metadata
        )
        details: list[ErrorInfo | BadRequest | QuotaFailure | RetryInfo] = [info]
        if self.violations:
            details.append(_bad_request(self.violations))
        if self.quotas:
            failure = QuotaFailure()
            for subject, description in self.quotas:
                failure.violations.add(subject=subject, description=description)
            details.append(failure)
        if self.retry_after_s is not None:
            delay = Duration()
            after_s = self.retry_after_s * random.uniform(1, 2)  # noqa: S311
            delay.FromNanoseconds(int(after_s * 1e9))
            details.append(RetryInfo(retry_delay=delay))
        for detail in details:
            packed = Any()
            packed.Pack(detail)
            status.details.append(packed)
        return status


def account_not_found(book: str, account: str) -> CallError:
    """Return the error of a read of an account that is not open."""
    return CallError(
        "ACCOUNT_NOT_FOUND",
        f"no account {account} is open in the book {book}",
        metadata={"book": book, "account": account},
    )


def malformed(violations: Sequence[Violation]) -> CallError:
    """Return the error of a request that is refused as a whole."""
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return CallError(
        "MALFORMED_REQUEST",
        f"{first.field}: {first.description}{more}",
        metadata={"violations": str(len(violations))},
        violations=violations,
    )


def database_unavailable(_: Exception) -> CallError:
    """Return the error of a call for which the database cannot answer."""
    return CallError("DATABASE_UNAVAILABLE", "the database cannot be reached: try again")


def _bad_request(violations: Sequence[Violation]) -> BadRequest:
    message = BadRequest()
    room = VIOLATION_BYTES_MAX
    for violation in violations:
        room -= len(violation.field) + len(violation.description.encode())
        if room < 0:
            break
        message.field_violations.add(field=violation.field, description=violation.description)
    return message
