"""A writer and auditors of a database of their own."""

from collections.abc import AsyncIterator

import pytest

from support.auditors import MakeAuditor, auditors, reader_of
from support.databases import Database
from yupana_server.journal.audits import AuditStore


@pytest.fixture
async def make_auditor(database: Database) -> AsyncIterator[MakeAuditor]:
    async with auditors(database) as make:
        yield make


@pytest.fixture
async def store(database: Database) -> AsyncIterator[AuditStore]:
    async with reader_of(database) as reader:
        yield AuditStore(reader, "test")
