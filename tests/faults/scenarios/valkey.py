"""R11: Valkey is flushed, killed, stalled, full or set back; reads get slower, never wrong."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import redis
from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

from support.journals import execute
from support.replicas import Pair
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.messages.tokens import Position

TIMES = 3
LOST = 50
"""How many outcomes are acknowledged at least that the standby lacks."""

STALL_S = 1.0
"""Longer than anybody waits for an answer of Redis."""

Disturb = Callable[[EmbeddedValkey], Awaitable[None]]


@scenario(ci=True)
async def valkey_is_flushed(stage: Stage, seed: int) -> Report:
    """All keys go, or a part of them: what is missing means nothing."""
    random = Random(seed)

    async def flush(valkey: EmbeddedValkey) -> None:
        client = redis.Redis.from_url(valkey.url())
        keys = sorted(client.keys("*"))
        some = random.sample(keys, len(keys) // 2)
        if some and random.random() < 0.7:
            client.delete(*some)
        else:
            client.flushall()

    return await _disturbed(stage, seed, flush, times=4 * TIMES, every=25)


@scenario(ci=True)
async def valkey_is_killed(stage: Stage, seed: int) -> Report:
    """It comes back empty."""

    async def kill(valkey: EmbeddedValkey) -> None:
        await asyncio.to_thread(valkey.kill)
        await asyncio.to_thread(valkey.start)

    return await _disturbed(stage, seed, kill)


@scenario(ci=False)
async def valkey_stalls(stage: Stage, seed: int) -> Report:
    """It closes nothing and says nothing, and then goes on with what it was told before."""

    async def stall(valkey: EmbeddedValkey) -> None:
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGSTOP)
        await asyncio.sleep(STALL_S)
        os.kill(valkey.pid, signal.SIGCONT)

    return await _disturbed(stage, seed, stall)


@scenario(ci=False)
async def valkey_is_full(stage: Stage, seed: int) -> Report:
    """It refuses to write, or throws keys away, and has room again."""
    policies = iter(["noeviction", "allkeys-random", "allkeys-lru"])

    async def fill(valkey: EmbeddedValkey) -> None:
        client = redis.Redis.from_url(valkey.url())
        client.config_set("maxmemory-policy", next(policies))
        client.config_set("maxmemory", str(client.info("memory")["used_memory"]))
        await asyncio.sleep(STALL_S)
        client.config_set("maxmemory", "0")

    return await _disturbed(stage, seed, fill)


@scenario(ci=False)
async def valkey_is_set_back(stage: Stage, seed: int) -> Report:
    """It is again what it was a while ago, as after a failover to a replica that lagged."""

    async def set_back(valkey: EmbeddedValkey) -> None:
        await asyncio.to_thread(valkey.kill)
        await asyncio.to_thread(valkey.start)  # With what the last save wrote.
        await asyncio.sleep(STALL_S)
        redis.Redis.from_url(valkey.url()).save()

    return await _disturbed(stage, seed, set_back)


@scenario(ci=False)
async def feeds_are_killed_while_they_fold(stage: Stage, seed: int) -> Report:
    """Two feeds fold the same view; one of them ends, and begins again, at any moment."""
    valkey = await stage.start_valkey()
    environment = {"YUPANA_REDIS_URL": valkey.url()}
    feeds = [await stage.start_feed(environment=environment) for _ in range(2)]
    await stage.start_ledger(environment=environment)
    random = Random(seed)
    async with stage.load(seed) as load:
        for _ in range(TIMES):
            await load.acknowledged(random.randint(50, 100), more=True)
            feed = random.choice(feeds)
            await asyncio.to_thread(feed.kill)
            await asyncio.to_thread(feed.restart)
        await load.acknowledged(100, more=True)
    return await _checked(stage, load.book_id, valkey, await stage.check(load))


@scenario(ci=False)
async def a_tail_is_lost_that_the_view_has(stage: Stage, seed: int) -> Report:
    """R9: Postgres fails over to a standby that lacks what is folded; the view begins anew."""
    server = await stage.own_postgres()
    pair = Pair(server, stage.folder / "standby")
    stage.at_end(pair.end)
    await asyncio.to_thread(pair.start)
    valkey = await stage.start_valkey()
    environment = {"YUPANA_REDIS_URL": valkey.url()}
    url = pair.url(stage.database, "yupana_feed")
    feed = await stage.start_feed(url=url, environment=environment)
    for _ in range(2):
        await stage.start_ledger(url=pair.url(stage.database), environment=environment)
    async with stage.load(seed) as load:
        await load.acknowledged(Random(seed).randint(100, 200), more=True)
        await asyncio.to_thread(pair.cut_off)
        [(common_seq,)] = execute(
            pair.standby.url(stage.database.name), "SELECT max(seq) FROM yupana.journal"
        )
        await load.acknowledged(LOST, more=True)
        await asyncio.to_thread(pair.fail_over)
        stage.database = replace(stage.database, server=pair.standby)
        await load.acknowledged(200, more=True)
        async with asyncio.timeout(60):
            while not (_accounts(valkey, load.book_id) and "why=history" in _plain(feed.log())):
                await asyncio.sleep(0.05)
    lost_after = Position(1, int(str(common_seq)))
    return await stage.check(load, allowed_to_lose_after=lost_after)


def _plain(log: str) -> str:
    """Return a log of JSON as the console would show it."""
    return log.replace('"', "").replace(": ", "=")


async def _disturbed(
    stage: Stage, seed: int, disturb: Disturb, *, times: int = TIMES, every: int = 75
) -> Report:
    """Disturb a Valkey under a load, about every so many answers."""
    valkey = await stage.start_valkey()
    environment = {"YUPANA_REDIS_URL": valkey.url()}
    await stage.start_feed(environment=environment)
    for _ in range(2):
        await stage.start_ledger(environment=environment)
    random = Random(seed)
    async with stage.load(seed) as load:
        for _ in range(times):
            await load.acknowledged(random.randint(every // 2, 3 * every // 2), more=True)
            await disturb(valkey)
        await load.acknowledged(100, more=True)
        async with asyncio.timeout(60):
            while not _accounts(valkey, load.book_id):
                await asyncio.sleep(0.05)
    return await stage.check(load)


def _accounts(valkey: EmbeddedValkey, book_id: str) -> int:
    """Count the accounts in the view: something has to have been read from it."""
    client = redis.Redis.from_url(valkey.url())
    return len(client.keys(f"yupana:view:*{{{book_id}@*}}:*"))


async def _checked(stage: Stage, book_id: str, valkey: EmbeddedValkey, report: Report) -> Report:
    if not _accounts(valkey, book_id):
        report.wrong("nothing was ever read from the view: nothing was tried")
    return report
