"""The client process's side: runs one load and sums it up."""

import asyncio
import gc
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack

from yupana_server.bench.clients import Line
from yupana_server.bench.driving import Tally, closed_loop, open_loop
from yupana_server.bench.loads import Load, Place
from yupana_server.bench.percentiles import curve, summary
from yupana_server.bench.results import LoadRun
from yupana_server.bench.schedule import Window
from yupana_server.bench.senders import make_senders

BUCKET_S = 0.1


def run_load(load: Load, place: Place, seed: int, line: Line) -> LoadRun:
    """Make everything ready, wait for the others, run the load."""
    # What is collected in the middle of a run is a pause that is not the server's.
    gc.collect()
    gc.freeze()
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
    return summed_up(tally, is_open_loop=load.is_open_loop)


def summed_up(tally: Tally, *, is_open_loop: bool) -> LoadRun:
    """Return rates and latencies of what was measured."""
    duration_s = tally.window.duration_s
    latencies_ms = [latency_s * 1000 for latency_s in tally.latencies_s]
    return LoadRun(
        commands_per_s=tally.outcomes.total() / duration_s,
        calls_per_s=tally.calls / duration_s,
        outcomes=dict(tally.outcomes),
        errors=tally.errors,
        first_error=tally.first_error,
        is_open_loop=is_open_loop,
        latency_ms=summary(latencies_ms),
        curve_ms=curve(latencies_ms),
        per_bucket=buckets(tally.window, tally.done_at, tally.done_commands),
    )


def buckets(window: Window, done_at: Sequence[float], commands: Sequence[int]) -> list[float]:
    """Return commands per second over the measured time, in buckets of BUCKET_S."""
    counts = [0] * max(1, round(window.duration_s / BUCKET_S))
    for moment, count in zip(done_at, commands, strict=True):
        if window.measures(moment):
            place = int((moment - window.measured_from) / BUCKET_S)
            counts[min(place, len(counts) - 1)] += count
    return [count / BUCKET_S for count in counts]
