"""Exceptions: what can go wrong, as types to catch and as sentences to read."""
# ruff: noqa: N818 - named after what happened; all end in an error anyway

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import grpc

    from yupana.outcomes import Outcome
    from yupana.reasons import Reason


class YupanaError(Exception):
    """The base of all errors of this client."""


class CommandError(YupanaError):
    """A command had an outcome other than what was asked for."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.reason = outcome.reason
        self.facts = outcome.facts
        self.message = outcome.message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Rejected(CommandError):
    """The ledger decided against the command. Final: the id will always have this outcome."""


class Refused(CommandError):
    """The command was not executed and nothing was recorded for it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A field of a request and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What the ledger told beside code and message."""

    reason: Reason | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    retry_after_s: float | None = None


class CallError(YupanaError):
    """A whole call failed; none of its commands has an outcome to show."""

    def __init__(
        self, message: str, code: grpc.StatusCode, details: ErrorDetails | None = None
    ) -> None:
        details = details or ErrorDetails()
        super().__init__(message, code, details)
        self.message = message
        self.code = code
        self.details = details
        self.reason = details.reason
        self.metadata = details.metadata
        self.violations = details.violations
        self.retry_after_s = details.retry_after_s
        self.trace_id = details.metadata.get("trace_id")
        self.ids: tuple[str, ...] = ()
        """The ids of the commands that were sent, to send them again."""

    def __str__(self) -> str:
        violations = [f"{each.field}: {each.description}" for each in self.violations]
        if len(violations) == 1 and violations[0] in self.message:
            violations = []  # The message is this one violation.
        text = "\n  ".join([self.message, *violations])
        return f"{text} (trace {self.trace_id})" if self.trace_id else text


class MalformedRequest(CallError):
    """The request is wrong; `violations` names every field. Nothing was executed."""


class BookNotFound(CallError):
    """There is no such book. Nothing was executed."""


class AccountNotFound(CallError):
    """The account is not open in this book."""


class TransferNotFound(CallError):
    """No transfer with this id was ever recorded in this book."""


class HoldNotFound(CallError):
    """There is no such hold in this book."""


class CommandNotFound(CallError):
    """No command with this id was ever recorded in this book."""


class WebhookNotFound(CallError):
    """The book has no webhook endpoint of this id."""


class WebhookExists(CallError):
    """The book has a webhook endpoint of this id already, configured otherwise."""


class WebhookChanged(CallError):
    """The webhook endpoint was changed since it was read. Read it and decide again."""


class WebhooksFull(CallError):
    """The book has as many webhook endpoints as one may have."""


class Unauthenticated(CallError):
    """No key that works came with the call: it is missing, unknown, expired or revoked."""


class PermissionDenied(CallError):
    """The key does not allow this. Nothing was executed."""


class QuotaExceeded(CallError):
    """The key's or the book's quota is used up for now. Nothing was executed."""


class KeyNotFound(CallError):
    """There is no key of this id that the caller may manage."""


class KeyExists(CallError):
    """There is a key of this id, or of this certificate's name, already."""


class KeyRevoked(CallError):
    """The key was revoked, for good."""


class KeyHasNoToken(CallError):
    """The key is known by a certificate's name: it has no token to rotate."""


class PrefixTooWide(CallError):
    """Too many accounts begin with the prefix: give a longer one."""


class ProjectionBehind(CallError):
    """What this read is served from misses too much of the journal. Reading it later may help."""


class Overloaded(CallError):
    """The ledger had no room for the call, or a message was too large. Nothing was recorded."""


class SlowConsumer(CallError):
    """A stream was not read fast enough. It can be gone on with from the last position."""


class Unavailable(CallError):
    """No server could be reached in time or could decide. Nothing was recorded."""


class OutcomeUnknown(CallError):
    """The commands may or may not have been recorded: send them again with the same ids."""


class DeadlineExceeded(CallError):
    """Time ran out. The commands may have been recorded: send them again with the same ids."""


class EpochChanged(CallError):
    """The book's history was cut since the position was given out."""

    @property
    def last_common_position(self) -> str | None:
        """Where to start again."""
        return self.metadata.get("last_common_position")


class InternalError(CallError):
    """A defect of the service; tell its operators the trace id."""
