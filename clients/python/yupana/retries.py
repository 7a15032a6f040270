"""When to try again, and how soon."""

import grpc

from yupana.errors import CallError
from yupana.statuses import NOT_SERVED

BUDGET_TOKENS = 100.0
BUDGET_TOKEN_RATIO = 0.1
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
JITTER = 0.2


class RetryBudget:
    """Keeps retries from multiplying the load of a ledger that is in trouble.

    A failure takes a token, an answer gives a tenth back; at half of them or below nothing is
    retried. So a burst of 50 failures is retried, and in the long run one call in ten.
    Source: gRPC proposal A6, retryThrottling.
    """

    def __init__(
        self, max_tokens: float = BUDGET_TOKENS, token_ratio: float = BUDGET_TOKEN_RATIO
    ) -> None:
        self._max_tokens = max_tokens
        self._token_ratio = token_ratio
        self._tokens = max_tokens

    def spend(self) -> bool:
        """Count a failure; return whether the call may be tried again."""
        self._tokens = max(0.0, self._tokens - 1)
        return self._tokens > self._max_tokens / 2

    def earn(self) -> None:
        """Count an answer."""
        self._tokens = min(self._max_tokens, self._tokens + self._token_ratio)


def is_retryable(error: CallError) -> bool:
    """Whether trying again can help: the trouble passes, and ids make it safe.

    A full queue says how long to wait; without that, a message was too large.
    """
    if error.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return error.retry_after_s is not None
    return error.code in NOT_SERVED


def pause_s(attempt: int, chance: float) -> float:
    """Return how long to wait after the attempt (from 1): 50 ms doubling to 1 s, give or take 20 %.

    Args:
        attempt: Which attempt just failed, from 1.
        chance: A random number from 0 to 1.
    """
    doublings = min(attempt - 1, 10)
    step_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(1 << doublings))
    return step_s * (1 + JITTER * (2 * chance - 1))
