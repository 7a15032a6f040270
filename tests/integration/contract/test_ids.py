"""Commands over the wire: replays, ids used again, and what is only validated."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support.contract import PAST, open_accounts, position
from support.processes import LedgerProcess
from yupana import (
    Command,
    CreateTransfer,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Reason,
    Yupana,
    linked,
)
from yupana.book import BookClient

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
