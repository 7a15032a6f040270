"""When a delivery that failed is tried again."""

from typing import NamedTuple

JITTER = 0.2
"""By how much of itself a pause is longer or shorter, so that what failed together parts."""

RETRY_AFTER_MAX_S = 86_400.0
"""A receiver may ask for a pause of up to a day."""


class Schedule(NamedTuple):
    """Pauses that grow fourfold up to a bound; by default 12 attempts over about four days."""

    attempts_max: int = 12
    base_s: float = 5.0
    pause_max_s: float = 86_400.0
    growth: float = 4.0

    def pause_s(self, attempts: int, *, chance: float, retry_after_s: float | None = None) -> float:
        """Return the pause after so many attempts; what the receiver asks for if that is longer.

        `chance` is from 0 to 1, drawn at random.
        """
        # Far beyond what is ever reached, where the power would no longer be a float.
        exponent = min(attempts - 1, 100)
        pause_s = min(self.base_s * self.growth**exponent, self.pause_max_s)
        pause_s *= 1 + JITTER * (2 * chance - 1)
        return max(pause_s, min(retry_after_s or 0.0, RETRY_AFTER_MAX_S))

    def is_last(self, attempts: int) -> bool:
        """Tell whether nothing follows after so many attempts."""
        return attempts >= self.attempts_max
