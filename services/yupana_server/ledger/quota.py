"""R14: how many rejections a book may record."""

import time

REJECTIONS_PER_S = 10_000.0
REJECTIONS_BURST = 100_000.0


class RejectionQuota:
    """A token bucket. What it does not allow is refused and not recorded."""

    def __init__(self, per_s: float = REJECTIONS_PER_S, burst: float = REJECTIONS_BURST):
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._filled_at = time.monotonic()

    def take(self, count: int) -> bool:
        """Take the tokens of `count` rejections if there are enough."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def put_back(self, count: int) -> None:
        """Return the tokens of rejections that were not recorded after all."""
        self._tokens = min(self._burst, self._tokens + count)
