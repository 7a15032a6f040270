"""Deploys: servers end and begin again while they are called, and no call of the client fails.

`pytest -o log_cli=true -o log_cli_level=INFO tests/faults/test_deploys.py` shows latencies.
"""

import asyncio
import logging
import signal
import time
from typing import Any

import grpc.aio

from support.databases import Database
from support.journals import verified
from support.processes import LedgerProcess
from support.started import StartLedger
from support.traffic import USER, Traffic
from support.wire import execute, failure, transfer
from support.writers import locked, until_waiting
from yupana import Yupana
from yupana.book import BookClient
from yupana.ledger.v1.ledger_service_pb2 import BatchGetAccountsRequest
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana.routing import rendezvous

P99_MAX_S = 5.0
"""Of a machine that does other things too: what it is on a quiet one stands in the docs."""


log = logging.getLogger("deploys")


async def all_is_well(traffic: Traffic, database: Database, book: BookClient) -> None:
    """No call failed, and what was answered as posted was posted once."""
    log.info(traffic.summary())
    assert not traffic.failures, traffic.failures[:5]
    assert (await book.account(USER)).balance == traffic.posted
    await verified(database.ledger_url, book.id)


def book_preferring(first: LedgerProcess, *others: LedgerProcess) -> str:
    """Return the id of a book that goes to the first of the servers while that one is well."""
    addresses = [each.address for each in (first, *others)]
    names = (f"b-{number}" for number in range(1000))
    return next(name for name in names if rendezvous(name, addresses)[0] == first.address)


async def test_sigterm_when_another_server_takes_over_then_no_call_fails(
    database: Database, start_ledger: StartLedger
) -> None:
    leaving, staying = [await asyncio.to_thread(start_ledger, database) for _ in range(2)]
    async with Yupana(leaving.address, staying.address) as client:
        book = client.book(book_preferring(leaving, staying))
        async with Traffic(client, book.id) as traffic:
            await traffic.progress()
            assert await asyncio.to_thread(leaving.stop) == 0
            await traffic.progress()
        await all_is_well(traffic, database, book)
    assert traffic.p99_s < P99_MAX_S
    assert "calls_cut_off" not in leaving.log()


async def test_sigterm_when_the_only_server_begins_again_then_no_call_fails(
    database: Database, start_ledger: StartLedger
) -> None:
    server = await asyncio.to_thread(start_ledger, database)
    # The start alone may take seconds while other things run.
    async with Yupana(server.address, write_timeout_s=60, read_timeout_s=60) as client:
        book = client.book("b")
        async with Traffic(client, book.id) as traffic:
            await traffic.progress()
            assert await asyncio.to_thread(server.stop) == 0
            await asyncio.to_thread(server.restart)
            await traffic.progress()
        await all_is_well(traffic, database, book)


async def test_rolling_restart_when_two_servers_are_called_then_no_call_fails(
    database: Database, start_ledger: StartLedger
) -> None:
    servers = [await asyncio.to_thread(start_ledger, database) for _ in range(2)]
    async with Yupana(*(server.address for server in servers)) as client:
        book = client.book(book_preferring(*servers))
        async with Traffic(client, book.id) as traffic:
            await traffic.progress()
            for server in servers:
                assert await asyncio.to_thread(server.stop) == 0
                await traffic.progress()
                await asyncio.to_thread(server.restart)
                await traffic.progress()
        await all_is_well(traffic, database, book)
    assert traffic.p99_s < P99_MAX_S


async def test_sigterm_when_hundreds_of_calls_are_under_way_then_each_is_answered_elsewhere(
    database: Database, start_ledger: StartLedger
) -> None:
    leaving, staying = [await asyncio.to_thread(start_ledger, database) for _ in range(2)]
    async with Yupana(leaving.address, staying.address) as client:
        book = client.book(book_preferring(leaving, staying))
        # Far more at a time than the client's budget allows retries for.
        async with Traffic(client, book.id, kinds=("read",), callers=400, pause_s=0) as traffic:
            await traffic.progress(2_000)
            assert await asyncio.to_thread(leaving.stop) == 0
            await traffic.progress(2_000)
        await all_is_well(traffic, database, book)


async def test_sigterm_when_a_call_is_under_way_then_it_is_answered_and_others_hear_why_not(
    database: Database, start_ledger: StartLedger
) -> None:
    server = await asyncio.to_thread(start_ledger, database)
    async with (
        Yupana(server.address) as client,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        await client.create_book("b")
        book = client.book("b")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("b", asset="USD")
        stub: Any = LedgerServiceStub(channel)
        async with locked(database):
            under_way = asyncio.ensure_future(stub.Execute(execute(book, transfer("t"))))
            await until_waiting(database, 1)
            server.send(signal.SIGTERM)
            refused = await failure(read_until_refused(stub, book))
        assert (refused.code, refused.reason) == ("UNAVAILABLE", "DRAINING")
        assert (await under_way).outcomes[0].HasField("transfer_posted")
    assert await asyncio.to_thread(server.stop) == 0


async def read_until_refused(stub: Any, book: BookClient) -> None:
    request = BatchGetAccountsRequest(book=book.id, accounts=["world"])
    async with asyncio.timeout(30):
        while True:
            await stub.BatchGetAccounts(request, timeout=10)


async def test_sigterm_when_it_comes_again_and_again_then_the_process_still_ends_well(
    database: Database, start_ledger: StartLedger
) -> None:
    server = await asyncio.to_thread(start_ledger, database)

    def end() -> None:
        while server.running:
            server.send(signal.SIGTERM)
            time.sleep(0.001)

    await asyncio.to_thread(end)
    assert server.stop() == 0, server.log()
