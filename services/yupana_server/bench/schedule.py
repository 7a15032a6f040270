"""When the calls of an open loop are due, and which part of a run is measured."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A run: a lead-in that counts for nothing, then what is measured. Seconds, monotonic clock.

    The clock is the machine's, so processes that are given the same window begin together.
    """

    starts_at: float
    warmup_s: float
    duration_s: float

    @property
    def measured_from(self) -> float:
        """When the lead-in is over."""
        return self.starts_at + self.warmup_s

    @property
    def ends_at(self) -> float:
        """When no further call begins."""
        return self.measured_from + self.duration_s

    def measures(self, moment: float) -> bool:
        """Tell whether something that belongs to this moment counts."""
        return self.measured_from <= moment < self.ends_at


def arrivals(window: Window, per_s: float, chance: random.Random) -> Iterator[float]:
    """Yield when calls are due, in order: independent callers, who take no notice of each other.

    A Poisson process. Due times do not depend on how the calls before are doing: latency counted
    from them has no coordinated omission.
    """
    due = window.starts_at + chance.expovariate(per_s)
    while due < window.ends_at:
        yield due
        due += chance.expovariate(per_s)
