"""Postgres ends, moves to another server, or runs out of room."""

import asyncio
from dataclasses import replace
from random import Random

from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

from support.journals import execute
from support.network import Network
from support.replicas import Pair, wait_for
from yupana_server.messages.tokens import Position

RESTARTS = 3
LOST = 50
"""How many outcomes are acknowledged at least that the standby lacks."""


@scenario(ci=True)
async def postgres_restarts_at_once(stage: Stage, seed: int) -> Report:
    """An `immediate` restart is a crash: what had not committed is gone, and so are connections."""
    random = Random(seed)
    server = await stage.own_postgres()
    for _ in range(2):
        await stage.start_ledger()
    async with stage.load(seed) as load:
        for _ in range(RESTARTS):
            await load.acknowledged(_some(random), more=True)
            await asyncio.to_thread(server.restart, "immediate")
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=True)
async def postgres_fails_over_to_a_synchronous_standby(stage: Stage, seed: int) -> Report:
    """The primary ends; whatever was acknowledged is on the standby."""
    random = Random(seed)
    pair = await _pair(stage)
    await asyncio.to_thread(pair.wait_for_standby)
    async with stage.load(seed) as load:
        await load.acknowledged(_some(random), more=True)
        await _fail_over(stage, pair)
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=False)
async def postgres_fails_over_while_commits_wait(stage: Stage, seed: int) -> Report:
    """The primary is cut off first: what it has committed by itself is no answer to anybody."""
    random = Random(seed)
    pair = await _pair(stage)
    await asyncio.to_thread(pair.wait_for_standby)
    async with stage.load(seed) as load:
        await load.acknowledged(_some(random), more=True)
        await asyncio.to_thread(pair.cut_off)
        await asyncio.to_thread(wait_for, lambda: _commits_wait(pair))
        await _fail_over(stage, pair)
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=False)
async def postgres_hangs_and_fails_over(stage: Stage, seed: int) -> Report:
    """The primary hangs and closes nothing: every wait for it has to end by itself."""
    random = Random(seed)
    pair = await _pair(stage)
    await asyncio.to_thread(pair.wait_for_standby)
    async with stage.load(seed) as load:
        await load.acknowledged(_some(random), more=True)
        await asyncio.to_thread(pair.freeze)
        await asyncio.to_thread(pair.promote)
        stage.database = replace(stage.database, server=pair.standby)
        await load.acknowledged(100, more=True)
        await asyncio.to_thread(pair.primary.kill)
    return await stage.check(load)


@scenario(ci=False)
async def postgres_is_switched_while_the_old_one_lives(stage: Stage, seed: int) -> Report:
    """A TCP switch fences the primary: it goes on, and nobody reaches it."""
    random = Random(seed)
    pair = await _pair(stage, ledgers=0)
    await asyncio.to_thread(pair.wait_for_standby)
    switch = await stage.enter(Network(f"127.0.0.1:{pair.primary.port}"))
    old = f"127.0.0.1:{pair.primary.port}"
    for _ in range(2):
        await stage.start_ledger(url=stage.database.ledger_url.replace(old, switch.address))
    async with stage.load(seed) as load:
        await load.acknowledged(_some(random), more=True)
        # The standby refuses until it is promoted, reads as well: it may lag.
        switch.switch(f"127.0.0.1:{pair.standby.port}")
        await asyncio.to_thread(pair.cut_off)
        await asyncio.to_thread(pair.promote)
        stage.database = replace(stage.database, server=pair.standby)
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=True)
async def postgres_fails_over_and_loses_a_tail(stage: Stage, seed: int) -> Report:
    """An asynchronous standby lacks the newest entries: a new epoch, and no mixing of histories."""
    random = Random(seed)
    pair = await _pair(stage)
    async with stage.load(seed) as load:
        await load.acknowledged(_some(random), more=True)
        await asyncio.to_thread(pair.cut_off)
        common_seq = _newest_seq(pair.standby.url(stage.database.name))
        await load.acknowledged(LOST, more=True)
        await _fail_over(stage, pair)
        await load.acknowledged(100, more=True)
    report = await stage.check(load, allowed_to_lose_after=Position(1, common_seq))
    _check_cut(stage, report, common_seq)
    return report


async def _pair(stage: Stage, *, ledgers: int = 2) -> Pair:
    """Start a primary with a standby, and ledgers that find the one that takes writes."""
    server = await stage.own_postgres()
    pair = Pair(server, stage.folder / "standby")
    stage.at_end(pair.end)
    await asyncio.to_thread(pair.start)
    for _ in range(ledgers):
        await stage.start_ledger(url=pair.url(stage.database))
    return pair


def _some(random: Random) -> int:
    """How many answers to wait for, so that another seed breaks things at another moment."""
    return random.randint(100, 300)


async def _fail_over(stage: Stage, pair: Pair) -> None:
    await asyncio.to_thread(pair.fail_over)
    stage.database = replace(stage.database, server=pair.standby)


def _commits_wait(pair: Pair) -> bool:
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    return bool(execute(pair.primary.url(), waiting))


def _newest_seq(url: str) -> int:
    return int(str(execute(url, "SELECT max(seq) FROM yupana.journal")[0][0]))


def _check_cut(stage: Stage, report: Report, common_seq: int) -> None:
    """The servers must have noticed one cut, and tell no more as common than was there."""
    cuts = execute(stage.database.admin_url, "SELECT epoch, common_seq FROM yupana.epochs")
    if [epoch for epoch, _ in cuts] != [2] or int(str(cuts[0][1])) > common_seq:
        report.wrong(f"the history was cut after {common_seq}, the epochs are {cuts}")
    if not any("history_cut" in ledger.log() for ledger in stage.ledgers):
        report.wrong("no server says in its log that the history was cut")
    if not report.given_up:
        report.wrong("nothing that was acknowledged went with the tail: nothing was tried")
