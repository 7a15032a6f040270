"""The ledger's servicers without a server before them, called like stubs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from support.databases import Database
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.books import Books
from yupana_server.ledger.history_servicer import HistoryServicer
from yupana_server.ledger.ledger_servicer import LedgerServicer
from yupana_server.ledger.reads import Reading


class _Stub:
    def __init__(self, servicer: Any):
        self._servicer = servicer

    def __getattr__(self, method: str) -> Any:
        return lambda request: getattr(self._servicer, method)(request, None)


@dataclass
class Servicers:
    """Reads of all books."""

    ledger: Any
    history: Any
    reader: JournalReader


@asynccontextmanager
async def servicers_of(database: Database) -> AsyncIterator[Servicers]:
    """The servicers of a ledger on a database."""
    reader = JournalReader(database.ledger_url, connections_max=4)
    await reader.open()
    books = Books(reader, database.ledger_url)
    reading = Reading(books, reader)
    ledger, history = LedgerServicer(books, reader, reading), HistoryServicer(reading)
    try:
        yield Servicers(_Stub(ledger), _Stub(history), reader)
    finally:
        await books.drain()
        await reader.close()
