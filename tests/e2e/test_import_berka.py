"""A real bank's statement lines through `yupana import`, see shared/data/berka/README.md."""

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from support.databases import Database
from support.processes import LedgerProcess
from yupana import BookClient, Yupana

BERKA = Path(__file__).parents[3] / "shared" / "data" / "berka"
LINES = 49_102
BOOK = "berka"
CASH, BANKS, BANK = "cash", "other-banks", "interest-and-fees"
OTHER_SIDE = {
    "VKLAD": CASH,
    "VYBER": CASH,
    "VYBER KARTOU": CASH,
    "PREVOD Z UCTU": BANKS,
    "PREVOD NA UCET": BANKS,
    "": BANK,
}
IMPORT_TIMEOUT_S = 100
# About a fifth of the cash that is paid in, on the whole.
KILL_AFTER_CROWNS = 20_000_000
YUPANA = (sys.executable, "-m", "yupana_server.cli.main")

pytestmark = pytest.mark.skipif(
    not BERKA.is_dir(), reason="the folder shared/data/berka lies beside the repository's checkout"
)


@pytest.fixture
async def berka(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> AsyncIterator[tuple[LedgerProcess, BookClient]]:
    ledger = start_ledger(database, environment={"YUPANA_LOG_LEVEL": "info"})
    async with Yupana(ledger.address) as yupana:
        await yupana.create_book(BOOK)
        yield ledger, yupana.book(BOOK)


@pytest.mark.slow
async def test_import_when_berka_then_every_line_counts_once(
    berka: tuple[LedgerProcess, BookClient],
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger, book = berka
    statement = tmp_path / "berka.csv"
    expected = convert(statement)

    first = finish(start_import(ledger, statement))
    with capsys.disabled():
        sys.stdout.write(f"\n{LINES:,} lines of a bank: {first['per_second']:,} transfers/s\n")
    assert counts(first) == {"posted": LINES}
    assert await balances(book) == expected
    position = (await book.account("accounts:2378")).last_position

    second = finish(start_import(ledger, statement))
    assert counts(second) == {"replayed": LINES}
    assert await balances(book) == expected
    assert (await book.account("accounts:2378")).last_position == position
    verify(database)


@pytest.mark.slow
async def test_import_when_ledger_is_killed_on_the_way_then_it_ends_the_same(
    berka: tuple[LedgerProcess, BookClient], database: Database, tmp_path: Path
) -> None:
    ledger, book = berka
    statement = tmp_path / "berka.csv"
    expected = convert(statement)

    importing = start_import(ledger, statement)
    await until_moved(book, KILL_AFTER_CROWNS)
    ledger.kill()
    assert importing.poll() is None, "the import ended before the ledger was killed"
    ledger.restart()

    summary = finish(importing)
    assert summary["posted"] + summary["replayed"] == summary["lines"] == LINES
    assert await balances(book) == expected
    verify(database)


def convert(statement: Path) -> dict[str, int]:
    """Write the bank's lines as an import; return the balances that they sum up to."""
    expected: Counter[str] = Counter()
    with statement.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "debit", "credit", "amount", "effective_time", "label.operation"))
        for line in bank_lines():
            account, other = f"accounts:{line['account_id']}", OTHER_SIDE[line["operation"]]
            debit, credit = (other, account) if line["type"] == "PRIJEM" else (account, other)
            year, month, day = (line["date"][start : start + 2] for start in (0, 2, 4))
            date = f"19{year}-{month}-{day}"
            writer.writerow(
                (line["trans_id"], debit, credit, line["amount"], date, line["operation"])
            )
            hellers = int(line["amount"].replace(".", ""))
            expected[debit] -= hellers
            expected[credit] += hellers
    assert expected["accounts:2378"] == 5_095_620
    assert expected["accounts:576"] == 1_855_660
    return dict(expected)


def bank_lines() -> Iterator[dict[str, str]]:
    with (BERKA / "trans.asc").open(newline="") as file:
        yield from csv.DictReader(file, delimiter=";")


def start_import(ledger: LedgerProcess, statement: Path) -> subprocess.Popen[str]:
    options = ["--decimal", "--asset", "CZK", "--open-asset", "CZK:2", "--open-accounts"]
    return subprocess.Popen(
        [*YUPANA, "import", statement, "--book", BOOK, *options, "--json"],
        env={**os.environ, "YUPANA_SERVER": ledger.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(importing: subprocess.Popen[str]) -> dict[str, int]:
    """Wait for the import; return its summary."""
    output, errors = importing.communicate(timeout=IMPORT_TIMEOUT_S)
    assert importing.returncode == 0, errors + output
    summary: dict[str, int] = json.loads(output)
    return summary


def counts(summary: dict[str, int]) -> dict[str, int]:
    names = ("posted", "replayed", "rejected", "refused", "bad")
    return {name: summary[name] for name in names if summary[name]}


async def balances(book: BookClient) -> dict[str, int]:
    """Return every balance; they sum to zero."""
    found = {account.id: account.balance async for account in book.list_accounts()}
    assert sum(found.values()) == 0
    return found


async def until_moved(book: BookClient, crowns: int) -> None:
    """Wait until so much cash went in or out."""
    async with asyncio.timeout(IMPORT_TIMEOUT_S):
        while True:
            found = await book.accounts([CASH])
            if found and found[CASH].debits_posted >= crowns * 100:
                return
            await asyncio.sleep(0.02)


def verify(database: Database) -> None:
    environment = {**os.environ, "YUPANA_DATABASE_URL": database.ledger_url}
    verified = subprocess.run(
        [*YUPANA, "verify", BOOK], check=False, env=environment, capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
