"""The client against a scripted ledger: a real grpc.aio server whose answers the test chooses."""

import asyncio
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import chain

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as rpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

import yupana
from yupana import CreateTransfer, Yupana
from yupana.ledger.v1 import account_pb2, error_reason_pb2, ledger_service_pb2, outcome_pb2
from yupana.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceServicer,
    add_LedgerServiceServicer_to_server,
)
from yupana.routing import rendezvous

Answer = Callable[[Message], Awaitable[Message | Status]]


class ScriptedLedger(LedgerServiceServicer):
    """Answers as scripted, and when the script is over as `otherwise` does. Keeps what came."""

    def __init__(self, *script: Answer) -> None:
        self.script = deque(script)
        self.otherwise: Answer = posts
        self.requests: list[Message] = []
        self.times_s: list[float] = []

    async def Execute(self, request, context):  # noqa: N802 - the contract's name
        self.requests.append(request)
        self.times_s.append(time.monotonic())
        answer = self.script.popleft() if self.script else self.otherwise
        result = await answer(request)
        if isinstance(result, Status):
            await context.abort_with_status(rpc_status.to_status(result))
        return result

    BatchGetAccounts = ListAccounts = Execute

    @property
    def ids(self) -> list[list[str]]:
        return [[command.id for command in request.commands] for request in self.requests]


async def posts(request) -> Message:
    posted = [
        outcome_pb2.Outcome(
            id=command.id,
            transfer_posted=outcome_pb2.TransferPosted(amount=command.create_transfer.amount),
        )
        for command in request.commands
    ]
    return ledger_service_pb2.ExecuteResponse(outcomes=posted)


def says(message: Message) -> Answer:
    async def answer(request):
        return message

    return answer


def fails(code: grpc.StatusCode, reason: str, *details: Message) -> Answer:
    status = Status(code=code.value[0], message="not now")
    info = rpc.ErrorInfo(reason=f"ERROR_REASON_{reason}", domain="yupana.dev")
    for each in (info, *details):
        packed = Any()
        packed.Pack(each)
        status.details.append(packed)
    return says(status)


def wait_info(seconds: float) -> rpc.RetryInfo:
    return rpc.RetryInfo(retry_delay=Duration(nanos=int(seconds * 1e9)))


async def hangs(request):
    await asyncio.sleep(60)


