"""Postgres has no room left: for its tables, and for its log. Needs the right to mount a tmpfs."""

import asyncio
import os
from random import Random

import psycopg
from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

from support.journals import execute
from support.replicas import wait_for
from support.small_disk import SmallDisk
from yupana_server.dev.postgres import EmbeddedPostgres

FILLED = 2
"""How often the disk is filled."""


@scenario(ci=False)
async def disk_of_the_tables_is_full(stage: Stage, seed: int) -> Report:
    """Batches are refused, and health says so; when there is room, all goes on by itself."""
    random = Random(seed)
    disk = _small_disk(stage, size_mb=48)
    server = await stage.own_postgres()
    await asyncio.to_thread(_move_tables, server, stage.database.name, disk)
    ledger = await stage.start_ledger()
    async with stage.load(seed) as load:
        for _ in range(FILLED):
            await load.acknowledged(random.randint(50, 200), more=True)
            await asyncio.to_thread(disk.fill)
            await asyncio.to_thread(wait_for, lambda: not ledger.serving("yupana.postgres"))
            disk.free()
            await asyncio.to_thread(wait_for, lambda: ledger.serving("yupana.postgres"))
        await load.acknowledged(100, more=True)
    return await stage.check(load)


@scenario(ci=False)
async def disk_of_the_log_is_full(stage: Stage, seed: int) -> Report:
    """Postgres ends itself when it cannot write its log, and is started again by its operator."""
    random = Random(seed)
    disk = _small_disk(stage, size_mb=320)
    server = await stage.own_postgres(folder=disk.folder / "postgres")
    await stage.start_ledger()
    async with stage.load(seed) as load:
        for _ in range(FILLED):
            await load.acknowledged(random.randint(50, 200), more=True)
            await asyncio.to_thread(disk.fill)
            await asyncio.to_thread(wait_for, lambda: _refuses_to_go_on(server))
            disk.free()
            await asyncio.to_thread(server.restart, "immediate")
        await load.acknowledged(100, more=True)
    return await stage.check(load)


def _small_disk(stage: Stage, *, size_mb: int) -> SmallDisk:
    disk = SmallDisk(stage.folder / "disk", size_mb)
    stage.at_end(disk.end)
    return disk


def _move_tables(server: EmbeddedPostgres, database: str, disk: SmallDisk) -> None:
    """Have the database's tables lie on the small disk; the log stays where it is."""
    folder = disk.folder / "tables"
    folder.mkdir()
    owner = server.data_dir.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    execute(server.url(), f"CREATE TABLESPACE small LOCATION '{folder}'")
    execute(server.url(), f"ALTER DATABASE {database} SET TABLESPACE small")


def _refuses_to_go_on(server: EmbeddedPostgres) -> bool:
    """Have a new piece of the log begun, for which there is no room."""
    try:
        execute(server.url(), "SELECT pg_switch_wal()")
        execute(server.url(), "SELECT pg_logical_emit_message(false, '', '', true)")
    except psycopg.OperationalError:
        return True
    return False
