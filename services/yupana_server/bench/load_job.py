"""The client process's side: runs one load and sums it up."""

import asyncio
import random
from contextlib import AsyncExitStack

from yupana_server.bench.clients import Line
from yupana_server.bench.driving import Tally, closed_loop, open_loop
from yupana_server.bench.loads import Load, Place
from yupana_server.bench.results import LoadRun
from yupana_server.bench.senders import make_senders
from yupana_server.bench.summing import summed_up


def run_load(load: Load, place: Place, seed: int, line: Line) -> LoadRun:
    """Make everything ready, wait for the others, run the load."""
    return asyncio.run(_run_load(load, place, seed, line))


async def _run_load(load: Load, place: Place, seed: int, line: Line) -> LoadRun:
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    async with AsyncExitStack() as stack:
        senders = await make_senders(load, place, stack, chance)
        tally = Tally(await asyncio.to_thread(line.window))
        if load.calls_per_s is None:
            await closed_loop(senders, tally)
        else:
            await open_loop(senders, tally, load.calls_per_s, chance)
    return summed_up(tally, is_open_loop=load.is_open_loop, reads=load.what.reads)
