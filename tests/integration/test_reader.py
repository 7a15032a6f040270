"""Reads of the journal when the way to the database fails them."""

import asyncio

import pytest

from support.databases import Database
from support.network import Network
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.reads import JournalReader


async def test_read_when_connections_go_silent_then_fails_in_time_and_the_next_is_served(
    database: Database,
) -> None:
    address = f"127.0.0.1:{database.server.port}"
    async with Network(address) as network:
        url = database.ledger_url.replace(address, network.address)
        reader = JournalReader(url, connections_max=2, answer_timeout_s=2)
        await reader.open()
        try:
            await reader.create_book("b")
            await asyncio.gather(*(reader.book("b") for _ in range(10)))
            assert network.freeze() == 2
            async with asyncio.timeout(20):
                with pytest.raises(UnavailableError):
                    await reader.book("b")
                # Not one after the other: the first that was silent tells of all.
                assert await reader.book("b") is not None
        finally:
            await reader.close()
