"""Which deliveries of an endpoint may go now. Pure: time is given."""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

EVERYTHING = "*"
"""A key that no account has: what carries it waits for all before it and holds up all after."""


class Waiting(NamedTuple):
    """A delivery that is not made yet."""

    run: int
    seq: int
    keys: Sequence[str]
    """What it is ordered by: of deliveries that share a key, the earlier goes first."""
    due_at_s: float
    """When it may be tried, in seconds since the Unix epoch."""
    attempts: int = 0
    event_id: str = ""
    hash: bytes = b""
    """Of the entry that it is of."""
    cut: bool = False
    """Whether it says that the history was cut."""

    @property
    def place(self) -> tuple[int, int]:
        """Its place among the endpoint's deliveries."""
        return (self.run, self.seq)


class Line:
    """Deliveries in their order, each in a queue for each of its keys.

    One may go when it is at the head of all its queues. So a failing delivery holds up those that
    follow it in one of them, those that follow these in others, and nothing else.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], Waiting] = {}
        self._queues: dict[str, deque[tuple[int, int]]] = {}
        self._ready: list[tuple[float, tuple[int, int]]] = []
        self._barred: deque[Waiting] = deque()
        """Behind a delivery that waits for everything, that one first."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._barred)

    def add(self, delivery: Waiting) -> None:
        """Put a delivery at the end; they come in the order of their places."""
        bars = EVERYTHING in delivery.keys and self._waiting
        if self._barred or EVERYTHING in self._queues or bars:
            self._barred.append(delivery)
        else:
            self._admit(delivery)

    def take(self, now_s: float) -> Waiting | None:
        """Return a delivery that is due and take it out of those that may go; None without one."""
        if not self._ready or self._ready[0][0] > now_s:
            return None
        return self._waiting[heappop(self._ready)[1]]

    def next_due_s(self) -> float | None:
        """Return when the next one is due that nothing but time holds up; None without one."""
        return self._ready[0][0] if self._ready else None

    def put_back(self, delivery: Waiting) -> None:
        """Let one that was taken wait again, with another time and count; it keeps its place."""
        self._waiting[delivery.place] = delivery
        heappush(self._ready, (delivery.due_at_s, delivery.place))

    def finish(self, delivery: Waiting) -> None:
        """Forget one that was taken: it is done, or given up."""
        del self._waiting[delivery.place]
        for key in delivery.keys:
            queue = self._queues[key]
            queue.popleft()
            if queue:
                self._offer(self._waiting[queue[0]])
            else:
                del self._queues[key]
        if self._barred and not self._waiting:
            self._lift()

    def _admit(self, delivery: Waiting) -> None:
        self._waiting[delivery.place] = delivery
        for key in delivery.keys:
            self._queues.setdefault(key, deque()).append(delivery.place)
        self._offer(delivery)

    def _offer(self, delivery: Waiting) -> None:
        """Let it go when due if nothing is before it; becomes so once, with its last queue."""
        if all(self._queues[key][0] == delivery.place for key in delivery.keys):
            heappush(self._ready, (delivery.due_at_s, delivery.place))

    def _lift(self) -> None:
        """Go on with what had to wait for everything: it alone, or all up to the next such one."""
        self._admit(self._barred.popleft())
        while (
            self._barred
            and EVERYTHING not in self._queues
            and EVERYTHING not in self._barred[0].keys
        ):
            self._admit(self._barred.popleft())
