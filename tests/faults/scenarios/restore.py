"""The database goes back to a moment: whatever came later is gone, and nothing else."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from random import Random

from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

from support.backups import Archive
from support.journals import execute
from yupana_server.messages.tokens import Position


@scenario(ci=False)
async def restored_to_a_moment(stage: Stage, seed: int) -> Report:
    """From a base backup that was made meanwhile and the log; servers find it where the old was."""
    random, archive = Random(seed), Archive(stage.folder / "archive")
    server = await stage.own_postgres(archive.settings)
    ledgers = [await stage.start_ledger() for _ in range(2)]
    async with stage.load(seed) as load:
        await load.acknowledged(random.randint(50, 200), more=True)
        await asyncio.to_thread(archive.back_up, server)
        await load.acknowledged(random.randint(50, 200), more=True)
        [(moment,)] = await asyncio.to_thread(
            execute, server.url(), "SELECT clock_timestamp()::text"
        )
        await load.acknowledged(random.randint(50, 200), more=True)
        for ledger in ledgers:
            await asyncio.to_thread(ledger.stop)
        await asyncio.to_thread(archive.finish, server)
        await asyncio.to_thread(server.kill)
        restored = await asyncio.to_thread(
            archive.restore, stage.folder / "restored", until=str(moment), port=server.port
        )
        stage.at_end(restored.stop, "immediate")
        stage.database = replace(stage.database, server=restored)
        common_seq = await asyncio.to_thread(_begin_epoch, stage.database.ledger_url)
        for ledger in ledgers:
            await asyncio.to_thread(ledger.restart)
        await load.acknowledged(100, more=True)
    return await stage.check(load, allowed_to_lose_after=Position(1, common_seq))


def _begin_epoch(url: str) -> int:
    """Tell that history was cut, as the operator does before anything is served."""
    command = [sys.executable, "-m", "yupana_server.cli.main", "epoch", "raise", "--all-books"]
    subprocess.run([*command, "--database-url", url], check=True, capture_output=True)
    return int(str(execute(url, "SELECT max(common_seq) FROM yupana.epochs")[0][0]))
