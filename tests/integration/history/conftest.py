"""A book with a past."""

from collections.abc import AsyncIterator

import pytest

from support.databases import Database
from support.past import Past, past_of


@pytest.fixture
async def past(database: Database) -> AsyncIterator[Past]:
    async with past_of(database) as past:
        yield past
