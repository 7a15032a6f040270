"""The drill of docs/operations.md: a restore to a moment, and what old tokens are told."""

import asyncio
import subprocess
import sys
from dataclasses import replace

import grpc.aio
import pytest
from faults.stage import Stage

from support.backups import Archive
from support.databases import Database
from support.journals import execute
from yupana import BookNotFound, EpochChanged, Yupana
from yupana.book import BookClient
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.messages.tokens import Position, decode_position


def yupana(database: Database, *arguments: str) -> str:
    """Run a command as the operator does, on the restored database."""
    command = [sys.executable, "-m", "yupana_server.cli.main", *arguments]
    command += ["--database-url", database.ledger_url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def open_accounts(book: BookClient) -> None:
    await book.open_asset("USD", scale=2, id="asset")
    await book.open_account("world", asset="USD", id="world")
    await book.open_account("users:1", asset="USD", min_balance=0, id="users")


async def page(address: str, token: str = "") -> ledgers.ListTransfersResponse:
    request = ledgers.ListTransfersRequest(book="b", page_size=1, page_token=token)
    async with grpc.aio.insecure_channel(address) as channel:
        return await LedgerServiceStub(channel).ListTransfers(request, timeout=10)


async def test_restore_when_to_a_moment_then_a_new_epoch_tells_what_is_gone(stage: Stage) -> None:
    archive = Archive(stage.folder / "archive")
    server = await stage.own_postgres(archive.settings)
    ledger = await stage.start_ledger()
    async with Yupana(ledger.address) as client:
        await client.create_book("b")
        book = client.book("b")
        await open_accounts(book)
        early = await book.transfer("world", "users:1", 100, id="early")
        await asyncio.to_thread(archive.back_up, server)
        kept = await book.transfer("world", "users:1", 20, id="kept")
        [(moment,)] = execute(server.url(), "SELECT clock_timestamp()::text")
        lost = await book.transfer("world", "users:1", 3, id="lost")
        await client.create_book("later")
        await open_accounts(client.book("later"))
        elsewhere = await client.book("later").transfer("world", "users:1", 1, id="t")
        pages = await page(ledger.address)

    # Something happened that must not stand: all servers end, and the database goes back.
    await asyncio.to_thread(ledger.stop)
    await asyncio.to_thread(archive.finish, server)
    await asyncio.to_thread(server.kill)
    restored = await asyncio.to_thread(
        archive.restore, stage.folder / "restored", until=str(moment)
    )
    stage.at_end(restored.stop, "immediate")
    stage.database = replace(stage.database, server=restored)
    told = yupana(stage.database, "epoch", "raise", "--all-books")
    assert told.strip() == "b: epoch 2 begins after entry 5"
    assert "its history is whole" in yupana(stage.database, "verify", "b")

    ledger = await stage.start_ledger()
    async with Yupana(ledger.address) as client:
        book = client.book("b")
        for old in (early.position, kept.position, lost.position):
            with pytest.raises(EpochChanged) as refused:
                await book.account("users:1", at_least=old)
            common = refused.value.last_common_position or ""
            assert decode_position("b", common) == Position(2, 5)
        with pytest.raises(grpc.aio.AioRpcError, match="the book is in epoch 2"):
            await page(ledger.address, pages.next_page_token)
        assert (await book.account("users:1", at_least=common)).balance == 120

        # What is there has its outcome; what is gone can be sent again, and is done once.
        replay = await book.transfer("world", "users:1", 20, id="kept")
        assert (replay.replayed, replay.position) == (True, kept.position)
        again = await book.transfer("world", "users:1", 3, id="lost")
        assert not again.replayed
        assert decode_position("b", again.position) == Position(2, 6)

        # A book that is gone was never in the new epoch: made anew, it takes no old token either.
        with pytest.raises(BookNotFound):
            await client.book("later").account("users:1")
        await client.create_book("later")
        await open_accounts(client.book("later"))
        await client.book("later").transfer("world", "users:1", 9, id="other")
        with pytest.raises(EpochChanged):
            await client.book("later").account("users:1", at_least=elsewhere.position)
    assert "its history is whole" in yupana(stage.database, "verify", "b")