@asynccontextmanager
async def serving(ledger: ScriptedLedger, port: int = 0) -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_LedgerServiceServicer_to_server(ledger, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def book_preferring(address: str, *others: str) -> str:
    names = (f"book-{number}" for number in range(1000))
    return next(name for name in names if rendezvous(name, [address, *others])[0] == address)


def transfer() -> CreateTransfer:
    return CreateTransfer("a", "b", 5)


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not fact():
            await asyncio.sleep(0.005)


UNAVAILABLE = fails(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")


async def test_execute_when_unavailable_then_sends_the_same_again() -> None:
    ledger = ScriptedLedger(UNAVAILABLE, UNAVAILABLE)
    async with serving(ledger) as address, Yupana(address) as client:
        outcomes = await client.book("shop").execute(
            [CreateTransfer("a", "b", 5), CreateTransfer("b", "a", 7)]
        )

    assert [outcome.amount for outcome in outcomes] == [5, 7]
    assert len(ledger.requests) == 3
    assert ledger.requests[0] == ledger.requests[1] == ledger.requests[2]


async def test_execute_when_server_starts_late_then_waits_for_it() -> None:
    port, ledger = free_port(), ScriptedLedger()
    async with Yupana(f"127.0.0.1:{port}") as client:
        call = asyncio.create_task(client.book("shop").transfer("a", "b", 5))
        await asyncio.sleep(0.3)
        assert not call.done()
        async with serving(ledger, port):
            assert (await call).ok

    assert len(ledger.requests) == 1


async def test_execute_when_server_restarts_then_all_calls_succeed_with_their_ids() -> None:
    port, first, second = free_port(), ScriptedLedger(), ScriptedLedger()
    first.otherwise = hangs
    async with Yupana(f"127.0.0.1:{port}") as client:
        async with serving(first, port):
            shop = client.book("shop")
            # More than the budget's burst: a lost connection is free.
            calls = [asyncio.create_task(shop.execute([transfer()])) for _ in range(200)]
            await until(lambda: len(first.requests) == 200)
        async with serving(second, port):
            outcomes = await asyncio.gather(*calls)

    assert all(outcome.ok for [outcome] in outcomes)
    assert sorted(first.ids) == sorted(second.ids)


async def test_gathered_when_server_restarts_then_the_same_is_sent_again() -> None:
    port, first, second = free_port(), ScriptedLedger(), ScriptedLedger()
    first.otherwise = hangs
    async with Yupana(f"127.0.0.1:{port}") as client:
        async with serving(first, port):
            shop = client.book("shop")
            calls = [asyncio.create_task(shop.transfer("a", "b", 5)) for _ in range(2_000)]
            await until(lambda: len(first.requests) == 2)
        async with serving(second, port):
            outcomes = await asyncio.gather(*calls)

    assert all(outcome.ok for outcome in outcomes)
    sent_again = [ids for ids in second.ids if ids in first.ids]
    assert len(sent_again) == 2
    assert sorted(chain(*second.ids)) == sorted(outcome.id for outcome in outcomes)


async def test_execute_when_preferred_server_fails_then_next_takes_over_until_it_is_back() -> None:
    preferred, other = ScriptedLedger(), ScriptedLedger()
    preferred.script.append(UNAVAILABLE)
    async with (
        serving(preferred) as first,
        serving(other) as second,
        Yupana(first, second) as client,
    ):
        book = client.book(book_preferring(first, second))
        await book.transfer("a", "b", 1, id="one")
        await book.transfer("a", "b", 2, id="two")
        await asyncio.sleep(0.11)  # the first rest
        await book.transfer("a", "b", 3, id="three")

    assert preferred.ids == [["one"], ["three"]]
    assert other.ids == [["one"], ["two"]]


async def test_execute_when_preferred_server_is_down_then_comes_back_by_itself() -> None:
    port, preferred, other = free_port(), ScriptedLedger(), ScriptedLedger()
    first = f"127.0.0.1:{port}"
    async with serving(other) as second, Yupana(first, second) as client:
        book = client.book(book_preferring(first, second))
        started_s = time.monotonic()
        await asyncio.gather(*(book.execute([transfer()]) for _ in range(100)))
        assert time.monotonic() - started_s < 1
        assert len(other.requests) == 100
        async with serving(preferred, port):
            async with asyncio.timeout(5):
                while not preferred.requests:
                    await book.transfer("a", "b", 1)
                    await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
        (grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN"),
        (grpc.StatusCode.UNAVAILABLE, "DRAINING"),
    ],
)
async def test_execute_when_told_to_wait_then_waits_as_long(code, reason) -> None:
    ledger = ScriptedLedger(fails(code, reason, wait_info(0.3)))
    async with serving(ledger) as address, Yupana(address) as client:
        assert (await client.book("shop").transfer("a", "b", 5)).ok

    assert 0.3 <= ledger.times_s[1] - ledger.times_s[0] < 0.6


async def test_execute_when_told_to_wait_beyond_the_deadline_then_fails_at_once() -> None:
    ledger = ScriptedLedger(fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", wait_info(0.9)))
    async with serving(ledger) as address, Yupana(address) as client:
        started_s = time.monotonic()
        with pytest.raises(yupana.Overloaded) as caught:
            await client.book("shop").transfer("a", "b", 5, timeout_s=0.5)

    assert time.monotonic() - started_s < 0.3
    assert caught.value.retry_after_s == pytest.approx(0.9)


async def test_execute_when_overloaded_then_does_not_move_to_another_server() -> None:
    preferred, other = ScriptedLedger(), ScriptedLedger()
    preferred.script.append(
        fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", wait_info(0.05))
    )
    async with (
        serving(preferred) as first,
        serving(other) as second,
        Yupana(first, second) as client,
    ):
        await client.book(book_preferring(first, second)).transfer("a", "b", 1)

    assert (len(preferred.requests), len(other.requests)) == (2, 0)


async def test_execute_when_server_is_slow_then_deadline_is_kept_and_ids_are_told() -> None:
    ledger = ScriptedLedger(hangs)
    async with serving(ledger) as address, Yupana(address, write_timeout_s=0.3) as client:
        started_s = time.monotonic()
        with pytest.raises(
            yupana.DeadlineExceeded, match=r"within 0\.3 s: it may be slow"
        ) as caught:
            await client.book("shop").transfer("a", "b", 5)

    assert 0.25 < time.monotonic() - started_s < 0.6
    assert [list(caught.value.ids)] == ledger.ids


async def test_execute_when_retrying_then_all_attempts_share_the_deadline() -> None:
    ledger = ScriptedLedger()
    ledger.otherwise = UNAVAILABLE
    async with serving(ledger) as address, Yupana(address) as client:
        started_s = time.monotonic()
        with pytest.raises(yupana.Unavailable):
            await client.book("shop").transfer("a", "b", 5, timeout_s=0.5)

    assert time.monotonic() - started_s < 0.6
    assert len(ledger.requests) >= 2


async def test_execute_when_no_server_listens_then_nothing_was_recorded() -> None:
    address = f"127.0.0.1:{free_port()}"
    async with Yupana(address) as client:
        with pytest.raises(yupana.Unavailable, match=f"{address} .* cannot be reached") as caught:
            await client.book("shop").transfer("a", "b", 5, id="t", timeout_s=0.2)
        assert not client.connected

    assert caught.value.ids == ("t",)


async def test_execute_when_an_attempt_was_lost_and_none_listens_then_it_may_be_recorded() -> None:
    port, ledger = free_port(), ScriptedLedger(hangs)
    async with Yupana(f"127.0.0.1:{port}") as client:
        async with serving(ledger, port):
            call = asyncio.create_task(client.book("shop").transfer("a", "b", 5, timeout_s=0.8))
            await until(lambda: bool(ledger.requests))
            assert client.connected
        with pytest.raises(yupana.DeadlineExceeded, match="cannot be reached"):
            await call


async def test_execute_when_it_connects_but_gets_no_answer_then_it_may_be_recorded() -> None:
    ledger = ScriptedLedger(hangs)
    port = free_port()
    async with Yupana(f"127.0.0.1:{port}") as client:
        call = asyncio.create_task(client.book("shop").transfer("a", "b", 5, timeout_s=0.8))
        await asyncio.sleep(0.2)
        async with serving(ledger, port):
            with pytest.raises(yupana.DeadlineExceeded, match="may be slow"):
                await call


async def test_close_when_a_call_waits_for_a_connection_then_it_is_cancelled() -> None:
    client = Yupana(f"127.0.0.1:{free_port()}")
    call = asyncio.create_task(client.book("shop").transfer("a", "b", 5))
    await asyncio.sleep(0.1)
    await client.close()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_execute_when_no_server_of_several_listens_then_nothing_was_recorded() -> None:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    async with Yupana(*addresses) as client:
        with pytest.raises(yupana.Unavailable, match=r"127\.0\.0\.1"):
            await client.book("shop").transfer("a", "b", 5, timeout_s=0.5)


async def test_execute_when_connection_is_lost_for_good_then_outcome_is_unknown() -> None:
    ledger = ScriptedLedger(hangs)
    nowhere = f"127.0.0.1:{free_port()}"
    async with Yupana(nowhere, address := f"127.0.0.1:{free_port()}") as client:
        async with serving(ledger, int(address.rpartition(":")[2])):
            book = client.book(book_preferring(address, nowhere))
            call = asyncio.create_task(book.transfer("a", "b", 5, id="t", timeout_s=0.8))
            await until(lambda: bool(ledger.requests))
        with pytest.raises(yupana.OutcomeUnknown, match="same ids") as caught:
            await call

    assert caught.value.ids == ("t",)
    assert caught.value.reason is yupana.Reason.OUTCOME_UNKNOWN


async def test_execute_when_malformed_then_names_violations_and_does_not_retry() -> None:
    violation = rpc.BadRequest.FieldViolation(field="commands[0].id", description="is empty")
    bad_request = rpc.BadRequest(field_violations=[violation])
    ledger = ScriptedLedger(
        fails(grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", bad_request)
    )
    async with serving(ledger) as address, Yupana(address) as client:
        with pytest.raises(yupana.MalformedRequest) as caught:
            await client.book("shop").transfer("a", "b", 5)

    assert caught.value.violations == (yupana.Violation("commands[0].id", "is empty"),)
    assert len(ledger.requests) == 1


async def test_execute_when_everything_fails_then_budget_stops_the_storm() -> None:
    ledger = ScriptedLedger()
    ledger.otherwise = UNAVAILABLE
    async with serving(ledger) as address, Yupana(address) as client:
        shop = client.book("shop")
        calls = (shop.execute([transfer()], timeout_s=2) for _ in range(300))
        errors = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(error, yupana.Unavailable) for error in errors)
    assert 300 < len(ledger.requests) < 300 + 50


async def test_execute_when_cancelled_then_call_is_cancelled_too() -> None:
    ledger = ScriptedLedger(hangs)
    async with serving(ledger) as address, Yupana(address) as client:
        call = asyncio.create_task(client.book("shop").transfer("a", "b", 5))
        await until(lambda: bool(ledger.requests))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert len(ledger.requests) == 1


def decides(**result) -> Answer:
    outcome = outcome_pb2.Outcome(**result)
    return says(ledger_service_pb2.ExecuteResponse(outcomes=[outcome]))


async def test_open_account_when_its_id_was_spent_then_takes_the_next() -> None:
    spent = outcome_pb2.Rejection(reason=error_reason_pb2.ERROR_REASON_ASSET_NOT_FOUND)
    ledger = ScriptedLedger(
        decides(rejected=spent, replayed=True),
        decides(account_opened=outcome_pb2.AccountOpened()),
    )
    async with serving(ledger) as address, Yupana(address) as client:
        assert (await client.book("shop").open_account("a", asset="USD")).ok

    assert ledger.ids == [["open-account:a"], ["open-account:a:2"]]


async def test_commands_when_their_id_is_empty_then_it_is_sent_as_it_is() -> None:
    opened = decides(asset_opened=outcome_pb2.AssetOpened())
    ledger = ScriptedLedger(posts, opened, opened)
    async with serving(ledger) as address, Yupana(address) as client:
        shop = client.book("shop")
        await shop.transfer("a", "b", 5, id="")
        await shop.open_asset("USD", scale=2, id="")
        await shop.open_account("a", asset="USD", id="")

    assert ledger.ids == [[""], [""], [""]]


async def test_open_account_when_asset_is_not_open_then_raises_at_once() -> None:
    missing = outcome_pb2.Rejection(reason=error_reason_pb2.ERROR_REASON_ASSET_NOT_FOUND)
    ledger = ScriptedLedger(decides(rejected=missing))
    async with serving(ledger) as address, Yupana(address) as client:
        with pytest.raises(yupana.Rejected, match="ASSET_NOT_FOUND"):
            await client.book("shop").open_account("a", asset="USD")

    assert len(ledger.requests) == 1


def account(name: str) -> account_pb2.Account:
    fields = account_pb2.Balances.DESCRIPTOR.fields_by_name
    return account_pb2.Account(id=name, balances=account_pb2.Balances(**dict.fromkeys(fields, "0")))


async def test_accounts_when_some_are_not_open_then_leaves_them_out() -> None:
    found = ledger_service_pb2.BatchGetAccountsResponse(accounts=[account("a")], missing=["b"])
    nothing = ledger_service_pb2.BatchGetAccountsResponse(missing=["b"])
    ledger = ScriptedLedger(says(found), says(nothing))
    async with serving(ledger) as address, Yupana(address) as client:
        shop = client.book("shop")
        assert list(await shop.accounts(["a", "b", "a"], at_least="p")) == ["a"]
        with pytest.raises(yupana.AccountNotFound, match="b is not open in the book shop"):
            await shop.account("b")

    assert list(ledger.requests[0].accounts) == ["a", "b"]
    assert ledger.requests[0].consistency.at_least == "p"


async def test_list_accounts_goes_through_all_pages() -> None:
    page = ledger_service_pb2.ListAccountsResponse
    ledger = ScriptedLedger(
        says(page(accounts=[account("a"), account("b")], next_page_token="2")),
        UNAVAILABLE,
        says(page(accounts=[account("c")])),
    )
    async with serving(ledger) as address, Yupana(address) as client:
        listed = [each.id async for each in client.book("shop").list_accounts(prefix="x")]

    assert listed == ["a", "b", "c"]
    assert [request.page_token for request in ledger.requests] == ["", "2", "2"]
    assert {request.prefix for request in ledger.requests} == {"x"}
