"""R9: a history that was cut begins a new epoch, and no token of an old one gets an answer."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc.aio
import pytest

from support.databases import Database
from support.journals import execute, verified
from support.processes import LedgerProcess
from yupana import EpochChanged, Yupana
from yupana.book import BookClient
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.messages.tokens import Position, decode_position

NOTICED_WITHIN_S = 30.0
"""A server looks every five seconds; a busy machine may take its time."""

Start = Callable[[], Awaitable[tuple[LedgerProcess, BookClient]]]


@pytest.fixture
async def start(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> AsyncIterator[Start]:
    """Starts a ledger and returns it with a client of its book `b`, which has accounts."""
    clients: list[Yupana] = []

    async def start() -> tuple[LedgerProcess, BookClient]:
        process = await asyncio.to_thread(start_ledger, database)
        yupana = Yupana(process.address)
        clients.append(yupana)
        await yupana.create_book("b")
        book = yupana.book("b")
        await book.open_asset("USD", scale=2, id="asset")
        await book.open_account("world", asset="USD", id="world")
        await book.open_account("users:1", asset="USD", min_balance=0, id="users")
        return process, book

    yield start
    for client in clients:
        await client.close()


def lose(database: Database, *, after: int) -> None:
    """Take away a book's tail, as a failover to a standby that lagged does."""
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > {after}")


async def epoch_of(process: LedgerProcess) -> int:
    async with Yupana(process.address) as yupana:
        return (await yupana.get_book("b")).epoch


async def page(process: LedgerProcess, token: str = "") -> ledgers.ListTransfersResponse:
    """List two transfers."""
    request = ledgers.ListTransfersRequest(book="b", page_size=2, page_token=token)
    async with grpc.aio.insecure_channel(process.address) as channel:
        return await LedgerServiceStub(channel).ListTransfers(request, timeout=10)


async def test_r9_epoch_when_tail_was_lost_then_writer_begins_a_new_one(
    database: Database, start: Start
) -> None:
    process, book = await start()
    kept = await book.transfer("world", "users:1", 100, id="kept")
    lost = await book.transfer("world", "users:1", 50, id="lost")
    lose(database, after=4)

    later = await book.transfer("world", "users:1", 7, id="later")
    assert decode_position("b", kept.position) == Position(1, 4)
    assert decode_position("b", later.position) == Position(2, 5)
    assert await epoch_of(process) == 2
    assert "history_cut" in process.log()
    with pytest.raises(EpochChanged) as refused:
        await book.account("users:1", at_least=lost.position)
    common = refused.value.last_common_position or ""
    assert decode_position("b", common) == Position(2, 4)
    assert (await book.account("users:1", at_least=common)).balance == 107
    # What was recorded before the cut keeps its outcome, with the position that it had.
    replay = await book.transfer("world", "users:1", 100, id="kept")
    assert (replay.replayed, replay.position) == (True, kept.position)
    await verified(database.ledger_url, "b")


async def test_r9_position_when_it_was_lost_a_moment_ago_then_that_is_noticed_before_it_is_answered(
    database: Database, start: Start
) -> None:
    _, book = await start()
    await book.transfer("world", "users:1", 100, id="kept")
    lost = await book.transfer("world", "users:1", 50, id="lost")
    lose(database, after=4)
    with pytest.raises(EpochChanged):
        await book.account("users:1", at_least=lost.position)


async def test_r9_epoch_when_several_servers_notice_one_cut_then_it_is_raised_once(
    database: Database, start: Start
) -> None:
    one, first = await start()
    other, second = await start()
    await first.transfer("world", "users:1", 100, id="kept")
    await second.transfer("world", "users:1", 50, id="lost:1")
    await first.transfer("world", "users:1", 50, id="lost:2")
    lose(database, after=4)
    await asyncio.gather(
        first.transfer("world", "users:1", 1, id="a"),
        second.transfer("world", "users:1", 1, id="b"),
    )
    assert [await epoch_of(one), await epoch_of(other)] == [2, 2]

    await first.transfer("world", "users:1", 1, id="c")
    lose(database, after=6)
    await asyncio.gather(
        first.transfer("world", "users:1", 1, id="d"),
        second.transfer("world", "users:1", 1, id="e"),
    )
    assert [await epoch_of(one), await epoch_of(other)] == [3, 3]
    assert (await first.account("users:1")).balance == 104
    await verified(database.ledger_url, "b")


