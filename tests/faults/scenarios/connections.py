"""Connections are cut, slow, or silent; between clients and ledgers, and before Postgres."""

import asyncio
from random import Random

from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

CUTS = 10
ADDED_LATENCY_S = 0.3

SILENCE_S = 12.0
"""Longer than any call of the load waits, and than any step of an append may take."""


@scenario(ci=True)
async def connections_cut_during_commit(stage: Stage, seed: int) -> Report:
    """Again and again nobody learns what became of a commit."""
    proxy = await stage.proxy()
    await stage.start_ledger(url=proxy.url)
    random = Random(seed)
    async with stage.load(seed) as load:
        for _ in range(CUTS):
            await load.acknowledged(random.randint(1, 60), more=True)
            proxy.strike(random.choice(["cut during commit"] * 3 + ["cut before commit"]))
            await asyncio.wait_for(proxy.struck.wait(), 60)
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=False)
async def latency_of_300_ms_before_postgres(stage: Stage, seed: int) -> Report:
    """Everything between two ledgers and Postgres takes 300 ms longer, there and back."""
    network = await stage.network_to_postgres()
    for _ in range(2):
        await stage.start_ledger(url=stage.through(network))
    async with stage.load(seed) as load:
        await load.acknowledged(100)
        network.delay_s = ADDED_LATENCY_S / 2
        await load.acknowledged(80, more=True)
        network.delay_s = 0
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=False)
async def latency_of_300_ms_before_the_ledger(stage: Stage, seed: int) -> Report:
    """Everything between clients and one of two ledgers takes 300 ms longer, there and back."""
    slow, fast = [await stage.start_ledger() for _ in range(2)]
    network = await stage.network(slow.address)
    network.delay_s = ADDED_LATENCY_S / 2
    async with stage.load(seed, addresses=[network.address, fast.address]) as load:
        await load.acknowledged(500)
    return await stage.check(load)


@scenario(ci=False)
async def half_open_connections_to_postgres(stage: Stage, seed: int) -> Report:
    """What is connected goes silent for good, new connections are well: the ledger finds out."""
    network = await stage.network_to_postgres()
    await stage.start_ledger(url=stage.through(network))
    async with stage.load(seed) as load:
        await load.acknowledged(100)
        assert network.freeze()
        await load.acknowledged(200, more=True)
        network.thaw()
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=False)
async def half_open_connections_to_the_ledger(stage: Stage, seed: int) -> Report:
    """One of two ledgers goes silent; much later all that was sent arrives at once."""
    silent, well = [await stage.start_ledger() for _ in range(2)]
    network = await stage.network(silent.address)
    async with stage.load(seed, addresses=[network.address, well.address]) as load:
        await load.acknowledged(100)
        assert network.freeze()
        await load.acknowledged(100, more=True)
        await asyncio.sleep(SILENCE_S)
        network.thaw()
        await load.acknowledged(200, more=True)
    return await stage.check(load)
