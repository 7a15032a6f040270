"""What became of a command."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from yupana.errors import Refused, Rejected, YupanaError
from yupana.reasons import Reason


class OutcomeKind(StrEnum):
    """What happened. The values are the names of the fields in the contract's `Outcome`."""

    TRANSFER_POSTED = "transfer_posted"
    ACCOUNT_OPENED = "account_opened"
    ASSET_OPENED = "asset_opened"
    HOLD_CREATED = "hold_created"
    HOLD_CAPTURED = "hold_captured"
    HOLD_RELEASED = "hold_released"
    HOLD_UPDATED = "hold_updated"
    GROUP_RESOLVED = "group_resolved"
    TRANSFER_REVERSED = "transfer_reversed"
    PAYMENT_POSTED = "payment_posted"
    LIMITS_SET = "limits_set"
    ACCOUNT_FROZEN = "account_frozen"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_REOPENED = "account_reopened"
    PERIOD_CLOSED = "period_closed"
    ERASED = "erased"
    HOLD_EXPIRED = "hold_expired"
    """Never of a command, but of the ledger's own entry for it."""
    REJECTED = "rejected"
    """The ledger decided against it. Recorded and final."""
    REFUSED = "refused"
    """It was not executed and nothing was recorded for it."""
    UNKNOWN = "unknown"
    """Something that is newer than this client."""


@dataclass(frozen=True, slots=True)
class ResolvedHold:
    """A hold that was captured or released with its group."""

    hold: str
    amount: int
    """How much was captured or released."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command, for ever unless it was refused.

    Amounts are in the asset's smallest unit.
    """

    id: str
    kind: OutcomeKind
    replayed: bool
    """Recorded by an earlier call; position, time and facts are the original ones."""
    position: str
    """Where it is recorded, for `at_least` of a read. Empty when refused or only validated."""
    recorded_at: datetime | None
    """When it was recorded, in UTC. None when refused or only validated."""
    reason: Reason | None = None
    """Why it was rejected or refused."""
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The values behind the reason, as the contract lists them."""
    message: str = ""
    """What failed, with which values, and what to do."""
    amount: int | None = None
    """How much was moved, reserved, given back or moved back."""
    remaining: int | None = None
    """How much a captured or updated hold still reserves. 0: it is closed."""
    expires_at: datetime | None = None
    """When a created or updated hold expires. None: never."""
    holds: tuple[ResolvedHold, ...] = ()
    """The holds of a resolved group, in the order of their creation."""
    reversed_amount: int | None = None
    """How much of the original has been moved back so far."""
    leg_amounts: tuple[int, ...] = ()
    """How much each leg of a payment moved, in their order."""
    below_min_balance: bool = False
    """The account is below the floor that was set."""
    above_max_balance: bool = False
    """The account is above the ceiling that was set."""
    windows_exceeded: tuple[bool, ...] = ()
    """For each window that was set: more than its maximum has been used already."""

    @property
    def ok(self) -> bool:
        """Whether what was asked for was done."""
        return self.kind in _DONE

    @property
    def rejected(self) -> bool:
        """Whether the ledger decided against it, finally."""
        return self.kind is OutcomeKind.REJECTED

    @property
    def refused(self) -> bool:
        """Whether it was not executed, with nothing recorded."""
        return self.kind is OutcomeKind.REFUSED

    def raise_for_reason(self) -> Self:
        """Return the outcome when it is ok; raise `Rejected` or `Refused` when it is not."""
        if self.ok:
            return self
        if self.rejected:
            raise Rejected(self)
        if self.refused:
            raise Refused(self)
        raise YupanaError(f"{self.id} has an outcome that this client does not know: update yupana")


_DONE = frozenset(OutcomeKind) - {
    OutcomeKind.REJECTED,
    OutcomeKind.REFUSED,
    OutcomeKind.UNKNOWN,
}
