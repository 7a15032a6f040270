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
    REJECTED = "rejected"
    """The ledger decided against it. Recorded and final."""
    REFUSED = "refused"
    """It was not executed and nothing was recorded for it."""
    UNKNOWN = "unknown"
    """Something that is newer than this client."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command, for ever unless it was refused."""

    id: str
    kind: OutcomeKind
    amount: int | None
    """How much a posted transfer moved."""
    reason: Reason | None
    """Why it was rejected or refused."""
    facts: Mapping[str, str] = field(hash=False)
    """The values behind the reason, as the contract lists them."""
    message: str
    """What failed, with which values, and what to do."""
    replayed: bool
    """Recorded by an earlier call; position, time and facts are the original ones."""
    position: str
    """Where it is recorded, for `at_least` of a read. Empty when refused or only validated."""
    recorded_at: datetime | None
    """When it was recorded, in UTC. None when refused or only validated."""

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


_DONE = frozenset(
    {OutcomeKind.TRANSFER_POSTED, OutcomeKind.ACCOUNT_OPENED, OutcomeKind.ASSET_OPENED}
)
