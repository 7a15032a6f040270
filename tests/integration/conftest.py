"""What tests of several folders need."""

from collections.abc import AsyncIterator

import pytest

from support.databases import Database
from support.writers import MakeWriter, writers


@pytest.fixture
async def make_writer(database: Database) -> AsyncIterator[MakeWriter]:
    """Makes writers of the book `b`, without a server before them."""
    async with writers(database) as make:
        yield make
