"""Moments of a book's history."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """A moment to read accounts at: exactly one of the three, else ValueError."""

    position: str | None = None
    """After the entry at this position, as an answer returned it."""
    recorded_at: datetime | None = None
    """After everything recorded at or before this time. Aware."""
    effective_at: datetime | None = None
    """After everything posted that took effect at or before this time, whenever it was recorded.
    Pending totals, limits and freezes are those recorded at that time. Aware."""

    def __post_init__(self) -> None:
        given = (self.position, self.recorded_at, self.effective_at)
        if sum(each is not None for each in given) != 1:
            raise ValueError("give exactly one of position, recorded_at and effective_at")
