"""All services under a Prometheus, and traffic of all kinds, good and bad."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from support.databases import Database
from support.feeds import subscribers
from support.journals import execute
from support.processes import FeedProcess, LedgerProcess, WorkerProcess
from support.prometheus import Prometheus
from support.webhooks import create_endpoint
from yupana import AsOf, CreateTransfer, MalformedRequest, Yupana
from yupana.book import BookClient
from yupana_server.dev.ports import pick_port
from yupana_server.dev.valkey import EmbeddedValkey

BOOK = "shop"

SEEN_WITHIN_S = 300.0
"""Traffic goes on for so long at most, on a machine with other work."""


@dataclass(frozen=True)
class Observed:
    """What runs: two ledgers, a feed and a worker on one database, and what scrapes them."""

    prometheus: Prometheus
    ledgers: list[LedgerProcess]
    feed: LedgerProcess
    database: Database

    def make_traffic(self, rounds: int) -> None:
        """Make some of every kind, through both ledgers at a time."""
        asyncio.run(self._make_traffic(rounds))

    def make_traffic_until_seen(
        self, wanted: dict[str, str], seen: Callable[[str], bool]
    ) -> dict[str, str]:
        """Make traffic until everything was seen; returns what was not."""
        deadline = time.monotonic() + SEEN_WITHIN_S
        while wanted and time.monotonic() < deadline:
            self.make_traffic(rounds=1)
            wanted = {name: each for name, each in wanted.items() if not seen(each)}
        return wanted

    async def _make_traffic(self, rounds: int) -> None:
        async with (
            Yupana(self.ledgers[0].address) as one,
            Yupana(self.ledgers[1].address) as other,
            subscribers(self.feed.address) as subscribe,
        ):
            subscribing = asyncio.create_task(subscribe(BOOK).until(lambda: False))
            for _ in range(rounds):
                blocked = asyncio.create_task(asyncio.to_thread(self._hold_the_lock))
                await asyncio.gather(use_all_kinds(one.book(BOOK)), use_all_kinds(other.book(BOOK)))
                await blocked
            subscribing.cancel()

    async def open_book(self) -> None:
        """Make the book with its accounts."""
        async with Yupana(self.ledgers[0].address) as yupana:
            await yupana.create_book(BOOK)
            book = yupana.book(BOOK)
            await book.open_asset("USD", scale=2)
            await book.open_account("world", asset="USD")
            await book.open_account("wallet", asset="USD", min_balance=0)

    def _hold_the_lock(self) -> None:
        """Lock the book's row for longer than a writer waits, as a careless operator may."""
        execute(
            self.database.admin_url,
            "SELECT pg_sleep(1.3) FROM (SELECT FROM yupana.books WHERE id = %s FOR UPDATE) locked",
            BOOK,
        )


_numbers = itertools.count()


async def use_all_kinds(book: BookClient) -> None:
    """Make some calls of every kind, among them what is replayed, rejected and malformed."""
    number = next(_numbers)
    ids = [f"t{number}-{place}" for place in range(100)]
    transfers = [CreateTransfer("world", "wallet", 2, id=id_) for id_ in ids]
    for transfer in transfers[:20]:
        await book.execute([transfer])
    await asyncio.gather(*(book.transfer("world", "wallet", 1) for _ in range(50)))
    assert all(each.replayed for each in await book.execute(transfers[:20]))
    refused = await book.execute([CreateTransfer("world", "wallet", 3, id=ids[0])])
    assert refused[0].reason == "ID_REUSED"
    too_much = CreateTransfer("wallet", "world", 10**12)
    assert (await book.execute([too_much]))[0].rejected
    assert len([each async for each in book.execute_stream(transfers)]) == len(transfers)
    kept = await book.hold("wallet", "world", 1)
    await book.capture(kept.id, final=True)
    await book.hold("wallet", "world", 1)
    await book.hold("wallet", "world", 1, expires_after=timedelta(milliseconds=1))
    await asyncio.gather(*(book.account("wallet") for _ in range(20)))
    await asyncio.gather(*(book.account("wallet", eventual=True) for _ in range(20)))
    await book.account("wallet", at_least=kept.position)
    await book.get_hold(kept.id, eventual=True)
    try:
        await book.account("wallet", as_of=AsOf(position="garbage"))
    except MalformedRequest:
        return
    raise AssertionError("a position of garbage was taken")


class Collector(NamedTuple):
    """Where a collector takes metrics and traces, and where it shows metrics."""

    otlp: str
    metrics: str


@contextmanager
def observed(
    database: Database, folder: Path, collector: Collector | None = None
) -> Iterator[Observed]:
    """Run it all for as long as the `with` block runs.

    Prometheus scrapes the processes themselves, or a collector that they send to.
    """
    with ExitStack() as stack:
        jobs: dict[str, list[str]] = {}
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey"))
        if collector is not None:
            jobs["otel-collector"] = [collector.metrics]

        def start(kind: type[LedgerProcess], url: str, name: str) -> LedgerProcess:
            if collector is None:
                address = f"127.0.0.1:{pick_port()}"
                jobs.setdefault(f"yupana-{kind.service}", []).append(address)
                environment = {"YUPANA_METRICS_LISTEN": address}
            else:
                environment = {
                    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.otlp}",
                    "OTEL_METRIC_EXPORT_INTERVAL": "500",
                    "OTEL_TRACES_SAMPLER": "parentbased_always_on",
                }
            environment["YUPANA_REDIS_URL"] = valkey.url()
            if kind is LedgerProcess:
                environment["YUPANA_REPLICA_URL"] = url  # The primary is as good as a replica.
            process = kind(url, folder / f"{name}.log", environment=environment)
            stack.callback(process.kill)
            return process.start()

        ledgers = [start(LedgerProcess, database.ledger_url, f"ledger-{n}") for n in range(2)]
        feed = start(FeedProcess, database.feed_url, "feed")
        start(WorkerProcess, database.worker_url, "worker")
        prometheus = stack.enter_context(Prometheus(folder, jobs))
        running = Observed(prometheus, ledgers, feed, database)
        asyncio.run(running.open_book())
        # Nothing is there; what is measured of an endpoint is.
        asyncio.run(create_endpoint(feed.address, BOOK, "nobody", "https://nobody.invalid/"))
        yield running
