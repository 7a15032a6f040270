"""Prints how fast history is read from a large journal, and by which plans; for people, not for CI.

    python tests/load/history.py [--entries 10000000] [--folder /tmp/history] [--only statement]

Starts a Postgres of its own, fills a journal, folds the projections with the real projector, then
asks a real ledger over gRPC, one call at a time. Client, ledger and Postgres share the machine.
"""

import argparse
import asyncio
import gc
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc.aio
import psycopg
from history_cases import Call, Cases
from history_fill import console, fill, timed
from history_plans import ExplainingReader

from yupana.ledger.v1.history_service_pb2_grpc import HistoryServiceStub
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.services import EmbeddedLedger
from yupana_server.feed.rebuild import Rebuild
from yupana_server.journal.marks import Projection
from yupana_server.journal.migrate import FEED_ROLE, LEDGER_ROLE, migrate
from yupana_server.journal.projections import ProjectionStore
from yupana_server.ledger.books import Books
from yupana_server.ledger.history_servicer import HistoryServicer
from yupana_server.ledger.ledger_servicer import LedgerServicer
from yupana_server.ledger.reads import Reading
from yupana_server.runtime.deadlines import begin_deadline

SETTINGS = {"shared_buffers": "8GB"}
"""Room for 10 million entries with their indexes, 5.5 GB: what is measured is the ledger and not
the disk."""

CALLS = 1_000
WARM_UP = 50


def warm(url: str) -> None:
    """Read everything into Postgres' memory."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        timed(
            "memory",
            lambda: connection.execute(
                "SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relkind IN ('r', 'i') "
                "AND relnamespace = 'yupana'::regnamespace"
            ),
        )


async def fold(url: str, entries: int) -> None:
    """Fold every projection from nothing and say how fast."""
    store = ProjectionStore(url, connections_max=2)
    await store.open(wait_s=10)
    for projection in Projection:
        if await store.mark(1, projection, None) is not None:
            continue  # By an earlier run.
        began = time.perf_counter()
        await Rebuild(store, 1, projection).run()
        rate = entries / (time.perf_counter() - began)
        console.print(f"folded {projection.value}: {rate:,.0f} entries/s")
    await store.close()


async def measure(address: str, wanted: dict[str, Call]) -> None:
    """Print the latencies of each call."""
    console.print(f"{'':42}{'median ms':>12}{'p99 ms':>10}")
    gc.freeze()  # What this script holds would be looked through while answers wait to be read.
    async with grpc.aio.insecure_channel(address) as channel:
        stubs: tuple[Any, Any] = LedgerServiceStub(channel), HistoryServiceStub(channel)
        for name, call in wanted.items():
            took: list[float] = []
            for _ in range(WARM_UP + CALLS):
                began = time.perf_counter()
                await call(*stubs)
                took.append((time.perf_counter() - began) * 1000)
            took = sorted(took[WARM_UP:])
            p99 = took[int(len(took) * 0.99)]
            console.print(f"{name:42}{statistics.median(took):12.1f}{p99:10.1f}")


async def explain(url: str, wanted: dict[str, Call]) -> None:
    """Print the plans of one call of each."""
    reader = ExplainingReader(url, connections_max=2)
    await reader.open(wait_s=10)
    books = Books(reader, url)
    servicers = (
        LedgerServicer(books, reader, Reading(books, reader)),
        HistoryServicer(Reading(books, reader)),
    )
    begin_deadline(600)
    for name, call in wanted.items():
        console.print(f"\n{name}")
        await call(*(_without_context(servicer) for servicer in servicers))
    await reader.close()


class _without_context:  # noqa: N801 (a stub in disguise)
    """Lets a servicer be called like a stub."""

    def __init__(self, servicer: Any):
        self._servicer = servicer

    def __getattr__(self, name: str) -> Any:
        return lambda request: getattr(self._servicer, name)(request, None)


def main(entries: int, folder: Path, only: str) -> None:
    """Run everything."""
    random.seed(1)
    is_new = not (folder / "postgres").exists()
    with EmbeddedPostgres(folder / "postgres", settings=SETTINGS) as postgres:
        if is_new:
            postgres.create_database("yupana")
            migrate(postgres.url("yupana"))
            fill(postgres.url("yupana"), entries)
        asyncio.run(fold(postgres.url("yupana", FEED_ROLE), entries))
        warm(postgres.url("yupana"))
        wanted = {name: call for name, call in Cases(entries).all().items() if only in name}
        ledger_url = postgres.url("yupana", LEDGER_ROLE)
        with EmbeddedLedger(folder / "ledger", database_url=ledger_url) as ledger:
            asyncio.run(measure(ledger.address, wanted))
        asyncio.run(explain(ledger_url, wanted))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="keeps the data, to measure it again")
    parser.add_argument("--only", default="", help="measures the cases whose name contains it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(given.entries, given.folder or Path(temporary), given.only)
