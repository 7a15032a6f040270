"""A pool of connections, driven directly."""

import asyncio

import pytest

from support.databases import Database
from yupana_server.journal.pool import Pool


@pytest.mark.parametrize("turns", range(4))
async def test_connection_when_it_comes_as_the_task_is_cancelled_then_the_task_ends(
    shared_database: Database, turns: int
) -> None:
    pool = Pool(
        shared_database.ledger_url,
        name="one",
        connections_max=1,
        answer_timeout_s=10.0,
        settings={},
    )
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
