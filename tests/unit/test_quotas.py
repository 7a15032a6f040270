"""Quotas in memory, and who is remembered for how long."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yupana_server.authorization import principals
from yupana_server.authorization.principals import Memory
from yupana_server.authorization.quotas import Limit, LocalQuotas, Rate, read_quota
from yupana_server.authorization.standings import exceeded, headers
from yupana_server.journal.errors import UnavailableError
from yupana_server.runtime.errors import CallError

BURST, PER_S = 10, 5.0


def limit(cost: int = 1, per_s: float = PER_S, burst: int = BURST) -> Limit:
    return Limit("key-requests", "till", Rate(per_s, burst), cost)


def test_quota_when_stored_then_read_with_a_burst_of_a_second() -> None:
    assert read_quota({}) is None
    quota = read_quota({"requestsPerSecond": 5, "transfersPerSecond": 0.5, "transferBurst": 7})
    assert quota is not None
    assert (quota.requests, quota.transfers) == (Rate(5, 5), Rate(0.5, 7))


def test_burst_when_used_up_then_one_more_after_each_interval() -> None:
    local, now = LocalQuotas(), 100.0
    assert [local.take([limit()], now, 1)[0].wait_s for _ in range(BURST)] == [0.0] * BURST
    [standing] = local.take([limit()], now, 1)
    assert standing.wait_s == pytest.approx(1 / PER_S)
    assert standing.remaining == 0
    assert local.take([limit()], now + 1 / PER_S, 1)[0].wait_s == 0
    assert local.take([limit()], now + 1 / PER_S, 1)[0].wait_s > 0


def test_limits_when_one_refuses_then_nothing_is_taken_from_the_others() -> None:
    local, now = LocalQuotas(), 100.0
    other = Limit("book-requests", "shop", Rate(1, 1), 1)
    assert not any(each.wait_s for each in local.take([limit(), other], now, 1))
    assert any(each.wait_s for each in local.take([limit(), other], now, 1))
    [left] = local.take([limit()], now, 1)
    assert left.remaining == BURST - 2


@given(
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, BURST)), min_size=1, max_size=60),
    st.integers(1, 5),
)
def test_calls_when_they_come_at_any_times_then_never_more_than_allowed_and_never_none(
    calls: list[tuple[float, int]], servers: int
) -> None:
    local, now, taken, last_s = LocalQuotas(), 0.0, 0, 0.0
    for pause_s, cost in calls:
        now += pause_s
        if local.take([limit(cost)], now, servers)[0].wait_s == 0:
            taken += cost
            last_s = now
    # Each of several servers may let in a whole burst where one call wants that much.
    assert taken <= last_s * PER_S / servers + BURST + 1e-3
    assert local.take([limit()], now + BURST * servers / PER_S + 1, servers)[0].wait_s == 0


def test_standing_when_told_then_headers_and_the_time_to_wait() -> None:
    local = LocalQuotas()
    told = dict(headers(local.take([limit(4)], 0.0, 1)))
    assert told["ratelimit-policy"] == '"key-requests";q=10;w=2'
    assert told["ratelimit"] == '"key-requests";r=6;t=1'
    error = exceeded(local.take([limit(9)], 0.0, 1))
    assert error.reason == "QUOTA_EXCEEDED"
    assert error.retry_after_s == pytest.approx(3 / PER_S)
    assert dict(error.headers)["retry-after"] == "1"
    assert "send fewer" in exceeded(local.take([limit(11)], 0.0, 1)).message


async def test_memory_when_many_ask_then_one_look_up() -> None:
    asked = []

    async def load(name: str) -> str:
        asked.append(name)
        await asyncio.sleep(0.01)
        return name.upper()

    memory = Memory(load, 60)
    assert await asyncio.gather(*(memory.get("a") for _ in range(50))) == ["A"] * 50
    assert asked == ["a"]


async def test_memory_when_one_of_many_gives_up_then_the_others_are_answered() -> None:
    gate = asyncio.Event()

    async def load(name: str) -> str:
        await gate.wait()
        return name

    memory = Memory(load, 60)
    first, second = (asyncio.create_task(memory.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await second == "a"


async def test_memory_when_the_database_is_away_then_good_for_five_seconds_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, away = [1000.0], [False]
    monkeypatch.setattr(principals.time, "monotonic", lambda: now[0])

    async def load(name: str) -> str:
        if away[0]:
            raise UnavailableError("away")
        return name

    memory = Memory(load, 2)
    await memory.get("a")
    away[0] = True
    for later_s in (1.0, 3.0, 4.9):
        now[0] = 1000.0 + later_s
        assert await memory.get("a") == "a"
    now[0] = 1005.1
    with pytest.raises(CallError, match="cannot be reached"):
        await memory.get("a")


async def test_memory_when_many_names_are_asked_for_then_it_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(principals, "REMEMBERED_MAX", 10)

    async def load(name: str) -> str:
        return name

    memory = Memory(load, 60)
    for number in range(100):
        await memory.get(str(number))
    assert len(memory._known) == 10
    assert not memory._asking
