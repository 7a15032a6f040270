"""Which Postgres the processes find, and which they refuse."""

import asyncio

import pytest
from faults.stage import Stage

from support.databases import Database
from support.replicas import Pair
from yupana import DeadlineExceeded, Unavailable, Yupana
from yupana_server.dev.ports import pick_port
from yupana_server.journal.migrate import migrate


async def test_r12_standby_when_connected_to_it_then_nothing_is_answered(stage: Stage) -> None:
    pair = Pair(await stage.own_postgres(), stage.folder / "standby")
    stage.at_end(pair.end)
    await asyncio.to_thread(pair.start)
    good = await stage.start_ledger()
    async with Yupana(good.address) as client:
        await client.create_book("b")
        await client.book("b").open_asset("USD", scale=2)
        await client.book("b").open_account("world", asset="USD")
    # It may lag, so that a read from it would not see every answer that was given.
    wrong = await stage.start_ledger(Database(pair.standby, stage.database.name))
    async with Yupana(wrong.address) as client:
        with pytest.raises((Unavailable, DeadlineExceeded)):
            await client.book("b").account("world", timeout_s=5)
        await asyncio.to_thread(pair.fail_over)
        assert (await client.book("b").account("world", timeout_s=30)).balance == 0


def test_migrate_when_the_url_names_several_hosts_then_finds_the_one_that_answers(
    database: Database,
) -> None:
    here = f"127.0.0.1:{database.server.port}"
    several = database.admin_url.replace(here, f"127.0.0.1:{pick_port()},{here}")
    assert migrate(f"{several}?target_session_attrs=read-write") == []
