"""What the contract promises, over the wire: idempotency, chains, order, visibility, lists."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import grpc.aio
import pytest

from support.databases import Database
from support.processes import LedgerProcess
from yupana import (
    BookNotFound,
    CallError,
    Command,
    CreateTransfer,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Outcome,
    OutcomeKind,
    Reason,
    Rejected,
    Yupana,
    linked,
)
from yupana.book import BookClient
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.book_service_pb2_grpc import BookServiceStub
from yupana.ledger.v1.consistency_pb2 import Consistency
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.ledger.tokens import decode_position

AMOUNT_MAX = 2**128 - 1
PAST = datetime(2020, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.fixture
async def stub(ledger: LedgerProcess) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(ledger.address) as channel:
        yield LedgerServiceStub(channel)


@pytest.fixture
async def book_stub(ledger: LedgerProcess) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(ledger.address) as channel:
        yield BookServiceStub(channel)


def seq(book: BookClient, position: str) -> int:
    return decode_position(book.id, position).seq


async def position(client: Yupana, book: BookClient) -> str:
    return (await client.get_book(book.id)).position


async def open_accounts(book: BookClient, *accounts: str, **options: Any) -> None:
    outcomes = await book.execute([OpenAccount(each, "USD", **options) for each in accounts])
    assert all(outcome.ok for outcome in outcomes)


# Idempotency

DONE = [
    CreateTransfer("world", "a", 5, id="x"),
    CreateTransfer("world", "a", 0, id="x", asset="USD", labels={"k": "v"}, effective_at=PAST),
    OpenAccount("new", "USD", normal_side=NormalSide.DEBIT, min_balance=-3, max_balance=9),
    OpenAsset("BTC", scale=8),
]
REJECTED = [
    CreateTransfer("a", "world", 5, id="x"),
    CreateTransfer("nobody", "a", 5, id="x", labels={"k": "v"}),
    CreateTransfer("world", "capped", 11, id="x"),
    OpenAccount("new", "GBP"),
    OpenAccount("world", "USD", id="x"),
    OpenAsset("USD", scale=2, id="x"),
]


@pytest.mark.parametrize("command", [*DONE, *REJECTED])
async def test_command_when_sent_again_then_first_outcome_is_replayed(
    ledger: LedgerProcess, book: BookClient, command: Command
) -> None:
    await open_accounts(book, "a", min_balance=0)
    await open_accounts(book, "capped", max_balance=10)
    [first] = await book.execute([command])
    assert (first.ok, first.rejected) == (command in DONE, command in REJECTED)
    assert not first.replayed
    assert first.position
    assert first.recorded_at

    # What the outcome rested on is another one now.
    await book.execute([CreateTransfer("world", "a", 100), CreateTransfer("capped", "world", 50)])
    [second, third] = await book.execute([command, command])
    async with Yupana(ledger.address) as another:
        [fourth] = await another.book(book.id).execute([command])
    assert second == third == fourth == replace(first, replayed=True)


async def test_transfer_when_asset_is_named_later_or_no_more_then_it_is_the_same(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")
    for id_, first, second in (("1", "", "USD"), ("2", "USD", "")):
        await book.transfer("world", "a", 1, asset=first, id=id_)
        assert (await book.transfer("world", "a", 1, asset=second, id=id_)).replayed


async def test_transfer_when_rejected_and_asset_is_named_later_then_it_is_the_same(
    book: BookClient,
) -> None:
    await open_accounts(book, "a", min_balance=0)
    command = CreateTransfer("a", "world", 1, id="x")
    [first] = await book.execute([command])
    [second] = await book.execute([replace(command, asset="USD")])
    assert second == replace(first, replayed=True)


async def test_command_when_its_id_is_twice_in_a_request_then_the_second_is_a_replay(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")
    command = CreateTransfer("world", "a", 5)
    first, second, third = await book.execute([command, command, replace(command, amount=6)])
    assert second == replace(first, replayed=True)
    assert third.reason is Reason.ID_REUSED
    assert (await book.account("a")).balance == 5


async def test_command_when_sent_by_many_at_once_then_one_of_them_does_it(
    ledger: LedgerProcess, book: BookClient
) -> None:
    await open_accounts(book, "a")
    command = CreateTransfer("world", "a", 5)
    async with Yupana(ledger.address) as another:
        handles = [book, another.book(book.id)]
        calls = (handles[place % 2].execute([command]) for place in range(40))
        outcomes = [outcome for [outcome] in await asyncio.gather(*calls)]
    assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * 39
    assert len({(outcome.position, outcome.recorded_at) for outcome in outcomes}) == 1
    assert (await book.account("a")).balance == 5


# Applied from the back, so that the field that was changed last is the first that differs.
TRANSFER = CreateTransfer(
    "world", "a", 5, asset="USD", effective_at=PAST, labels={"k": "v"}, id="x"
)
TRANSFER_CHANGES: dict[str, dict[str, Any]] = {
    "debit_account": {"debit": "b"},
    "credit_account": {"credit": "c"},
    "amount": {"amount": 6},
    "asset": {"asset": "EUR"},
    "effective_time": {"effective_at": PAST - timedelta(microseconds=1)},
    "labels": {"labels": {"k": "w"}},
}
ACCOUNT = OpenAccount("new", "USD", min_balance=-3, max_balance=9, id="x")
ACCOUNT_CHANGES: dict[str, dict[str, Any]] = {
    "account": {"account": "new2"},
    "asset": {"asset": "EUR"},
    "normal_side": {"normal_side": NormalSide.DEBIT},
    "min_balance": {"min_balance": None},
    "max_balance": {"max_balance": 10},
}
ASSET = OpenAsset("BTC", scale=8, id="x")
ASSET_CHANGES: dict[str, dict[str, Any]] = {"asset": {"asset": "ETH"}, "scale": {"scale": 9}}


@pytest.mark.parametrize(
    ("command", "changes"),
    [(TRANSFER, TRANSFER_CHANGES), (ACCOUNT, ACCOUNT_CHANGES), (ASSET, ASSET_CHANGES)],
)
async def test_id_when_used_again_with_other_content_then_the_first_field_that_differs_is_named(
    client: Yupana, book: BookClient, command: Command, changes: dict[str, dict[str, Any]]
) -> None:
    await open_accounts(book, "a", "b", "c")
    [first] = await book.execute([command])
    assert first.ok
    before = await position(client, book)
    changed = command
    for field, change in reversed(changes.items()):
        changed = replace(changed, **change)
        [outcome] = await book.execute([changed])
        assert outcome.refused
        assert outcome.reason is Reason.ID_REUSED
        assert outcome.facts["field"] == field
        assert outcome.facts["recorded"] != outcome.facts["given"]
        assert (outcome.position, outcome.recorded_at, outcome.replayed) == ("", None, False)
    assert await position(client, book) == before
    assert (await book.execute([command])) == [replace(first, replayed=True)]


@pytest.mark.parametrize("command", [TRANSFER, ACCOUNT, ASSET])
async def test_id_when_used_again_for_another_kind_then_kind_is_named(
    book: BookClient, command: Command
) -> None:
    await open_accounts(book, "a")
    await book.execute([command])
    for other in (TRANSFER, ACCOUNT, ASSET):
        if other is not command:
            [outcome] = await book.execute([other])
            assert (outcome.reason, outcome.facts["field"]) == (Reason.ID_REUSED, "kind")


async def test_id_when_effective_time_or_labels_are_dropped_then_they_are_named(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")
    await book.execute([TRANSFER])
    for change, field in (({"effective_at": None}, "effective_time"), ({"labels": {}}, "labels")):
        [outcome] = await book.execute([replace(TRANSFER, **change)])
        assert (outcome.reason, outcome.facts["field"]) == (Reason.ID_REUSED, field)


async def test_id_reused_when_effective_time_differs_then_facts_read_like_times(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")
    await book.execute([TRANSFER])
    other = PAST.replace(microsecond=0)
    [outcome] = await book.execute([replace(TRANSFER, effective_at=other)])
    assert outcome.facts["recorded"] == "2020-02-29T23:59:59.999999Z"
    assert outcome.facts["given"] == "2020-02-29T23:59:59Z"


# Chains


async def test_chain_when_all_are_good_then_each_sees_those_before_it(book: BookClient) -> None:
    outcomes = await book.execute(
        linked(
            OpenAccount("a", "USD", min_balance=0),
            OpenAccount("b", "USD", min_balance=0),
            CreateTransfer("world", "a", 7),
            CreateTransfer("a", "b", 7, id="last"),
        )
    )
    assert all(outcome.ok for outcome in outcomes)
    seqs = [seq(book, outcome.position) for outcome in outcomes]
    assert seqs == list(range(seqs[0], seqs[0] + 4))
    times = [outcome.recorded_at for outcome in outcomes]
    assert times == sorted(set(times))
    assert (await book.account("b")).balance == 7
    chain = (await book.get_transfer("last")).chain
    assert (chain.first_id, chain.place, chain.length) == ("open-account:a", 4, 4)


@pytest.mark.parametrize("culprit", [0, 1, 2])
async def test_chain_when_one_fails_then_all_fail_and_say_why_and_are_replayed(
    book: BookClient, culprit: int
) -> None:
    await open_accounts(book, "a", min_balance=0)
    transfers = [CreateTransfer("world", "a", 1, id=f"t{place}") for place in range(3)]
    transfers[culprit] = CreateTransfer("a", "world", 100, id="culprit")
    alone = CreateTransfer("world", "a", 2, id="alone")
    *chained, after = await book.execute([*linked(*transfers), alone])

    assert after.ok
    assert all(outcome.rejected for outcome in chained)
    for place, outcome in enumerate(chained):
        if place == culprit:
            assert outcome.reason is Reason.BELOW_MIN_BALANCE
        else:
            assert outcome.reason is Reason.LINKED_FAILED
            failed = {"failed_id": "culprit", "failed_reason": "ERROR_REASON_BELOW_MIN_BALANCE"}
            assert outcome.facts == failed
    assert (await book.account("a")).balance == 2

    again = await book.execute([*linked(*transfers), alone])
    assert again == [replace(outcome, replayed=True) for outcome in [*chained, after]]
    recorded = await book.get_transfer("culprit")
    assert recorded.outcome == chained[culprit]
    assert (recorded.chain.place, recorded.chain.length) == (culprit + 1, 3)


async def test_chain_when_partly_known_then_nothing_is_executed(
    client: Yupana, book: BookClient
) -> None:
    await open_accounts(book, "a")
    one, two, new = (CreateTransfer("world", "a", 1, id=id_) for id_ in ("one", "two", "new"))
    first = await book.execute(linked(one, two))
    before = await position(client, book)

    known, mixed = await book.execute(linked(one, new))
    assert known == replace(first[0], replayed=True)
    assert (mixed.reason, mixed.facts) == (Reason.CHAIN_MIXED, {"known_id": "one"})

    outcomes = await book.execute(linked(new, one, two))
    assert [outcome.reason for outcome in outcomes] == [
        Reason.CHAIN_MIXED,
        Reason.ID_REUSED,
        Reason.ID_REUSED,
    ]
    [alone] = await book.execute([one])
    for outcome in (*outcomes[1:], alone):
        assert outcome.facts["field"] == "linked"
    assert await position(client, book) == before
    assert (await book.execute([new]))[0].ok


async def test_chain_when_sent_in_full_by_many_at_once_then_it_happens_once(
    ledger: LedgerProcess, book: BookClient
) -> None:
    await open_accounts(book, "a", "b")
    chain = linked(*(CreateTransfer("world", account, 3) for account in "ab"))
    async with Yupana(ledger.address) as another:
        handles = [book, another.book(book.id)]
        answers = await asyncio.gather(*(handles[n % 2].execute(chain) for n in range(20)))
    assert len({tuple(outcome.position for outcome in answer) for answer in answers}) == 1
    assert sum(not outcome.replayed for answer in answers for outcome in answer) == 2
    assert {a.balance for a in (await book.accounts(["a", "b"])).values()} == {3}


async def test_chain_when_a_thousand_long_then_it_stands_or_falls_as_one(book: BookClient) -> None:
    await open_accounts(book, "a", max_balance=1000)
    good = linked(*(CreateTransfer("world", "a", 1) for _ in range(1000)))
    assert all(outcome.ok for outcome in await book.execute(good))
    bad = linked(*(CreateTransfer("a", "world", 1) for _ in range(999)), OpenAsset("USD", scale=2))
    bad[-1] = replace(bad[-1], id="second")
    outcomes = await book.execute(bad)
    assert [o.reason for o in outcomes] == [Reason.LINKED_FAILED] * 999 + [Reason.ASSET_EXISTS]
    assert (await book.account("a")).balance == 1000


# Only validated


async def test_validate_only_decides_right_and_records_nothing(
    client: Yupana, book: BookClient
) -> None:
    await open_accounts(book, "a", min_balance=0)
    await book.transfer("world", "a", 1, id="known")
    before = await position(client, book)
    commands = [
        CreateTransfer("world", "a", 5, id="1"),
        CreateTransfer("a", "world", 6, id="2"),
        CreateTransfer("a", "world", 1, id="3"),
        OpenAccount("b", "USD", id="4"),
        *linked(CreateTransfer("world", "b", 1, id="5"), CreateTransfer("b", "nobody", 1, id="6")),
        CreateTransfer("world", "a", 1, id="known"),
        CreateTransfer("world", "a", 2, id="known"),
    ]
    outcomes = await book.execute(commands, validate_only=True)

    assert [outcome.reason for outcome in outcomes] == [
        None,
        None,
        Reason.BELOW_MIN_BALANCE,
        None,
        Reason.LINKED_FAILED,
        Reason.ACCOUNT_NOT_FOUND,
        None,
        Reason.ID_REUSED,
    ]
    assert [outcome.replayed for outcome in outcomes] == [False] * 6 + [True, False]
    assert all((o.position, o.recorded_at) == ("", None) for o in outcomes[:6])
    assert await position(client, book) == before
    assert (await book.account("a")).balance == 1

    real = await book.execute(commands)
    assert [outcome.reason for outcome in real] == [outcome.reason for outcome in outcomes]
    assert [o.facts for o in real] == [o.facts for o in outcomes]


async def test_validate_only_when_in_between_real_ones_then_it_leaves_no_trace(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")
    calls = [
        book.execute([CreateTransfer("world", "a", 1, id=f"t{n}")], validate_only=n % 2 == 1)
        for n in range(60)
    ]
    await asyncio.gather(*calls)
    assert (await book.account("a")).balance == 30
    again = await book.execute([CreateTransfer("world", "a", 1, id=f"t{n}") for n in range(60)])
    assert [outcome.replayed for outcome in again] == [True, False] * 30


async def test_validate_only_when_an_id_is_twice_then_nothing_says_that_it_was_recorded(
    book: BookClient,
) -> None:
    command = OpenAccount("a", "USD", id="x")
    first, second = await book.execute([command, command], validate_only=True)
    assert (first.ok, second.ok) == (True, True)
    for outcome in (first, second):
        assert (outcome.position, outcome.recorded_at) == ("", None)


# Order and visibility


async def test_read_when_begun_after_an_answer_then_sees_it(
    ledger: LedgerProcess, book: BookClient
) -> None:
    async with Yupana(ledger.address) as another:
        reader = another.book(book.id)

        async def write_and_read(account: str) -> None:
            await book.open_account(account, asset="USD")
            for count in range(1, 26):
                outcome = await book.transfer("world", account, 1)
                seen = await reader.account(account)
                assert seen.balance == count
                assert seen.last_position == outcome.position
                assert (await reader.get_transfer(outcome.id)).outcome == outcome
                if count % 10 == 0:
                    transfers = [t.id async for t in reader.list_transfers(account=account)]
                    assert len(transfers) == count
                    assert transfers[0] == outcome.id

        await asyncio.gather(*(write_and_read(f"own:{n}") for n in range(16)))


async def test_accounts_when_read_while_transfers_run_then_they_sum_to_zero(
    stub: Any, book: BookClient
) -> None:
    names = ["world", *(f"a{n}" for n in range(6))]
    await open_accounts(book, *names[1:])
    writing = True

    async def write(place: int) -> None:
        for count in range(40):
            debit, credit = names[(place + count) % 7], names[(place * 3 + count + 1) % 7]
            if debit != credit:
                await book.execute([CreateTransfer(debit, credit, 7)] * (1 + count % 3))

    async def read() -> int:
        request = ledgers.BatchGetAccountsRequest(book=book.id, accounts=names)
        reads, newest = 0, 0
        while writing:
            answer = await stub.BatchGetAccounts(request)
            assert [account.id for account in answer.accounts] == names
            assert sum(int(account.balances.balance) for account in answer.accounts) == 0
            here = seq(book, answer.position)
            assert here >= newest
            assert all(seq(book, a.last_position) <= here for a in answer.accounts)
            reads, newest = reads + 1, here
        return reads

    readers = [asyncio.create_task(read()) for _ in range(6)]
    await asyncio.gather(*(write(place) for place in range(8)))
    writing = False
    assert min(await asyncio.gather(*readers)) > 3


async def test_entries_when_written_by_many_then_times_and_positions_rise_together(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")

    async def write() -> list[Outcome]:
        found: list[Outcome] = []
        for _ in range(10):
            commands = [CreateTransfer("world", "a", 1), CreateTransfer("nobody", "a", 1)]
            found += await book.execute(commands)
        return found

    outcomes = [o for found in await asyncio.gather(*(write() for _ in range(10))) for o in found]
    outcomes.sort(key=lambda outcome: seq(book, outcome.position))
    seqs = [seq(book, outcome.position) for outcome in outcomes]
    assert seqs == list(range(seqs[0], seqs[0] + 200))
    times = [outcome.recorded_at for outcome in outcomes]
    assert all(earlier < later for earlier, later in pairwise(times))

    listed = [transfer.outcome async for transfer in book.list_transfers()]
    assert listed == outcomes[::-1]


async def test_execute_when_ten_thousand_then_all_are_recorded_in_their_order(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")
    outcomes = await book.execute([CreateTransfer("world", "a", 1) for _ in range(10_000)])
    assert all(outcome.ok for outcome in outcomes)
    seqs = [seq(book, outcome.position) for outcome in outcomes]
    assert seqs == list(range(seqs[0], seqs[0] + 10_000))
    assert (await book.account("a")).balance == 10_000


# Reads as of a position


async def test_read_when_at_least_a_position_then_sees_it(stub: Any, book: BookClient) -> None:
    await open_accounts(book, "a")
    outcome = await book.transfer("world", "a", 3)
    at_least = outcome.position
    assert (await book.account("a", at_least=at_least)).balance == 3
    assert (await book.get_transfer(outcome.id, at_least=at_least)).outcome == outcome
    assert [t.id async for t in book.list_transfers(at_least=at_least)] == [outcome.id]
    assert len([a async for a in book.list_accounts(at_least=at_least)]) == 2
    assert len([a async for a in book.list_assets(at_least=at_least)]) == 2
    assert (await book.account("a", eventual=True)).id == "a"

    request = ledgers.BatchGetAccountsRequest(
        book=book.id, accounts=["a"], consistency=Consistency(at_least=at_least)
    )
    assert seq(book, (await stub.BatchGetAccounts(request)).position) >= seq(book, at_least)


async def test_answers_carry_positions_that_have_seen_them(
    client: Yupana, stub: Any, book: BookClient
) -> None:
    empty = await client.create_book(f"{book.id}:empty")
    assert [a async for a in client.book(empty.id).list_accounts(at_least=empty.position)] == []

    command = ledgers.ExecuteRequest(book=book.id).commands.add(id="t")
    command.create_transfer.debit_account, command.create_transfer.credit_account = "world", "no"
    command.create_transfer.amount = "1"
    request = ledgers.ExecuteRequest(book=book.id, commands=[command])
    first, again = await stub.Execute(request), await stub.Execute(request)
    await book.open_account("later", asset="USD")
    later = await stub.Execute(request)
    recorded = seq(book, first.outcomes[0].position)
    for answer in (first, again, later):
        assert seq(book, answer.position) >= recorded
        assert answer.outcomes[0].position == first.outcomes[0].position
    assert await position(client, book) == later.position


# Accounts


async def test_account_when_opened_then_reads_give_all_that_was_asked(book: BookClient) -> None:
    outcome = await book.open_account(
        "users:42@x+~-.",
        asset="EUR",
        normal_side=NormalSide.DEBIT,
        min_balance=-AMOUNT_MAX,
        max_balance=AMOUNT_MAX,
    )
    account = await book.account("users:42@x+~-.")
    assert (account.asset, account.normal_side) == ("EUR", NormalSide.DEBIT)
    assert (account.min_balance, account.max_balance) == (-AMOUNT_MAX, AMOUNT_MAX)
    assert (account.balance, account.available) == (0, 0)
    assert (account.created_at, account.last_position) == (outcome.recorded_at, outcome.position)
    world = await book.account("world")
    assert (world.min_balance, world.max_balance) == (None, None)


async def test_account_when_amounts_are_as_large_as_can_be_then_nothing_is_lost(
    book: BookClient,
) -> None:
    await open_accounts(book, "a", "b")
    await book.transfer("world", "a", AMOUNT_MAX, id="all")
    accounts = await book.accounts(["world", "a"])
    assert accounts["world"].balance == accounts["world"].available == -AMOUNT_MAX
    assert accounts["a"].credits_posted == accounts["a"].balance == AMOUNT_MAX
    assert (await book.get_transfer("all")).amount == AMOUNT_MAX
    with pytest.raises(Rejected) as caught:
        await book.transfer("world", "b", 1)
    assert caught.value.reason is Reason.OVERFLOW
    assert caught.value.facts["total"] == "debits"
    await book.transfer("a", "world", AMOUNT_MAX)
    assert (await book.account("world")).balance == 0


async def test_accounts_when_rejected_then_their_last_position_stays(book: BookClient) -> None:
    await open_accounts(book, "a", min_balance=0)
    moved = await book.transfer("world", "a", 1)
    [rejected] = await book.execute([CreateTransfer("a", "world", 2)])
    assert rejected.rejected
    accounts = await book.accounts(["a", "world"])
    assert {account.last_position for account in accounts.values()} == {moved.position}


async def test_batch_get_accounts_keeps_the_order_and_names_what_is_missing(
    stub: Any, book: BookClient
) -> None:
    await open_accounts(book, "b", "a")
    request = ledgers.BatchGetAccountsRequest(
        book=book.id, accounts=["no", "world", "a", "nor-this", "b"]
    )
    answer = await stub.BatchGetAccounts(request)
    assert [account.id for account in answer.accounts] == ["world", "a", "b"]
    assert list(answer.missing) == ["no", "nor-this"]


PREFIXES = {
    "": ["A", "a", "a:1", "a:10", "a:1:x", "a:2", "aa", "a~", "b", "world"],
    "a": ["a", "a:1", "a:10", "a:1:x", "a:2", "aa", "a~"],
    "a:1": ["a:1", "a:10", "a:1:x"],
    "a:1:": ["a:1:x"],
    "a~": ["a~"],
    "A": ["A"],
}


async def test_list_accounts_by_prefix_is_in_the_order_of_bytes(
    stub: Any, book: BookClient
) -> None:
    await open_accounts(book, *(name for name in reversed(PREFIXES[""]) if name != "world"))
    for prefix, expected in PREFIXES.items():
        assert expected == sorted(expected)
        assert [a.id async for a in book.list_accounts(prefix=prefix)] == expected
        for size in (1, 2, 3, 5, 1000, 2**31 - 1):
            pages = await account_pages(stub, book, prefix, size)
            assert [name for page in pages for name in page] == expected
            assert all(len(page) == size for page in pages[:-1])
            assert pages[-1]


@pytest.mark.parametrize("prefix", ["c", "world:", "~", "_", "-"])
async def test_list_accounts_when_none_begins_so_then_page_is_empty(
    stub: Any, book: BookClient, prefix: str
) -> None:
    answer = await stub.ListAccounts(ledgers.ListAccountsRequest(book=book.id, prefix=prefix))
    assert list(answer.accounts) == []
    assert answer.next_page_token == ""
    assert seq(book, answer.position) >= 3


async def account_pages(
    stub: Any, book: BookClient, prefix: str, size: int, pause_s: float = 0
) -> list[list[str]]:
    request = ledgers.ListAccountsRequest(book=book.id, prefix=prefix, page_size=size)
    pages: list[list[str]] = []
    while True:
        answer = await stub.ListAccounts(request)
        pages.append([account.id for account in answer.accounts])
        request.page_token = answer.next_page_token
        if not answer.next_page_token:
            return pages
        await asyncio.sleep(pause_s)


async def test_list_accounts_when_others_are_opened_meanwhile_then_pages_are_stable(
    stub: Any, book: BookClient
) -> None:
    there = [f"a:{place:03}" for place in range(0, 200, 4)]
    coming = [f"a:{place:03}" for place in range(200) if place % 4]
    await open_accounts(book, *there)
    opening = asyncio.create_task(open_slowly(book, coming))
    rounds = 0
    while not opening.done() or rounds < 2:
        pages = await account_pages(stub, book, "a:", 9, pause_s=0.002)
        listed = [name for page in pages for name in page]
        assert listed == sorted(set(listed))
        assert set(there) <= set(listed)
        rounds += 1
    await opening
    listed = [a.id async for a in book.list_accounts(prefix="a:")]
    assert listed == sorted(there + coming)


async def open_slowly(book: BookClient, names: list[str]) -> None:
    for name in names[::-1]:
        await book.open_account(name, asset="USD")


# Transfers


async def test_transfer_when_read_then_is_what_was_sent(book: BookClient) -> None:
    labels = {
        "order": "42",
        "note": 'ключ ☃ \U0001f600 \\ " \n\t',
        "empty": "",
        "k" * 128: "é" * 256,
    }
    await open_accounts(book, "a")
    for id_, effective_at in (
        ("past", PAST),
        ("first", datetime(1, 1, 1, tzinfo=UTC)),
        ("1969", datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC)),
        ("now", None),
    ):
        outcome = await book.transfer(
            "world", "a", 5, id=id_, effective_at=effective_at, labels=labels
        )
        read = await book.get_transfer(id_)
        assert (read.id, read.debit, read.credit, read.amount) == (id_, "world", "a", 5)
        assert (read.asset, read.chain) == ("USD", None)
        assert read.effective_at == (effective_at or outcome.recorded_at)
        assert read.labels == labels
        assert read.outcome == outcome
        assert [t async for t in book.list_transfers()][0] == read  # noqa: RUF015


@pytest.mark.parametrize(
    ("command", "reason", "asset"),
    [
        (CreateTransfer("a", "world", 5, id="x"), Reason.BELOW_MIN_BALANCE, "USD"),
        (CreateTransfer("a", "world", 5, id="x", asset="USD"), Reason.BELOW_MIN_BALANCE, "USD"),
        (CreateTransfer("no", "a", 5, id="x"), Reason.ACCOUNT_NOT_FOUND, ""),
        (CreateTransfer("a", "no", 5, id="x", asset="EUR"), Reason.ACCOUNT_NOT_FOUND, "EUR"),
    ],
)
async def test_transfer_when_rejected_then_it_can_be_read_with_its_reason(
    book: BookClient, command: CreateTransfer, reason: Reason, asset: str
) -> None:
    await open_accounts(book, "a", min_balance=0)
    command = replace(command, labels={"k": "v"}, effective_at=PAST)
    [outcome] = await book.execute([command])
    assert outcome.reason is reason
    read = await book.get_transfer("x")
    assert read.outcome == outcome
    assert (read.amount, read.labels, read.effective_at) == (5, {"k": "v"}, PAST)
    assert read.asset == asset
    assert [t async for t in book.list_transfers()] == [read]
    assert [t async for t in book.list_transfers(account="a")] == []


async def test_list_transfers_of_an_account_has_both_sides_and_only_posted_ones(
    stub: Any, book: BookClient
) -> None:
    await open_accounts(book, "a", "b", min_balance=0)
    posted = [
        (await book.transfer(debit, credit, amount)).id
        for debit, credit, amount in (
            ("world", "a", 9),
            ("a", "b", 3),
            ("b", "world", 1),
            ("b", "a", 0),
            ("world", "b", 4),
            ("a", "world", 6),
        )
    ]
    [rejected] = await book.execute([CreateTransfer("a", "b", 1)])
    of = {"a": [0, 1, 3, 5], "b": [1, 2, 3, 4], "world": [0, 2, 4, 5], "nobody": []}
    for account, places in of.items():
        expected = [posted[place] for place in reversed(places)]
        assert [t.id async for t in book.list_transfers(account=account)] == expected
        for size in (1, 2, 3):
            assert await transfer_pages(stub, book, account, size) == expected
    assert [t.id async for t in book.list_transfers()] == [rejected.id, *reversed(posted)]


async def transfer_pages(
    stub: Any, book: BookClient, account: str, size: int, pause_s: float = 0
) -> list[str]:
    request = ledgers.ListTransfersRequest(book=book.id, account=account, page_size=size)
    listed: list[str] = []
    while True:
        answer = await stub.ListTransfers(request)
        assert len(answer.transfers) <= size
        listed += [transfer.id for transfer in answer.transfers]
        request.page_token = answer.next_page_token
        if not answer.next_page_token:
            return listed
        await asyncio.sleep(pause_s)


@pytest.mark.parametrize("account", ["a", ""])
async def test_list_transfers_when_more_come_meanwhile_then_none_is_skipped_or_twice(
    stub: Any, book: BookClient, account: str
) -> None:
    await open_accounts(book, "a", "b")
    known: list[str] = []

    async def write(count: int) -> None:
        for place in range(count):
            sides = ("world", "a") if place % 2 else ("a", "b")
            known.append((await book.transfer(*sides, 1)).id)

    await write(50)
    writers = [asyncio.create_task(write(60)) for _ in range(3)]
    rounds = 0
    while rounds < 2 or not all(writer.done() for writer in writers):
        before = set(known)
        listed = await transfer_pages(stub, book, account, 7, pause_s=0.001)
        assert len(listed) == len(set(listed))
        assert before <= set(listed)
        rounds += 1
    await asyncio.gather(*writers)
    assert sorted(known) == sorted([t.id async for t in book.list_transfers(account=account)])


# A page shows exactly what there is at its position


async def test_list_transfers_when_others_write_then_page_ends_at_its_position(
    stub: Any, book: BookClient
) -> None:
    await open_accounts(book, "a")
    await book.transfer("world", "a", 1)

    async def write() -> None:
        for _ in range(60):
            await book.transfer("world", "a", 1)

    writers = [asyncio.create_task(write()) for _ in range(4)]
    request = ledgers.ListTransfersRequest(book=book.id, page_size=1)
    apart = []
    while not all(writer.done() for writer in writers):
        answer = await stub.ListTransfers(request)
        newest = answer.transfers[0].outcome.position
        apart.append(seq(book, newest) - seq(book, answer.position))
    await asyncio.gather(*writers)
    assert set(apart) == {0}


async def test_list_accounts_when_others_open_some_then_page_has_all_up_to_its_position(
    stub: Any, book: BookClient
) -> None:
    async def open_some(writer: int) -> None:
        for place in range(50):
            await book.open_account(f"a:{writer}:{place}", asset="USD")

    first = seq(book, (await book.account("world")).last_position)
    writers = [asyncio.create_task(open_some(writer)) for writer in range(4)]
    request = ledgers.ListAccountsRequest(book=book.id, page_size=1000)
    missing = []
    while not all(writer.done() for writer in writers):
        answer = await stub.ListAccounts(request)
        missing.append(seq(book, answer.position) - first - (len(answer.accounts) - 1))
    await asyncio.gather(*writers)
    assert set(missing) == {0}


async def test_list_assets_when_others_open_some_then_page_ends_at_its_position(
    book_stub: Any, book: BookClient
) -> None:
    async def open_some(writer: int) -> None:
        for place in range(50):
            await book.open_asset(f"A:{writer}:{place}", scale=2)

    first = seq(book, (await book.account("world")).last_position)
    writers = [asyncio.create_task(open_some(writer)) for writer in range(4)]
    request = books.ListAssetsRequest(book=book.id, page_size=1000)
    apart = []
    while not all(writer.done() for writer in writers):
        answer = await book_stub.ListAssets(request)
        apart.append(seq(book, answer.position) - first - (len(answer.assets) - 2))
    await asyncio.gather(*writers)
    assert set(apart) == {0}


# Books and assets


async def test_create_book_when_there_already_then_it_is_returned_as_it_is(
    client: Yupana, book: BookClient
) -> None:
    created = await client.get_book(book.id)
    assert created.epoch == 1
    assert await client.create_book(book.id) == created

    name = f"{book.id}:many"
    made = await asyncio.gather(*(client.create_book(name) for _ in range(20)))
    assert len(set(made)) == 1
    assert seq(client.book(name), made[0].position) == 0


async def test_get_book_when_there_is_none_then_book_not_found(client: Yupana) -> None:
    with pytest.raises(BookNotFound):
        await client.get_book("nowhere")
    with pytest.raises(BookNotFound):
        await client.book("nowhere").transfer("a", "b", 1)


async def test_book_when_others_have_the_same_ids_then_they_are_apart(
    client: Yupana, book: BookClient
) -> None:
    other = client.book((await client.create_book(f"{book.id}:other")).id)
    await other.open_asset("USD", scale=3)
    await other.open_account("world", asset="USD")
    await open_accounts(book, "a")
    await open_accounts(other, "a")
    assert not (await book.transfer("world", "a", 1, id="t")).replayed
    assert not (await other.transfer("world", "a", 2, id="t")).replayed
    assert (await book.account("a")).balance == 1
    assert (await other.account("a")).balance == 2
    assert (await other.get_transfer("t")).amount == 2


async def test_list_books_is_in_the_order_of_ids_with_pages(
    client: Yupana, book_stub: Any, book: BookClient
) -> None:
    names = [f"{book.id}:{place}" for place in range(5)]
    for name in reversed(names):
        await client.create_book(name)
    listed = [found.id async for found in client.list_books()]
    assert listed == sorted(set(listed))
    assert {book.id, *names} <= set(listed)

    request, paged = books.ListBooksRequest(page_size=3), []
    while True:
        answer = await book_stub.ListBooks(request)
        paged += [found.id for found in answer.books]
        request.page_token = answer.next_page_token
        if not answer.next_page_token:
            break
        assert len(answer.books) == 3
    assert paged == listed


async def test_list_assets_is_in_the_order_of_ids_with_pages(
    book_stub: Any, book: BookClient
) -> None:
    for name, scale in (("USDT", 6), ("BTC", 8), ("a", 0), ("Z", 38)):
        await book.open_asset(name, scale=scale)
    listed = [asset async for asset in book.list_assets()]
    assert [(asset.id, asset.scale) for asset in listed] == [
        ("BTC", 8),
        ("EUR", 2),
        ("USD", 2),
        ("USDT", 6),
        ("Z", 38),
        ("a", 0),
    ]
    assert all(asset.created_at.year > 2000 for asset in listed)
    request, paged = books.ListAssetsRequest(book=book.id, page_size=2), []
    while not paged or request.page_token:
        answer = await book_stub.ListAssets(request)
        assert len(answer.assets) == 2
        paged += [asset.id for asset in answer.assets]
        request.page_token = answer.next_page_token
    assert paged == [asset.id for asset in listed]


async def test_open_asset_when_open_then_rejected_and_when_replayed_not(book: BookClient) -> None:
    assert (await book.open_asset("USD", scale=2)).replayed
    [rejected] = await book.execute([OpenAsset("USD", scale=2, id="other")])
    assert (rejected.kind, rejected.reason) == (OutcomeKind.REJECTED, Reason.ASSET_EXISTS)


async def test_books_when_more_are_written_than_there_are_connections_then_all_get_their_turn(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    ledger = start_ledger(database)
    failed: list[str] = []
    async with Yupana(ledger.address, write_timeout_s=1.5) as client:
        for place in range(210):
            name = f"b{place}"
            try:
                await client.create_book(name)
                await client.book(name).open_asset("USD", scale=2)
            except CallError as error:
                failed.append(f"{name}: {error}")
                if len(failed) == 2:
                    break
    assert failed == []
