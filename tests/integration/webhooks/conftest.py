"""A writer of the book `b`, receivers, and webhooks that deliver from it."""

from collections.abc import AsyncIterator

import pytest

from support.databases import Database
from support.receivers import Receiver
from support.webhooks import Hooks, hooks_of
from support.writers import MakeWriter, open_accounts
from yupana_server.ledger.writer import Writer


@pytest.fixture
async def writer(make_writer: MakeWriter) -> Writer:
    """A writer; the first five entries open USD and the accounts a0 to a3."""
    writer = make_writer()
    await open_accounts(writer, 4)
    return writer


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def hooks(database: Database, writer: Writer) -> AsyncIterator[Hooks]:
    async with hooks_of(database) as hooks:
        yield hooks
