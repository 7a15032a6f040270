"""A writer and what a feed reads through, of a database of their own."""

from collections.abc import AsyncIterator

import pytest

from support.databases import Database
from support.writers import MakeWriter, writers
from yupana_server.journal.connect import FEED_APPLICATION
from yupana_server.journal.reads import JournalReader


@pytest.fixture
async def make_writer(database: Database) -> AsyncIterator[MakeWriter]:
    async with writers(database) as make:
        yield make


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[JournalReader]:
    reader = JournalReader(database.feed_url, connections_max=4, application=FEED_APPLICATION)
    await reader.open()
    yield reader
    await reader.close()
