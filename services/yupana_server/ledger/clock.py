"""What time it is. Passed on as an argument, so that nothing below depends on whose clock it is."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Microseconds since the Unix epoch."""


def wall_clock() -> int:
    """Return what this machine's clock says."""
    return time.time_ns() // 1_000
