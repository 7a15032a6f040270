"""The contract's enums."""

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """An enum that may grow.

    A value that is newer than this client is kept: a member of its own, equal to its name or
    number.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        newer = str.__new__(cls, value)
        newer._name_ = newer._value_ = value
        return newer


class NormalSide(OpenEnum):
    """On which side an account's balance is shown as positive in reports."""

    CREDIT = "credit"
    DEBIT = "debit"


class Side(OpenEnum):
    """One of the two accounts of a transfer, or one direction of an account's movements."""

    DEBIT = "debit"
    CREDIT = "credit"


class UpTo(StrEnum):
    """Whose limits lower an amount instead of rejecting it."""

    DEBIT_LIMITS = "debit_limits"
    """The floor, and the amount windows for debits, of the debit account."""
    CREDIT_LIMITS = "credit_limits"
    """The ceiling, and the amount windows for credits, of the credit account."""
    BOTH_LIMITS = "both_limits"
    """The smaller amount of the two."""


class Operator(StrEnum):
    """How two numbers are compared."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    EQUAL = "equal"
    NOT_EQUAL = "not_equal"


class Measure(OpenEnum):
    """What a window measures."""

    AMOUNT = "amount"
    """The sum of the amounts."""
    COUNT = "count"
    """The number of movements."""


class Resolution(StrEnum):
    """How the holds of a group are resolved."""

    CAPTURE = "capture"
    """Capture all that remains of each."""
    RELEASE = "release"


class HoldState(OpenEnum):
    """How a hold stands."""

    OPEN = "open"
    """It still reserves something."""
    CAPTURED = "captured"
    RELEASED = "released"
    """It was released, or lowered until nothing remained."""
    EXPIRED = "expired"


class EntryKind(OpenEnum):
    """The kinds of a journal's entries."""

    OPEN_ASSET = "open_asset"
    OPEN_ACCOUNT = "open_account"
    TRANSFER = "transfer"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    HOLD_UPDATE = "hold_update"
    EXPIRY = "expiry"
    """Records that a hold expired."""
    RESOLVE_GROUP = "resolve_group"
    REVERSAL = "reversal"
    PAYMENT = "payment"
    """Is a payment as a whole: its legs are entries of their own."""
    LEG = "leg"
    SET_LIMITS = "set_limits"
    FREEZE_ACCOUNT = "freeze_account"
    CLOSE_ACCOUNT = "close_account"
    REOPEN_ACCOUNT = "reopen_account"
    CLOSE_PERIOD = "close_period"
    ERASE = "erase"


class TransferKind(OpenEnum):
    """What a transfer does."""

    TRANSFER = "transfer"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    HOLD_UPDATE = "hold_update"
    EXPIRY = "expiry"
    """Records that a hold expired."""
    REVERSAL = "reversal"
    LEG = "leg"
    """Is one leg of a payment."""
    PAYMENT = "payment"
    """Is a payment as a whole: its legs are transfers of their own."""


class StatementOrder(StrEnum):
    """The order of a statement, and which time its bounds mean."""

    RECORD_TIME = "record_time"
    """As recorded, with the totals that the ledger decided on."""
    EFFECTIVE_TIME = "effective_time"
    """As it took effect: only what was posted, with the totals that would have been then."""


class WebhookOrder(OpenEnum):
    """In which order an endpoint's events are posted."""

    BY_ACCOUNT = "by_account"
    """Those that share an account one after another, others beside them."""
    NONE = "none"
    """A failing one holds up no other."""


class WebhookState(OpenEnum):
    """Whether an endpoint is served."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By a call; its backlog stays."""
    FAILING = "failing"
    """It failed too often: its backlog stays, and one event is tried now and then."""
    GONE = "gone"
    """It answered 410: only a call resumes it."""


class WebhookDeliveryState(OpenEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    """For its first or next attempt."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """All attempts failed."""
    VOID = "void"
    """Its entry is gone, or a replay took its place."""


class Action(OpenEnum):
    """A kind of thing that a key may do."""

    READ = "read"
    WRITE = "write"
    """Transfers, payments, reversals within limits."""
    HOLD = "hold"
    LIMITS = "limits"
    """Open accounts, change their limits, freeze, close and reopen them."""
    FORCE = "force"
    """Reverse against limits and freezes, beside WRITE."""
    ADMIN = "admin"
    """Books, assets, periods, erasure, webhooks, keys and quotas."""


class KeyChangeKind(OpenEnum):
    """What was done to a key, or to a quota."""

    CREATED = "created"
    UPDATED = "updated"
    ROTATED = "rotated"
    REVOKED = "revoked"
    BOOK_QUOTA_SET = "book_quota_set"
