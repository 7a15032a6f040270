"""The ledger is killed at the moments that matter, which a proxy before Postgres knows."""

import asyncio
from random import Random

from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

KILLS = 3
STRIKE_TIMEOUT_S = 60


@scenario(ci=False)
async def killed_before_deciding(stage: Stage, seed: int) -> Report:
    """SIGKILL while ids are looked up: nobody was told anything, nothing is there."""
    return await _killed(stage, seed, "stall before decide")


@scenario(ci=True)
async def killed_during_copy(stage: Stage, seed: int) -> Report:
    """SIGKILL while Postgres waits for rows: nothing of the batch may be there."""
    return await _killed(stage, seed, "stall inside copy")


@scenario(ci=True)
async def killed_after_commit_before_answer(stage: Stage, seed: int) -> Report:
    """SIGKILL when Postgres has committed and nobody knows: all of the batch must be found."""
    return await _killed(stage, seed, "stall after commit")


@scenario(ci=True)
async def one_of_several_processes_killed(stage: Stage, seed: int) -> Report:
    """SIGKILL of one process after another that serve at one port: others serve its book."""
    several = await stage.start_several()
    random = Random(seed)
    async with stage.load(seed) as load:
        for kill in range(KILLS):
            await load.acknowledged(random.randint(50, 150), more=True)
            place = (seed + kill) % 2  # That of the book, and the other one.
            process = await asyncio.to_thread(several.kill_child, place)
            await load.acknowledged(50, more=True)
            assert await asyncio.to_thread(several.back, place, process), several.log()
        await load.acknowledged(100, more=True)
    return await stage.check(load)


async def _killed(stage: Stage, seed: int, moment: str) -> Report:
    proxy = await stage.proxy()
    ledger = await stage.start_ledger(url=proxy.url)
    random = Random(seed)
    async with stage.load(seed) as load:
        for _ in range(KILLS):
            await load.acknowledged(random.randint(50, 150), more=True)
            proxy.strike(moment)
            await asyncio.wait_for(proxy.struck.wait(), STRIKE_TIMEOUT_S)
            ledger.kill()
            proxy.release()
            await asyncio.to_thread(ledger.restart)
        await load.acknowledged(100, more=True)
    return await stage.check(load)
