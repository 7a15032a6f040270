"""R3: what becomes of a commit of which nobody knows whether it happened."""

import asyncio

import grpc.aio
import pytest

from support import wire
from support.databases import Database, make_database
from support.journals import count_entries, verified
from support.proxy import Proxy
from support.standby import CANCEL, TERMINATE, end_sync_rep, set_missing_standby, set_standby
from support.started import Start, StartLedger, open_accounts
from support.writers import open_accounts as open_accounts_directly
from support.writers import send, writers
from yupana import CreateTransfer, Yupana
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.book import commands
from yupana_server.book.decide import Replay
from yupana_server.book.entries import Entry
from yupana_server.dev.postgres import EmbeddedPostgres


async def test_r3_unknown_when_connection_is_cut_during_commit_then_one_outcome(
    database: Database, proxy: Proxy, start: Start
) -> None:
    _, book = await start(url=proxy.url)
    await open_accounts(book)
    for number in range(5):
        proxy.strike("cut during commit")
        outcome = await book.transfer("world", "users:1", 10, id=f"t{number}")
        assert proxy.struck.is_set()
        assert outcome.ok
        assert not outcome.replayed  # The ledger found its own entry and knows it.
        assert count_entries(database.ledger_url, "b", f"t{number}") == 1
    assert (await book.account("users:1")).balance == 50
    await verified(database.ledger_url, "b")


async def test_r3_unknown_when_an_id_was_sent_twice_then_only_the_first_is_no_replay(
    proxy: Proxy, start: Start
) -> None:
    _, book = await start(url=proxy.url)
    await open_accounts(book)
    proxy.strike("cut during commit")
    outcomes = await book.execute([CreateTransfer("world", "users:1", 10, id="t")] * 2)
    assert [outcome.replayed for outcome in outcomes] == [False, True]


async def test_r3_unknown_when_connection_is_cut_before_commit_then_decided_again(
    database: Database, proxy: Proxy, start: Start
) -> None:
    _, book = await start(url=proxy.url)
    await open_accounts(book)
    proxy.strike("cut before commit")
    outcome = await book.transfer("world", "users:1", 10, id="t")
    assert proxy.struck.is_set()
    assert outcome.ok
    assert count_entries(database.ledger_url, "b", "t") == 1
    await verified(database.ledger_url, "b")


async def test_r3_unknown_when_caller_goes_away_then_commit_is_not_cancelled(
    database: Database, start: Start
) -> None:
    _, book = await start()
    await open_accounts(book)
    calls = [
        asyncio.create_task(book.transfer("world", "users:1", 1, id=f"t{number}"))
        for number in range(200)
    ]
    await asyncio.sleep(0.01)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    outcomes = await asyncio.gather(
        *(book.transfer("world", "users:1", 1, id=f"t{number}") for number in range(200))
    )
    assert all(outcome.ok for outcome in outcomes)
    assert (await book.account("users:1")).balance == 200
    await verified(database.ledger_url, "b")


@pytest.mark.parametrize("by", [TERMINATE, CANCEL])
async def test_r3_unknown_when_the_standby_has_not_confirmed_then_no_server_answers(
    own_postgres: EmbeddedPostgres, by: str
) -> None:
    database = make_database(own_postgres)
    async with writers(database) as make_writer:
        first, second = make_writer(), make_writer()
        await open_accounts_directly(first, 2)
        transfer = commands.CreateTransfer("x", "a0", "a1", 5)
        await set_missing_standby(database.admin_url)
        waiting = [asyncio.create_task(send(first, transfer))]
        # The wait ends before its time: the entry is visible here, and on no standby.
        async with asyncio.timeout(10):
            while not (ended := await end_sync_rep(database.admin_url, by=by)):
                assert not waiting[0].done()
        assert ended == [(True,)]
        assert count_entries(database.ledger_url, "b", "x") == 1
        waiting.append(asyncio.create_task(send(second, transfer)))
        done, _ = await asyncio.wait(waiting, timeout=1.5)
        assert not done
        set_standby(database.admin_url, "")
        own, replay = await asyncio.gather(*waiting)
    assert isinstance(own[0], Entry)
    assert replay == [Replay(own[0])]
    await verified(database.ledger_url, "b")


async def test_r3_unknown_when_the_deadline_comes_first_then_the_caller_is_told_so(
    own_postgres: EmbeddedPostgres, start_ledger: StartLedger
) -> None:
    database = make_database(own_postgres)
    # A call without a deadline of its own: so the server's word is heard, however late it comes.
    process = start_ledger(database, environment={"YUPANA_DEFAULT_DEADLINE_S": "5"})
    async with Yupana(process.address) as yupana:
        await yupana.create_book("b")
        book = yupana.book("b")
        await open_accounts(book)
        await set_missing_standby(database.admin_url)
        async with grpc.aio.insecure_channel(process.address) as channel:
            command = wire.transfer("t", credit_account="users:1")
            request = ledgers.ExecuteRequest(book="b", commands=[command])
            call = LedgerServiceStub(channel).Execute(request)
            while not await end_sync_rep(database.admin_url):
                assert not call.done()
            assert (await wire.failure(call)).reason == "OUTCOME_UNKNOWN"
        set_standby(database.admin_url, "")
        assert (await book.transfer("world", "users:1", 5, id="t")).replayed
    assert count_entries(database.ledger_url, "b", "t") == 1
