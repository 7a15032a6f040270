"""How fast webhooks are delivered, and how long an event takes to its receiver.

    PYTHONPATH=tests .venv/bin/python tests/load/webhooks.py [EVENTS]

Two cores carry all of it: Postgres, the writer and the receiver in this process, a feed beside.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from support.databases import Database, make_database, make_template
from support.processes import FeedProcess
from support.receivers import Receiver
from support.webhooks import BOOK, create_endpoint
from support.writers import send, writers
from yupana_server.book.commands import CreateTransfer, OpenAccount, OpenAsset
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.ledger.writer import Writer

console = Console(highlight=False)
USERS = 200
AT_ONCE = 64
LATENCY_EVENTS = 200
ENVIRONMENT = {
    "YUPANA_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
    "YUPANA_WEBHOOK_ALLOW_HTTP": "true",
    "YUPANA_LOG_LEVEL": "info",
}


async def main(events: int) -> None:
    """Measure a backlog by each order, then single events as they come."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "pg") as server:
        make_template(server)
        database = make_database(server)
        feed = FeedProcess(database.feed_url, Path(folder) / "feed.log", environment=ENVIRONMENT)
        async with writers(database) as make:
            writer = make()
            await fill(writer, events)
            await asyncio.to_thread(feed.start)
            try:
                for order in ("BY_ACCOUNT", "NONE"):
                    await backlog(feed, order, events)
                await latency(feed, database, writer)
            finally:
                feed.kill()


async def fill(writer: Writer, events: int) -> None:
    """Open the accounts and record as many transfers as there are to be events."""
    accounts = ["shop", *(f"users:{number}" for number in range(USERS))]
    opening = [OpenAccount(f"open-{account}", account, "USD") for account in accounts]
    await send(writer, OpenAsset("usd", "USD", 2), *opening)
    transfers = [
        CreateTransfer(f"t{number}", f"users:{number % USERS}", "shop", 1)
        for number in range(events)
    ]
    for place in range(0, events, 1_000):
        await send(writer, *transfers[place : place + 1_000])


async def backlog(feed: FeedProcess, order: str, events: int) -> None:
    """Deliver all transfers from the beginning."""
    async with Receiver() as receiver:
        wanted = {"account_prefixes": ["users:"], "kinds": ["ENTRY_KIND_TRANSFER"]}
        began_s = time.monotonic()
        await create_endpoint(
            feed.address,
            BOOK,
            order.lower(),
            receiver.url,
            order=f"WEBHOOK_ORDER_{order}",
            filter=wanted,
            concurrency=AT_ONCE,
            from_beginning=True,
        )
        await receiver.until(lambda: len(receiver.received) >= events, within_s=600)
        took_s = time.monotonic() - began_s
        twice = len(receiver.ids) - len(set(receiver.ids))
        console.print(f"{order}: {events / took_s:,.0f} deliveries/s, {twice} twice")


async def latency(feed: FeedProcess, database: Database, writer: Writer) -> None:
    """Record events one by one, each after the one before arrived."""
    async with Receiver() as receiver:
        await create_endpoint(feed.address, BOOK, "latency", receiver.url)
        took = []
        for number in range(LATENCY_EVENTS):
            await send(writer, CreateTransfer(f"l{number}", "users:1", "shop", 1))
            began_s = time.monotonic()
            await receiver.until(lambda count=number: len(receiver.received) > count)
            took.append(time.monotonic() - began_s)
        took.sort()
        median, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
        console.print(f"commit to receiver: median {median * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
