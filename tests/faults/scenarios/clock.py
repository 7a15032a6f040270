"""Clocks are stepped: of one server, and of everything that has one (R8)."""

import asyncio
import time
from random import Random

from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

from support.journals import execute
from support.stepped_clock import SteppedLedger, step_postgres

STEPS_S = (3600, -3600, 2, -2, 0.5, -0.5, 0.1, -0.1)
"""An hour, in which holds of the load would fall due; and around what is tolerated."""

FURTHER_S = 4
"""How far all clocks are stepped at once: when they are set back, nothing is decided for three
seconds."""

AHEAD_MAX_S = 1.25
"""A second behind the tail, and by how much clocks may differ."""


@scenario(ci=True)
async def clock_of_a_server_is_stepped(stage: Stage, seed: int) -> Report:
    """It refuses what it cannot date; the other server goes on, and no hold expires early."""
    stepped = await _start_stepped(stage)
    await stage.start_ledger()
    problems: list[str] = []
    async with stage.load(seed, timeout_s=5) as load:
        for step_s in Random(seed).sample(STEPS_S, len(STEPS_S)):
            await load.acknowledged(30, more=True)
            stepped.step(step_s)
            await load.acknowledged(50, more=True)
            _check_dates(stage, problems)
            stepped.step(0)
        await load.acknowledged(50, more=True)
    report = await stage.check(load)
    report.problems += problems
    if "ClockSkewError" not in stepped.log():
        report.wrong("the stepped server refused nothing: nothing was tried")
    return report


@scenario(ci=False)
async def all_clocks_are_stepped(stage: Stage, seed: int) -> Report:
    """Servers and database agree on a wrong time, then on the right one: time never goes back."""
    ledgers = [await _start_stepped(stage) for _ in range(2)]

    async def step(seconds: float) -> None:
        await asyncio.to_thread(step_postgres, stage.database, seconds)
        for ledger in ledgers:
            ledger.step(seconds)

    problems: list[str] = []
    async with stage.load(seed) as load:
        for _ in range(2):
            await load.acknowledged(100, more=True)
            await step(FURTHER_S)
            await load.acknowledged(50, more=True)
            await step(0)
            await load.acknowledged(50, more=True)
            _check_dates(stage, problems)
    report = await stage.check(load)
    report.problems += problems
    return report


def _check_dates(stage: Stage, problems: list[str]) -> None:
    """What is recorded lies no further ahead of the right time than R8 lets it."""
    newest = "SELECT extract(epoch FROM max(recorded_at))::float FROM yupana.journal"
    ahead_s = float(str(execute(stage.database.ledger_url, newest)[0][0])) - time.time()
    if ahead_s > AHEAD_MAX_S:
        problems.append(f"the newest entry lies {ahead_s:.1f} s ahead of the right time")


async def _start_stepped(stage: Stage) -> SteppedLedger:
    log_path = stage.folder / f"ledger-{len(stage.ledgers)}.log"
    ledger = SteppedLedger(stage.database.ledger_url, log_path)
    stage.ledgers.append(ledger)
    stage.at_end(ledger.kill)
    await asyncio.to_thread(ledger.start)
    return ledger
