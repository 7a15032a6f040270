"""Random commands of every kind through writers that remember next to nothing.

Whatever they load, forget and load again, and whoever comes first: what the journal says in the end
must be what the rules give when the whole book is in memory.
"""

import asyncio
import os

import pytest

from support.databases import Database
from support.journals import execute, verified
from support.random_commands import ACCOUNTS, RandomCommands
from support.writers import send, writers
from yupana_server.book.commands import (
    CaptureHold,
    CreateHold,
    Kind,
    OpenAccount,
    OpenAsset,
    SetLimits,
)
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason
from yupana_server.ledger.memory import MemoryBounds
from yupana_server.ledger.submission import Submission
from yupana_server.ledger.writer import Writer

TINY = MemoryBounds(accounts_max=3, outcomes_max=20, assets_max=1, holds_max=10)
THOROUGH = os.environ.get("YUPANA_HYPOTHESIS_PROFILE") == "thorough"
SEEDS = range(40 if THOROUGH else 2)


async def begin(writer: Writer) -> None:
    """Open the accounts, all but the first with a floor of zero."""
    await send(
        writer,
        OpenAsset("usd", "USD", 2),
        *(OpenAccount(f"open-{name}", name, "USD") for name in ACCOUNTS),
        *(SetLimits(f"limits-{name}", name, 0) for name in ACCOUNTS[1:]),
    )


async def play(writer: Writer, commands: RandomCommands, *, requests: int) -> list[Outcome]:
    """Send requests one after the other, some of them a second time."""
    outcomes: list[Outcome] = []
    for number in range(requests):
        units = [commands.unit() for _ in range(8)]
        for _ in range(2 if number % 7 == 0 else 1):
            deadline = asyncio.get_running_loop().time() + 30
            answer = await writer.submit(Submission(units, deadline, weight=8_000))
            outcomes += answer.outcomes
    return outcomes


@pytest.mark.parametrize("seed", SEEDS)
async def test_journal_when_writers_forget_everything_then_it_is_what_the_rules_give(
    database: Database, seed: int
) -> None:
    async with writers(database) as make:
        await begin(make())
        busy = [make(bounds=TINY), make(bounds=TINY), make()]
        players = [RandomCommands(seed * 10 + i, f"s{i}-") for i in range(len(busy))]
        async with asyncio.TaskGroup() as tasks:
            played = [
                tasks.create_task(play(writer, commands, requests=60))
                for writer, commands in zip(busy, players, strict=True)
            ]
    outcomes = [outcome for task in played for outcome in task.result()]
    done = {o.kind for o in outcomes if isinstance(o, Entry) and o.reason is None}
    assert done >= {Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE}
    assert any(isinstance(o, Replay) for o in outcomes)
    await verified(database.ledger_url, "b")
    _check_sums_in_sql(database)


DIFFERENTIAL = """
    WITH movements AS (
        SELECT seq, debit_account AS account, kind, amount, coalesce(hold_change, 0) AS change,
            1 AS debit, debit_debits_posted AS dp, debit_credits_posted AS cp,
            debit_debits_pending AS dh, debit_credits_pending AS ch
        FROM yupana.journal WHERE reason IS NULL AND debit_account IS NOT NULL
        UNION ALL
        SELECT seq, credit_account, kind, amount, coalesce(hold_change, 0), 0,
            credit_debits_posted, credit_credits_posted, credit_debits_pending,
            credit_credits_pending
        FROM yupana.journal WHERE reason IS NULL AND credit_account IS NOT NULL
    ), moved AS (
        SELECT *, CASE WHEN kind IN (3, 5, 10, 12) THEN amount ELSE 0 END AS posted FROM movements
    ), summed AS (
        SELECT *, sum(posted * debit) OVER account AS dp_sum,
            sum(posted * (1 - debit)) OVER account AS cp_sum,
            sum(change * debit) OVER account AS dh_sum,
            sum(change * (1 - debit)) OVER account AS ch_sum
        FROM moved WINDOW account AS (PARTITION BY account ORDER BY seq)
    )
    SELECT count(*), count(*) FILTER (
        WHERE (dp, cp, dh, ch) IS DISTINCT FROM (dp_sum, cp_sum, dh_sum, ch_sum)
    ) FROM summed
"""


def _check_sums_in_sql(database: Database) -> None:
    """Add up the journal by SQL alone: that must give the balances that the entries carry."""
    [(movements, wrong)] = execute(database.admin_url, DIFFERENTIAL)
    assert int(str(movements)) > 50
    assert wrong == 0


async def test_sums_in_sql_when_an_entry_is_forged_then_they_differ(database: Database) -> None:
    """Show that the check can fail."""
    async with writers(database) as make:
        writer: Writer = make()
        await begin(writer)
        await play(writer, RandomCommands(1), requests=30)
    [(newest,)] = execute(
        database.admin_url,
        "SELECT max(seq) FROM yupana.journal WHERE reason IS NULL AND debit_account IS NOT NULL",
    )
    execute(
        database.admin_url,
        "UPDATE yupana.journal SET debit_debits_posted = debit_debits_posted + 1 WHERE seq = %s",
        newest,
    )
    [(_, wrong)] = execute(database.admin_url, DIFFERENTIAL)
    assert wrong == 1


async def test_captures_when_many_race_over_servers_then_never_beyond_the_hold(
    database: Database,
) -> None:
    async with writers(database) as make:
        await begin(make())
        busy = [make() for _ in range(3)]
        await send(busy[0], CreateHold("h", "a0", "a1", 100))
        asked = [(writer, CaptureHold(f"c{i}", "h", 7)) for i, writer in enumerate(busy * 20)]
        answers = await asyncio.gather(*(send(writer, capture) for writer, capture in asked))
    entries = [entry for [entry] in answers if isinstance(entry, Entry)]
    assert len(entries) == 60
    assert sum(entry.amount or 0 for entry in entries if entry.reason is None) == 98
    assert {entry.reason for entry in entries} == {None, Reason.EXCEEDS_HOLD}
    await verified(database.ledger_url, "b")
