"""Medians and percentiles."""

import math
import statistics
from collections.abc import Mapping, Sequence

NAMED = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}

CURVE = (
    *(float(percent) for percent in range(99)),
    *(99 + tenth / 10 for tenth in range(9)),
    *(99.9 + hundredth / 100 for hundredth in range(10)),
    100.0,
)
"""The percentiles that a distribution is drawn by: finer towards its slow end."""


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the ascending values that `percent` of them do not exceed.

    The nearest-rank definition: always a value that was measured, never one in between.
    """
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    # Rounded, so that 99.9 % of 1,000 is 999 and not the next one for a bit in the 50th place.
    rank = math.ceil(round(percent / 100 * len(ordered), 9))
    return ordered[max(rank, 1) - 1]


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the named percentiles; nothing for no values."""
    ordered = sorted(values)
    return {name: percentile(ordered, at) for name, at in NAMED.items()} if ordered else {}


def curve(values: Sequence[float]) -> list[float]:
    """Return the values at the percentiles of CURVE; nothing for no values."""
    ordered = sorted(values)
    return [percentile(ordered, at) for at in CURVE] if ordered else []


def median(values: Sequence[float]) -> float | None:
    """Return the median, None of nothing."""
    return statistics.median(values) if values else None


def spread(values: Sequence[float]) -> float | None:
    """Return the distance from the least to the greatest as a part of the median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else None


def ratios(of: Mapping[int, float], to: Mapping[int, float]) -> list[float]:
    """Return the ratio of each round that has both: machines drift, a round is short."""
    return [of[each] / to[each] for each in sorted(of.keys() & to.keys()) if to[each]]
