"""A writer and a reader of a database of their own."""

from collections.abc import AsyncIterator

import pytest

from support.databases import Database
from yupana_server.journal.reads import JournalReader


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[JournalReader]:
    reader = JournalReader(database.ledger_url, connections_max=3)
    await reader.open()
    yield reader
    await reader.close()
