"""When deliveries are tried again, and endpoints left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from yupana_server.feed.webhooks.health import Policy
from yupana_server.feed.webhooks.schedule import JITTER, Schedule
from yupana_server.feed.webhooks.sending import Attempt
from yupana_server.journal.webhook_rows import EndpointState, Health

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GOOD = Attempt(NOW, 0.1, 200)
BAD = Attempt(NOW, 0.1, 500, "status")
GONE = Attempt(NOW, 0.1, 410, "status")


def test_pauses_when_attempts_fail_then_they_grow_up_to_a_bound_over_days() -> None:
    schedule = Schedule()
    pauses = [schedule.pause_s(attempts, chance=0.5) for attempts in range(1, 12)]
    assert pauses[:4] == pytest.approx([5, 20, 80, 320])
    assert pauses[-1] == pytest.approx(86_400)
    assert 3 * 86_400 < sum(pauses) < 5 * 86_400
    assert [schedule.is_last(attempts) for attempts in (11, 12, 13)] == [False, True, True]


def test_pauses_when_drawn_at_random_then_within_their_share() -> None:
    schedule = Schedule()
    assert schedule.pause_s(1, chance=0.0) == pytest.approx(5 * (1 - JITTER))
    assert schedule.pause_s(1, chance=1.0) == pytest.approx(5 * (1 + JITTER))
    assert schedule.pause_s(10**9, chance=0.5) == pytest.approx(86_400)


@pytest.mark.parametrize(
    ("asked_s", "expected_s"), [(None, 5), (-7, 5), (1, 5), (60, 60), (1e9, 86_400)]
)
def test_pauses_when_the_receiver_asks_for_one_then_granted_within_bounds(
    asked_s: float | None, expected_s: float
) -> None:
    assert Schedule().pause_s(1, chance=0.5, retry_after_s=asked_s) == pytest.approx(expected_s)


def test_policy_when_too_many_fail_for_too_long_then_failing_and_probed_ever_more_rarely() -> None:
    policy = Policy(3, timedelta(minutes=5), Schedule(base_s=60, pause_max_s=3_600, growth=2.0))
    health = Health(EndpointState.ACTIVE)
    for minutes in range(5):
        health = policy.after(health, BAD, NOW + timedelta(minutes=minutes), chance=0.5)
        assert (health.state, health.failures) == (EndpointState.ACTIVE, minutes + 1)
    pauses = []
    now = NOW + timedelta(minutes=5)
    for _ in range(10):
        health = policy.after(health, BAD, now, chance=0.5)
        assert health.state is EndpointState.FAILING
        assert health.failing_since == NOW
        assert health.probe_at is not None
        pauses.append((health.probe_at - now).total_seconds())
        now = health.probe_at
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(3_600)
    assert policy.after(health, GOOD, now, chance=0.5) == Health(EndpointState.ACTIVE)


def test_policy_when_the_receiver_is_gone_then_so_is_the_endpoint() -> None:
    policy = Policy(3, timedelta(0), Schedule())
    assert (
        policy.after(Health(EndpointState.ACTIVE), GONE, NOW, chance=0.5).state
        is EndpointState.GONE
    )
