"""What callers are told when things go wrong, nothing of the inside; and what logs keep, nothing of
what was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc.aio
import psycopg
import pytest
from grpc_status import rpc_status

from support.databases import Database
from support.journals import execute as run_sql
from support.processes import FeedProcess, LedgerProcess
from support.wire import failure, says_nothing_of_the_inside, transfer
from yupana import Yupana
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import history_service_pb2 as histories
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.book_service_pb2_grpc import BookServiceStub
from yupana.ledger.v1.history_service_pb2_grpc import HistoryServiceStub
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.dev.ports import pick_port

PASSWORD = "pa55-n0t-t0-be-said"  # pragma: allowlist secret
ACCOUNT = "users:whose-name-is-private"
TRANSFER = "private-transfer"
AMOUNT = "424242424242"
WORDS = "words-that-are-private"

NEVER_LOGGED = [PASSWORD, ACCOUNT, TRANSFER, AMOUNT, WORDS]

LEVELS = pytest.mark.parametrize("level", ["info", "debug"])

Start = Callable[..., LedgerProcess]


def with_password(url: str, **changes: str) -> str:
    """Return the URL with a password in it, which this Postgres does not ask for."""
    parts = urlsplit(url)
    port = changes.get("port", str(parts.port))
    user = changes.get("user", parts.username)
    return urlunsplit(parts._replace(netloc=f"{user}:{PASSWORD}@{parts.hostname}:{port}"))


def private_transfer(id_: str = TRANSFER, **changes: Any) -> ledgers.ExecuteRequest:
    fields = {"credit_account": ACCOUNT, "amount": AMOUNT, "labels": {"k": WORDS}, **changes}
    return ledgers.ExecuteRequest(book="b", commands=[transfer(id_, description=WORDS, **fields)])


async def code_of(call: Awaitable[Any]) -> str:
    """Return the code that a call fails with, once it is sure that nothing of the inside is said.

    On a busy machine it may be gRPC itself that ends a call whose time is over.
    """
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    says_nothing_of_the_inside(f"{error.details()} {rpc_status.from_call(error)}")
    return str(error.code().name)


async def every_code(address: str, *, timeout_s: float = 3.0) -> list[str]:
    """Call every method in a way that would be good, and return the codes that they fail with."""
    reads: dict[str, Any] = {"book": "b", "account": ACCOUNT}
    async with grpc.aio.insecure_channel(address) as channel:
        ledger, book = LedgerServiceStub(channel), BookServiceStub(channel)
        history = HistoryServiceStub(channel)
        calls = [
            ledger.Execute(private_transfer(), timeout=timeout_s),
            ledger.BatchGetAccounts(
                ledgers.BatchGetAccountsRequest(book="b", accounts=[ACCOUNT]), timeout=timeout_s
            ),
            ledger.ListAccounts(ledgers.ListAccountsRequest(book="b"), timeout=timeout_s),
            ledger.GetTransfer(
                ledgers.GetTransferRequest(book="b", id=TRANSFER), timeout=timeout_s
            ),
            ledger.ListTransfers(ledgers.ListTransfersRequest(**reads), timeout=timeout_s),
            book.CreateBook(books.CreateBookRequest(book="other"), timeout=timeout_s),
            book.GetBook(books.GetBookRequest(book="b"), timeout=timeout_s),
            book.ListBooks(books.ListBooksRequest(), timeout=timeout_s),
            book.ListAssets(books.ListAssetsRequest(book="b"), timeout=timeout_s),
            history.GetOutcome(
                histories.GetOutcomeRequest(book="b", id=TRANSFER), timeout=timeout_s
            ),
            history.GetHold(histories.GetHoldRequest(book="b", hold=TRANSFER), timeout=timeout_s),
            history.ListHolds(histories.ListHoldsRequest(book="b"), timeout=timeout_s),
            history.GetStatement(histories.GetStatementRequest(**reads), timeout=timeout_s),
            history.SumBalances(histories.SumBalancesRequest(book="b"), timeout=timeout_s),
        ]
        return [await code_of(call) for call in calls]


def assert_kept_quiet(*processes: LedgerProcess) -> None:
    for process in processes:
        log = process.log()
        assert log
        assert not [secret for secret in NEVER_LOGGED if secret in log], log


@pytest.fixture
def start(database: Database, start_ledger: Start) -> Start:
    """Starts a ledger with a password in its configuration."""

    def start(level: str, **changes: str) -> LedgerProcess:
        return start_ledger(
            database,
            url=with_password(database.ledger_url, **changes),
            environment={"YUPANA_LOG_LEVEL": level},
        )

    return start


async def open_private_account(process: LedgerProcess) -> None:
    async with Yupana(process.address) as client:
        await client.create_book("b")
        book = client.book("b")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account(ACCOUNT, asset="USD", max_balance=10**13, labels={"k": WORDS})


@LEVELS
@pytest.mark.parametrize("changes", [{"port": "closed"}, {"user": "nobody"}])
async def test_errors_when_the_database_lets_nobody_in_then_nothing_of_it_is_said(
    start: Start, level: str, changes: dict[str, str]
) -> None:
    if "port" in changes:
        changes = {"port": str(pick_port())}
    process = await asyncio.to_thread(start, level, **changes)
    codes = await every_code(process.address, timeout_s=1)
    assert set(codes) <= {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
    assert_kept_quiet(process)


@LEVELS
async def test_errors_when_the_schema_is_gone_then_nothing_of_it_is_said(
    database: Database, start: Start, level: str
) -> None:
    process = await asyncio.to_thread(start, level)
    await open_private_account(process)
    run_sql(database.admin_url, "ALTER SCHEMA yupana RENAME TO elsewhere")
    codes = await every_code(process.address)
    assert set(codes) <= {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
    assert_kept_quiet(process)


@LEVELS
async def test_errors_when_the_database_tells_the_row_it_refuses_then_nobody_hears_it(
    database: Database, start: Start, level: str
) -> None:
    process = await asyncio.to_thread(start, level)
    await open_private_account(process)
    run_sql(
        database.admin_url,
        "CREATE FUNCTION yupana.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'refused % of %', NEW.amount, NEW.id USING ERRCODE = '22000', "
        "DETAIL = NEW::text; END $$",
    )
    run_sql(
        database.admin_url,
        "CREATE TRIGGER refuse BEFORE INSERT ON yupana.journal FOR EACH ROW "
        f"WHEN (NEW.id = '{TRANSFER}') EXECUTE FUNCTION yupana.refuse()",
    )
    async with grpc.aio.insecure_channel(process.address) as channel:
        failed = await failure(LedgerServiceStub(channel).Execute(private_transfer(), timeout=20))
    assert failed.code == "INTERNAL"
    assert not [secret for secret in NEVER_LOGGED if secret in str(failed)]
    assert_kept_quiet(process)


@LEVELS
async def test_logs_when_calls_go_well_badly_or_out_of_time_then_they_tell_nothing_of_them(
    database: Database, start: Start, start_feed: Callable[..., FeedProcess], level: str
) -> None:
    process = await asyncio.to_thread(start, level)
    feed = await asyncio.to_thread(start_feed, database)
    await open_private_account(process)
    async with grpc.aio.insecure_channel(process.address) as channel:
        ledger = LedgerServiceStub(channel)
        answer = await ledger.Execute(private_transfer())
        assert answer.outcomes[0].HasField("transfer_posted")
        for changes in (
            {"amount": "9" * 30},
            {"amount": "7"},
            {"credit_account": "nobody-private"},
        ):
            answer = await ledger.Execute(private_transfer(**changes))
            says_nothing_of_the_inside(str(answer.outcomes[0].rejected.message))
        failed = await failure(ledger.Execute(private_transfer("new", amount=f"{AMOUNT}.5")))
        assert failed.reason == "MALFORMED_REQUEST"
        with pytest.raises(grpc.aio.AioRpcError):
            await ledger.Execute(private_transfer("late"), timeout=0.01)
        await out_of_time(database, ledger)
        raw = channel.unary_unary("/yupana.ledger.v1.LedgerService/Execute")
        with pytest.raises(grpc.aio.AioRpcError):
            await raw(b"\xff" + private_transfer().SerializeToString())
    assert_kept_quiet(process, feed)


async def out_of_time(database: Database, ledger: Any) -> None:
    """Have a transfer wait for the book's row, which somebody else holds, for too long."""
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("SELECT 1 FROM yupana.books FOR UPDATE")
        code = await code_of(ledger.Execute(private_transfer("waits"), timeout=2))
        assert code in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
