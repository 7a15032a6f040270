"""Auditors driven directly, so that a test says when something is audited."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from support.databases import Database
from yupana_server.journal.audits import AuditStore
from yupana_server.journal.reads import JournalReader
from yupana_server.worker.auditor import Auditor
from yupana_server.worker.book_audit import BookAudits
from yupana_server.worker.share import Share

MakeAuditor = Callable[..., Auditor]


@asynccontextmanager
async def auditors(database: Database) -> AsyncIterator[MakeAuditor]:
    """Makes auditors, each with a name of its own, that share a pool of connections."""
    async with reader_of(database) as reader:
        count = 0

        def make(*, again_s: float = 0.0, share: float = 1.0, **options: object) -> Auditor:
            nonlocal count
            count += 1
            store, rest = AuditStore(reader, f"worker-{count}"), Share(share)
            settings = {"facts_max": 1_000, "patience_s": 0.0, **options}
            books = BookAudits(reader, store, rest, **settings)  # type: ignore[arg-type]
            return Auditor(store, books, rest, again_s=again_s)

        yield make


@asynccontextmanager
async def reader_of(database: Database) -> AsyncIterator[JournalReader]:
    """What workers read and write through."""
    reader = JournalReader(database.worker_url, connections_max=4)
    await reader.open(wait_s=10)
    try:
        yield reader
    finally:
        await reader.close()


async def catch_up(auditor: Auditor) -> None:
    """Audit everything that there is, or that others do not."""
    while await auditor.turn():
        pass
