"""Holds: amounts that are reserved until they are captured, released or expired."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta

from yupana.commands.command import Command, DescribedCommand
from yupana.conditions import Condition
from yupana.enums import Resolution, UpTo


@dataclass(frozen=True, slots=True)
class CreateHold(DescribedCommand):
    """Reserves an amount, so that nobody else can use it.

    Limits, freezes and windows are checked now and never again: a capture cannot fail because of
    them.
    """

    debit: str
    credit: str
    amount: int
    """In the asset's smallest unit, 0 to 2^128 - 1. A hold of 0 is closed at once."""
    _: KW_ONLY
    asset: str = ""
    """The asset that is meant. When given, it must be that of both accounts."""
    expires_at: datetime | None = None
    """Until when it reserves. Aware, in the future. Without it: for good, or `expires_after`."""
    expires_after: timedelta | None = None
    """For how long it reserves from when it is recorded: 1 microsecond to 3,660 days."""
    group: str = ""
    """The group that it belongs to, for `ResolveGroup`. At most 1,000 holds for ever."""
    up_to: UpTo | None = None
    """Reserve as much of the amount as these limits allow, instead of rejecting it."""
    conditions: Sequence[Condition] = field(default=(), hash=False)
    """What must hold, or else it is rejected. At most 16."""

    def __post_init__(self) -> None:
        if self.expires_at is not None and self.expires_after is not None:
            raise ValueError("a hold has one deadline: give expires_at or expires_after, not both")


@dataclass(frozen=True, slots=True)
class CaptureHold(DescribedCommand):
    """Moves all or part of what a hold reserves, any number of times."""

    hold: str
    amount: int | None = None
    """At most what remains. None: all that remains."""
    _: KW_ONLY
    final: bool = False
    """Release what then remains."""
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReleaseHold(Command):
    """Gives back all that a hold still reserves."""

    hold: str


@dataclass(frozen=True, slots=True)
class UpdateHold(Command):
    """Changes how much an open hold reserves, or until when; at least one of them."""

    hold: str
    _: KW_ONLY
    amount: int | None = None
    """The new amount of the whole hold, what was captured included. None: unchanged."""
    expires_at: datetime | None = None
    """The new deadline. Without any of the three it stays as it is."""
    expires_after: timedelta | None = None
    """The new deadline, counted from when this is recorded."""
    never_expires: bool = False
    """There is no deadline any more."""

    def __post_init__(self) -> None:
        given = (self.expires_at is not None, self.expires_after is not None, self.never_expires)
        if sum(given) > 1:
            raise ValueError(
                "a hold has one deadline: give one of expires_at, expires_after and never_expires"
            )


@dataclass(frozen=True, slots=True)
class ResolveGroup(Command):
    """Captures or releases all open holds of a group, in the order of their creation."""

    group: str
    resolution: Resolution
    _: KW_ONLY
    effective_at: datetime | None = None
    """For captures."""
