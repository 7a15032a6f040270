"""A pool of connections, driven directly."""

import asyncio
import random
import time

import pytest

from support.databases import Database
from yupana_server.journal.pool import Pool


def pool_of(database: Database, connections: int) -> Pool:
    return Pool(
        database.ledger_url,
        name="pool",
        connections_max=connections,
        answer_timeout_s=10.0,
        settings={},
    )


@pytest.mark.parametrize("turns", range(4))
async def test_connection_when_it_comes_as_the_task_is_cancelled_then_the_task_ends(
    shared_database: Database, turns: int
) -> None:
    pool = pool_of(shared_database, 1)
    await pool.open(wait_s=10)

    async def use() -> None:
        async with pool.connection("SELECT", "yupana"):
            await asyncio.sleep(60)

    try:
        async with pool.connection("SELECT", "yupana"):
            task = asyncio.create_task(use())
            await asyncio.sleep(0.01)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()
        async with pool.connection("SELECT", "yupana") as connection:
            assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    finally:
        await pool.close()


async def test_connections_when_their_users_are_cancelled_at_any_moment_then_none_is_lost(
    shared_database: Database,
) -> None:
    pool = pool_of(shared_database, 2)
    await pool.open(wait_s=10)
    chance = random.Random(1)

    async def use() -> None:
        async with pool.connection("SELECT", "yupana") as connection:
            await connection.execute("SELECT 1")

    async def go_away_again_and_again() -> None:
        ends_at = time.monotonic() + 4
        while time.monotonic() < ends_at:
            users = [asyncio.create_task(use()) for _ in range(3)]
            await asyncio.sleep(chance.random() * 0.002)
            for user in users:
                user.cancel()
            await asyncio.gather(*users, return_exceptions=True)

    try:
        await asyncio.gather(*(go_away_again_and_again() for _ in range(4)))
        async with asyncio.timeout(2):
            await asyncio.gather(use(), use())
            while (found := pool.use()).idle < found.size:
                await asyncio.sleep(0.01)
    finally:
        await pool.close()
