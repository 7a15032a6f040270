"""Limits that look back over a time."""

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta

from yupana.enums import Measure, Side


@dataclass(frozen=True, slots=True)
class WindowLimit:
    """At most so much, or so many movements, within a time.

    Time is cut into slots of a sixtieth of the length; the current slot and the 60 before it count.
    """

    side: Side
    """Which movements count: debits or credits of the account."""
    measure: Measure
    _: KW_ONLY
    length: timedelta
    """How long it looks back: 1 minute to 366 days, in whole minutes."""
    max: int
    """At most so much in the asset's smallest unit, or so many movements: 0 to 2^128 - 1."""


@dataclass(frozen=True, slots=True)
class WindowUsage:
    """A windowed limit and what is used of it."""

    limit: WindowLimit
    used: int
    """How much counts against it, as of the moment of the answer."""
