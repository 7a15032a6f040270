"""Very many requests of all sorts over real sockets: good, nearly good, absurd, broken bytes, bytes
that are no gRPC. Nothing fails that should not, nothing grows, and the journal is right afterwards.

A selection with fixed seeds by default. `make fuzz INPUTS=100000` sends so many.
"""

import os
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest
from faults.fuzz.calls import Judge
from faults.fuzz.run import Fuzz
from faults.fuzz.values import ACCOUNTS, BOOKS

from support.databases import Database
from support.footprints import files, rss_mib, until
from support.journals import verified
from support.processes import FeedProcess, LedgerProcess
from yupana import Yupana

INPUTS = int(os.environ.get("FUZZ_INPUTS", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = 8
HARMLESS_ROUNDS = 3
"""The last rounds record next to nothing, so that no cache fills: memory must stay about as it is
from the first of them to the last."""

GROWTH_MIB_MAX = 40.0
"""Python's collector is told to come rarely, so memory goes up and down by half of that."""

TIMEOUT_S = 110 + INPUTS / 25

NEVER_LOGGED = ["Traceback", "writer_failed", "recorder_failed", "watch_failed"]
NEVER_LOGGED += [".cc:", "cygrpc", "internal_error", '"INTERNAL"', '"UNKNOWN"', "Unexpected ["]


@pytest.fixture
def ledger(database: Database, start_ledger: Callable[..., LedgerProcess]) -> LedgerProcess:
    return start_ledger(database)


@pytest.fixture
async def client(ledger: LedgerProcess) -> AsyncIterator[Yupana]:
    async with Yupana(ledger.address) as client:
        for name in BOOKS:
            await client.create_book(name)
            book = client.book(name)
            await book.open_asset("USD", scale=2)
            await book.open_asset("EUR", scale=2)
            for account in ACCOUNTS:
                await book.open_account(account, asset="USD")
        yield client


@pytest.mark.timeout(TIMEOUT_S)  # As many inputs as are asked for take as long as they take.
async def test_ledger_when_all_sorts_of_input_come_then_it_stays_upright(
    database: Database,
    ledger: LedgerProcess,
    client: Yupana,
    start_feed: Callable[..., FeedProcess],
) -> None:
    feed = start_feed(database)
    judge, began = Judge(), time.monotonic()
    sizes_mib: list[float] = []
    for number in range(ROUNDS):
        fuzz = Fuzz(ledger.address, SEED * ROUNDS + number, judge)
        await fuzz.run(INPUTS // ROUNDS, harmless=number >= ROUNDS - HARMLESS_ROUNDS)
        sizes_mib.append(rss_mib(ledger))
        took_s, count = time.monotonic() - began, sum(judge.kinds.values())
        show(f"{count} inputs, {took_s:.0f} s, {sizes_mib[-1]:.0f} MiB, {files(ledger)} files")
    show(f"{dict(judge.kinds)}\n{dict(judge.codes)}\n{dict(judge.executed)}")

    assert not judge.findings, "\n".join(judge.findings)
    assert sum(judge.kinds.values()) >= INPUTS // ROUNDS * ROUNDS
    assert len(judge.executed) >= 10, "the good inputs are no good: hardly a kind was executed"
    assert sizes_mib[-1] - sizes_mib[-HARMLESS_ROUNDS] < GROWTH_MIB_MAX, sizes_mib
    await assert_upright(database, ledger, client)
    for process in (ledger, feed):
        assert process.running
        assert not [word for word in NEVER_LOGGED if word in process.log()]


def show(text: str) -> None:
    """Say how far it is, for those who let it run for long."""
    sys.stdout.write(f"{text}\n")


async def assert_upright(database: Database, ledger: LedgerProcess, client: Yupana) -> None:
    """Assert that good calls are served as ever, and that the journals are right."""
    book = client.book(BOOKS[0])
    await book.open_account("afterwards", asset="USD")
    await book.open_account("afterwards:other", asset="USD")
    assert (await book.transfer("afterwards", "afterwards:other", 5, id="afterwards")).ok
    assert (await book.account("afterwards:other")).balance == 5
    for name in BOOKS:
        await verified(database.ledger_url, name)
    assert ledger.serving("")
    await until(lambda: files(ledger) < 100, "the connections of those who are gone are closed")