async def test_r9_epoch_when_tail_was_written_anew_then_cut_is_before_what_is_new(
    database: Database, start: Start
) -> None:
    _, knows = await start()
    kept = await knows.transfer("world", "users:1", 100, id="kept")
    lost = await knows.transfer("world", "users:1", 50, id="lost")
    lose(database, after=4)
    _, knows_nothing = await start()
    await knows_nothing.transfer("world", "users:1", 1, id="new:1")
    await knows_nothing.transfer("world", "users:1", 1, id="new:2")

    await knows.transfer("world", "users:1", 1, id="next")
    for book in (knows, knows_nothing):
        for position in (kept.position, lost.position):
            with pytest.raises(EpochChanged) as refused:
                await book.account("users:1", at_least=position)
            common = refused.value.last_common_position or ""
            assert decode_position("b", common) == Position(2, 4)
    assert (await knows.account("users:1")).balance == 103
    await verified(database.ledger_url, "b")


async def test_r9_epoch_when_nobody_writes_then_cut_is_noticed_all_the_same(
    database: Database, start: Start
) -> None:
    process, book = await start()
    await book.transfer("world", "users:1", 100, id="kept")
    await book.transfer("world", "users:1", 50, id="lost")
    lose(database, after=4)
    async with asyncio.timeout(NOTICED_WITHIN_S):
        while await epoch_of(process) == 1:
            await asyncio.sleep(0.1)
    assert (await book.account("users:1")).balance == 100


async def test_r9_page_token_when_history_was_cut_then_list_begins_again(
    database: Database, start: Start
) -> None:
    _, writer = await start()
    reader, _ = await start()
    for number in range(6):
        await writer.transfer("world", "users:1", 1, id=f"t{number}")
    first = await page(reader)
    assert [each.id for each in first.transfers] == ["t5", "t4"]
    assert [each.id for each in (await page(reader, first.next_page_token)).transfers] == [
        "t3",
        "t2",
    ]
    lose(database, after=6)
    await writer.transfer("world", "users:1", 1, id="later")
    # By a server that has not written this book since, and has its row in memory.
    with pytest.raises(grpc.aio.AioRpcError, match="the book is in epoch 2"):
        await page(reader, first.next_page_token)


async def test_raise_epoch_when_database_was_restored_then_old_tokens_are_refused(
    database: Database, start: Start
) -> None:
    process, book = await start()
    old = await book.transfer("world", "users:1", 100, id="kept")
    assert process.stop() == 0

    def cli(*arguments: str) -> str:
        command = [sys.executable, "-m", "yupana_server.cli.main", "epoch", *arguments]
        command += ["--database-url", database.ledger_url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "no book's history was ever cut" in cli("show")
    assert cli("raise", "--all-books").strip() == "b: epoch 2 begins after entry 4"
    assert json.loads(cli("raise", "--book", "b", "--above", "7", "--json")) == [
        {"book": "b", "epoch": 8, "common_seq": 4}
    ]
    shown = json.loads(cli("show", "--json"))
    assert [(cut["epoch"], cut["common_seq"]) for cut in shown] == [(2, 4), (8, 4)]

    await asyncio.to_thread(process.restart)
    with pytest.raises(EpochChanged):
        await book.account("users:1", at_least=old.position)
    new = await book.transfer("world", "users:1", 1, id="later")
    assert decode_position("b", new.position) == Position(8, 5)
    await verified(database.ledger_url, "b")
