"""Clients go away in the midst of what they asked for."""

from random import Random

from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

CANCELLATIONS = 20


@scenario(ci=True)
async def clients_cancel_everything_half_way(stage: Stage, seed: int) -> Report:
    """Whatever is under way is cancelled, again and again; what was sent has one outcome."""
    await stage.start_ledger()
    random, cancelled = Random(seed), 0
    async with stage.load(seed, pause_s=0.005) as load:
        for _ in range(CANCELLATIONS):
            await load.acknowledged(random.randint(1, 40), more=True)
            cancelled += load.cancel_calls()
        await load.acknowledged(100, more=True)
    assert cancelled
    return await stage.check(load)
