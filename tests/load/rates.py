"""Prints rates and latencies of a ledger under a few loads; for people, not for CI.

    python tests/load/rates.py

Starts the embedded stack by itself. Every load goes through the published client, which shares the
machine with the ledger and Postgres. Ends with a verification of the journal.
"""

import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from yupana import CreateTransfer, OpenAccount, OpenAsset, Yupana
from yupana.book import BookClient
from yupana_server.dev.stack import Stack
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.verify import Verifier

ACCOUNTS = 10_000
LOADS = ((1, 1, 400), (1, 64, 4_000), (100, 16, 480), (1_000, 1, 40), (1_000, 4, 80))
"""Commands in a request, callers at a time, requests in all."""


def transfers(count: int) -> list[CreateTransfer]:
    """Make transfers between random accounts."""
    pairs = (random.sample(range(ACCOUNTS), 2) for _ in range(count))
    return [CreateTransfer(f"a{debit}", f"a{credit}", 1) for debit, credit in pairs]


async def load(book: BookClient, size: int, callers: int, requests: int) -> tuple[float, ...]:
    """Send requests; return transfers a second and the latencies' median and p99 in ms."""
    left = [transfers(size) for _ in range(requests)]
    took: list[float] = []

    async def call() -> None:
        while left:
            commands = left.pop()
            began = time.perf_counter()
            await book.execute(commands)
            took.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    rate = size * requests / (time.perf_counter() - began)
    return rate, statistics.median(took), sorted(took)[int(len(took) * 0.99)]


async def measure(address: str) -> Table:
    """Run all loads in a book of their own."""
    table = Table("commands", "callers", "transfers/s", "median ms", "p99 ms")
    async with Yupana(address) as yupana:
        await yupana.create_book("rates")
        book = yupana.book("rates")
        await book.execute([OpenAsset("USD", scale=2)])
        for start in range(0, ACCOUNTS, 5_000):
            await book.execute(
                [OpenAccount(f"a{number}", "USD") for number in range(start, start + 5_000)]
            )
        await load(book, 1_000, 4, 20)  # Warm-up.
        for size, callers, requests in LOADS:
            rate, median, p99 = await load(book, size, callers, requests)
            table.add_row(str(size), str(callers), f"{rate:,.0f}", f"{median:.1f}", f"{p99:.1f}")
    return table


async def verify(url: str) -> str:
    """Fold the journal."""
    reader = JournalReader(url, connections_max=2)
    await reader.open()
    row = await reader.book("rates")
    assert row is not None
    began = time.perf_counter()
    findings = await Verifier(reader, row, lambda _: None).run()
    await reader.close()
    rate = findings.entries / (time.perf_counter() - began)
    return f"verified {findings.entries:,} entries, {rate:,.0f}/s: good={findings.good}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), None) as stack:
        Console().print(asyncio.run(measure(stack.address)))
        Console().print(asyncio.run(verify(stack.ledger_url)))
