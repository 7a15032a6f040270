"""Accounts and transfers, one by one and in lists."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from support.contract import PAST, open_accounts, seq
from yupana import CreateTransfer, NormalSide, Reason, Rejected
from yupana.book import BookClient
from yupana.ledger.v1 import ledger_service_pb2 as ledgers

AMOUNT_MAX = 2**128 - 1


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
