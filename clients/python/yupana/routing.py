"""Which server a book goes to, and which servers are set aside for a while."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST_REST_S = 0.1
LONGEST_REST_S = 2.0


def rendezvous(key: str, addresses: Iterable[str]) -> list[str]:
    """Return the addresses in the order of preference for a key.

    The same for every client that knows the same addresses. When one leaves, only its keys move.
    Source: Thaler and Ravishankar, highest random weight hashing.
    """
    return sorted(addresses, key=lambda address: _weight(key, address), reverse=True)


def _weight(key: str, address: str) -> bytes:
    return blake2b(f"{key}\0{address}".encode(), digest_size=8).digest()


@dataclass(slots=True)
class Health:
    """Whether a server takes calls. Times are seconds of one monotonic clock.

    A server that fails rests 0.1 s, then 0.2 s, up to 2 s. After each rest a single call tries it.
    """

    _failures: int = 0
    _failed_at_s: float = 0.0
    _rests_until_s: float = 0.0
    _probed: bool = False

    def admits(self, now_s: float) -> bool:
        """Whether a call may go there now. Of those after a rest only the first one may."""
        if not self._failures:
            return True
        if now_s < self._rests_until_s:
            return False
        self._probed = True
        self._rests_until_s = now_s + _rest_s(self._failures)
        return True

    def rest_left_s(self, now_s: float) -> float:
        """How long it still rests."""
        return max(0.0, self._rests_until_s - now_s) if self._failures else 0.0

    def fail(self, now_s: float, retry_after_s: float | None) -> None:
        """Set the server aside, at least as long as it asked for.

        The calls that were under way together fail together: they count as one failure.
        """
        if self._probed or now_s >= self._rests_until_s:
            self._failures += 1
            self._probed = False
            self._failed_at_s = now_s
            self._rests_until_s = now_s + _rest_s(self._failures)
        self._rests_until_s = max(self._rests_until_s, now_s + (retry_after_s or 0.0))

    def succeed(self, sent_at_s: float) -> None:
        """Take the server back, unless the answer is to a call from before it failed."""
        if self._failures and sent_at_s >= self._failed_at_s:
            self._failures = 0
            self._rests_until_s = 0.0
            self._probed = False


def _rest_s(failures: int) -> float:
    doublings = min(failures - 1, 10)
    return min(LONGEST_REST_S, FIRST_REST_S * float(1 << doublings))
