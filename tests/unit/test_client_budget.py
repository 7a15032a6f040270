import grpc
import pytest

from yupana.errors import CallError, ErrorDetails
from yupana.retries import RetryBudget, is_retryable, pause_s


def test_budget_when_everything_fails_then_allows_a_burst_only() -> None:
    budget = RetryBudget(max_tokens=100, token_ratio=0.1)

    assert sum(budget.spend() for _ in range(1000)) == 49


def test_budget_when_answers_come_then_allows_a_retry_for_every_ten() -> None:
    budget = RetryBudget(max_tokens=100, token_ratio=0.1)
    while budget.spend():
        pass

    for _ in range(101):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == 10


def test_budget_when_idle_then_does_not_grow_beyond_its_bound() -> None:
    budget = RetryBudget(max_tokens=10, token_ratio=1)

    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == 4


@pytest.mark.parametrize(
    ("code", "retry_after_s", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, None, True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.1, True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, None, False),
        (grpc.StatusCode.DEADLINE_EXCEEDED, None, False),
        (grpc.StatusCode.INTERNAL, 0.1, False),
        (grpc.StatusCode.INVALID_ARGUMENT, None, False),
    ],
)
def test_is_retryable_goes_by_code_and_retry_info(code, retry_after_s, expected) -> None:
    error = CallError("no", code, ErrorDetails(retry_after_s=retry_after_s))

    assert is_retryable(error) is expected


def test_pause_doubles_to_a_second_give_or_take_a_fifth() -> None:
    assert [pause_s(attempt, 0.5) for attempt in (1, 2, 3, 6, 7, 10_000)] == pytest.approx(
        [0.05, 0.1, 0.2, 1.0, 1.0, 1.0]
    )
    assert pause_s(1, 0.0) == pytest.approx(0.04)
    assert pause_s(1, 1.0) == pytest.approx(0.06)
