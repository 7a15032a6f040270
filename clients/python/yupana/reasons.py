"""Why a command or a call did not do what was asked."""

from enum import StrEnum
from typing import Self

PROTO_PREFIX = "ERROR_REASON_"


class Reason(StrEnum):
    """The contract's `ErrorReason` without its prefix; what each means is told there.

    A reason that is newer than this client is kept: a member of its own, equal to its name.
    """

    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    ASSET_NOT_FOUND = "ASSET_NOT_FOUND"
    ACCOUNT_EXISTS = "ACCOUNT_EXISTS"
    ASSET_EXISTS = "ASSET_EXISTS"
    BELOW_MIN_BALANCE = "BELOW_MIN_BALANCE"
    ABOVE_MAX_BALANCE = "ABOVE_MAX_BALANCE"
    OVERFLOW = "OVERFLOW"
    LINKED_FAILED = "LINKED_FAILED"
    ID_REUSED = "ID_REUSED"
    CHAIN_MIXED = "CHAIN_MIXED"
    ASSET_MISMATCH = "ASSET_MISMATCH"
    EFFECTIVE_TIME_IN_FUTURE = "EFFECTIVE_TIME_IN_FUTURE"
    REJECTION_QUOTA_EXCEEDED = "REJECTION_QUOTA_EXCEEDED"
    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    INVALID_POSITION = "INVALID_POSITION"
    INVALID_PAGE_TOKEN = "INVALID_PAGE_TOKEN"  # noqa: S105 - no password
    BOOK_NOT_FOUND = "BOOK_NOT_FOUND"
    TRANSFER_NOT_FOUND = "TRANSFER_NOT_FOUND"
    EPOCH_CHANGED = "EPOCH_CHANGED"
    OVERLOADED = "OVERLOADED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    CLOCK_SKEW = "CLOCK_SKEW"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    DRAINING = "DRAINING"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    INTERNAL = "INTERNAL"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        newer = str.__new__(cls, value)
        newer._name_ = newer._value_ = value
        return newer
