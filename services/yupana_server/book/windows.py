"""Windowed limits: at most so much, or so many movements, within a time.

A window's length is cut into WINDOW_SLOTS slots. The current slot and as many before it count: so
never more than the maximum within any stretch of the length, at the price that what has left the
window counts for up to one slot longer.
"""

from collections.abc import Sequence

from yupana_server.book.bounds import WINDOW_SLOTS
from yupana_server.book.commands import Measure, Side, WindowLimit
from yupana_server.book.entries import Usage


def slot_at(window: WindowLimit, at: int) -> int:
    """Return the number of the slot that a moment lies in."""
    return at // (window.length_s * 1_000_000 // WINDOW_SLOTS)


def used(window: WindowLimit, slots: Sequence[tuple[int, int]], at: int) -> int:
    """Return how much counts against the window at a moment."""
    oldest = slot_at(window, at) - WINDOW_SLOTS
    return sum(amount for slot, amount in slots if slot >= oldest)


def added(window: WindowLimit, amount: int, *, moves: bool) -> int:
    """Return what a movement adds to what is used; `moves` is False when a hold is raised."""
    if window.measure == Measure.AMOUNT:
        return amount
    return 1 if moves and amount else 0


def exceeded(
    windows: Sequence[WindowLimit], usage: Usage, side: Side, amount: int, at: int, *, moves: bool
) -> WindowLimit | None:
    """Return the first window of this side that a movement would pass."""
    for window, slots in zip(windows, usage, strict=True):
        if window.side == side:
            more = added(window, amount, moves=moves)
            if more and used(window, slots, at) + more > window.max:
                return window
    return None


def room(windows: Sequence[WindowLimit], usage: Usage, side: Side, at: int) -> int | None:
    """Return the largest amount that the amount windows of this side allow; None for any."""
    left = [
        window.max - used(window, slots, at)
        for window, slots in zip(windows, usage, strict=True)
        if window.side == side and window.measure == Measure.AMOUNT
    ]
    return max(0, min(left)) if left else None


def count(
    windows: Sequence[WindowLimit], usage: Usage, side: Side, amount: int, at: int, *, moves: bool
) -> Usage:
    """Return what is used after a movement."""
    if not windows or not amount:
        return usage
    return tuple(
        _count_one(window, slots, added(window, amount, moves=moves), at)
        if window.side == side
        else slots
        for window, slots in zip(windows, usage, strict=True)
    )


def _count_one(
    window: WindowLimit, slots: tuple[tuple[int, int], ...], more: int, at: int
) -> tuple[tuple[int, int], ...]:
    if not more:
        return slots
    now = slot_at(window, at)
    kept = tuple(pair for pair in slots if now - WINDOW_SLOTS <= pair[0] < now)
    current = slots[-1][1] if slots and slots[-1][0] == now else 0
    return (*kept, (now, current + more))


def carried_over(old: Sequence[WindowLimit], usage: Usage, new: Sequence[WindowLimit]) -> Usage:
    """Return what is used of new windows: those that stay keep their count, others begin anew."""
    counted = {window[:3]: slots for window, slots in zip(old, usage, strict=True)}
    return tuple(counted.get(window[:3], ()) for window in new)
