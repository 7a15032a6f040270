"""Quotas by the generic cell rate algorithm (GCRA): in Redis for all servers together.

A limit keeps one number: when what was let in so far will have been worked off at its rate. A call
is let in as long as that lies no further ahead than a burst lasts.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from yupana_server.runtime.redis import Redis, RedisAwayError
from yupana_server.runtime.redis_scripts import Script

KEPT_MAX = 10_000
"""How many limits are kept in memory while Redis is away, those used last."""

ROUNDING_S = 1e-6

SERVER_S = 30
"""How long a server that asked counts as one."""

_SCRIPT = Script(
    "take_quota",
    """
    local clock = redis.call('TIME')
    local now = clock[1] * 1000000 + clock[2]
    local servers = table.remove(KEYS)
    redis.call('ZREMRANGEBYSCORE', servers, '-inf', clock[1] - ARGV[2])
    redis.call('ZADD', servers, clock[1], ARGV[1])
    redis.call('EXPIRE', servers, ARGV[2])
    local found, refused = {redis.call('ZCARD', servers)}, false
    local until_ = {}
    for i, key in ipairs(KEYS) do
      local interval, burst, cost = ARGV[3 * i], ARGV[3 * i + 1], ARGV[3 * i + 2]
      local before = math.max(tonumber(redis.call('GET', key) or now), now)
      -- What was kept by a larger quota, or before the clock stepped, is never more than is due.
      before = math.min(before, now + interval * burst)
      until_[i] = before + interval * cost
      local wait = until_[i] - interval * burst - now
      refused = refused or wait > 0.5
      found[2 * i] = string.format('%.0f', before - now)
      found[2 * i + 1] = string.format('%.0f', math.max(wait, 0))
    end
    if not refused then
      for i, key in ipairs(KEYS) do
        redis.call('SET', key, string.format('%.0f', until_[i]),
          'PX', math.ceil((until_[i] - now) / 1000) + 1)
      end
    end
    return found
    """,
)


class Rate(NamedTuple):
    """So much a second in the long run, and at most a burst at once."""

    per_s: float
    burst: int


class Quota(NamedTuple):
    """How much may be done; None: as much as there is."""

    requests: Rate | None
    transfers: Rate | None


class Limit(NamedTuple):
    """A rate, and how much of it is wanted at once."""

    name: str
    """What callers know it by, such as `key-requests`."""
    subject: str
    """Whose it is."""
    rate: Rate
    cost: int


class Standing(NamedTuple):
    """How a limit stands."""

    limit: Limit
    remaining: int
    """How much more would be let in at once."""
    reset_s: float
    """In how long all of the burst is there again."""
    wait_s: float
    """In how long what was wanted would be let in; 0 when it is."""


def read_quota(stored: Mapping[str, Any]) -> Quota | None:
    """Read a quota as it is stored."""
    requests = _rate(stored.get("requestsPerSecond", 0), stored.get("requestBurst", 0))
    transfers = _rate(stored.get("transfersPerSecond", 0), stored.get("transferBurst", 0))
    if requests is None and transfers is None:
        return None
    return Quota(requests, transfers)


def limits(whose: str, subject: str, quota: Quota | None, *, commands: int) -> list[Limit]:
    """Return the limits that a call with so many commands is bound by."""
    if quota is None:
        return []
    found = []
    if quota.requests is not None:
        found.append(Limit(f"{whose}-requests", subject, quota.requests, 1))
    if quota.transfers is not None and commands:
        found.append(Limit(f"{whose}-transfers", subject, quota.transfers, commands))
    return found


class Quotas:
    """Takes from limits, all or nothing."""

    def __init__(self, redis: Redis | None):
        """Without Redis every server counts for itself."""
        self._redis = redis
        self._server = uuid4().hex
        self._servers = 1
        self._local = LocalQuotas()

    async def take(self, wanted: Sequence[Limit]) -> list[Standing]:
        """Take what is wanted from all limits, or, where one refuses, from none.

        While Redis is away each server lets in its part, by how many there were: more than
        nothing, and not several times what is allowed.
        """
        if self._redis is not None:
            try:
                return await self._take(self._redis, wanted)
            except RedisAwayError:
                pass
        return self._local.take(wanted, time.monotonic(), self._servers)

    async def _take(self, redis: Redis, wanted: Sequence[Limit]) -> list[Standing]:
        keys = [f"{{yupana:quotas}}:{each.name}:{each.subject}" for each in wanted]
        arguments: list[str | int] = [self._server, SERVER_S]
        for each in wanted:
            arguments += [repr(1_000_000 / each.rate.per_s), each.rate.burst, each.cost]
        answer = await _SCRIPT.run(redis, [*keys, "{yupana:quotas}:servers"], arguments)
        self._servers = max(int(answer[0]), 1)
        waits = [int(each) / 1e6 for each in answer[2::2]]
        return _standings(wanted, [int(each) / 1e6 for each in answer[1::2]], waits)


class LocalQuotas:
    """The same in memory, for one of several servers."""

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def take(self, wanted: Sequence[Limit], now: float, servers: int) -> list[Standing]:
        """Take what is wanted from all limits, or, where one refuses, from none."""
        owed, waits = [], []
        for each in wanted:
            interval = servers / each.rate.per_s
            # Of a burst too small for all servers each lets in one call nevertheless.
            room = interval * max(each.rate.burst / servers, 1, min(each.cost, each.rate.burst))
            before = max(self._until.get(each[:2], now), now)
            owed.append(before - now)
            wait_s = before + interval * each.cost - room - now
            waits.append(wait_s if wait_s > ROUNDING_S else 0.0)
        if not any(waits):
            for each, before in zip(wanted, owed, strict=True):
                self._until[each[:2]] = now + before + each.cost * servers / each.rate.per_s
                self._until.move_to_end(each[:2])
            while len(self._until) > KEPT_MAX:
                self._until.popitem(last=False)
        return _standings(wanted, owed, waits)


def _standings(
    wanted: Sequence[Limit], owed_s: Sequence[float], waits_s: Sequence[float]
) -> list[Standing]:
    refused = any(waits_s)
    found = []
    for each, before_s, wait_s in zip(wanted, owed_s, waits_s, strict=True):
        owed = before_s if refused else before_s + each.cost / each.rate.per_s
        remaining = max(int(each.rate.burst - owed * each.rate.per_s + 1e-6), 0)
        found.append(Standing(each, remaining, owed, wait_s))
    return found


def _rate(per_s: float, burst: int) -> Rate | None:
    return Rate(per_s, burst or max(int(per_s), 1)) if per_s else None
