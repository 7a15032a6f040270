"""History as callers ask for it: statements, moments, lists and their pages."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from support.databases import Database
from support.journals import execute
from support.naive import POSTED, NaiveHistory, effect, naive_history
from support.processes import FeedProcess, LedgerProcess
from support.projectors import projector_of
from support.random_book import ACCOUNTS, SECOND, RandomBook
from support.servicers import Servicers, servicers_of
from support.writers import send, writers
from yupana import (
    AccountNotFound,
    CommandNotFound,
    CreateTransfer,
    HoldNotFound,
    HoldState,
    OpenAccount,
    PrefixTooWide,
)
from yupana.book import BookClient
from yupana.ledger.v1 import as_of_pb2, hold_pb2
from yupana.ledger.v1 import history_service_pb2 as history
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana_server.book.commands import CreateHold, Deadline
from yupana_server.book.commands import CreateTransfer as Transfer
from yupana_server.book.commands import OpenAccount as Open
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.feed.projector import Projector
from yupana_server.journal.statements import SCAN_MAX
from yupana_server.messages.present import timestamp
from yupana_server.messages.tokens import encode_position
from yupana_server.runtime.errors import CallError as ServerError

BY_RECORD = history.STATEMENT_ORDER_RECORD_TIME
BY_EFFECT = history.STATEMENT_ORDER_EFFECTIVE_TIME

WRITTEN_AT_ONCE = 1_000


@dataclass
class Past:
    """A book with a past, and everything to read it with."""

    database: Database
    servicers: Servicers
    book: RandomBook
    write: Callable[..., Any]
    projector: Projector

    async def history(self) -> NaiveHistory:
        return await naive_history(self.servicers.reader, 1, self.database.admin_url)


@pytest.fixture
async def past(database: Database) -> AsyncIterator[Past]:
    """A book `b` of which the projector has folded about the half."""
    book = RandomBook(41)
    async with (
        writers(database) as make,
        servicers_of(database) as servicers,
        projector_of(database) as projector,
    ):
        writer = make()

        async def write(*commands: Any) -> None:
            # In parts: what takes a second to decide, on a busy machine, is too old then (R8).
            for first in range(0, len(commands), WRITTEN_AT_ONCE):
                await send(writer, *commands[first : first + WRITTEN_AT_ONCE])

        await write(*book.opening(), *book.commands(150))
        await projector.catch_up()
        await write(*book.commands(150))
        yield Past(database, servicers, book, write, projector)


async def statement(past: Past, account: str, size: int, **wanted: Any) -> list[Any]:
    """Return all pages of a statement."""
    pages: list[Any] = []
    token = ""
    while token or not pages:
        request = history.GetStatementRequest(
            book="b", account=account, page_size=size, page_token=token, **wanted
        )
        pages.append(await past.servicers.history.GetStatement(request))
        token = pages[-1].next_page_token
    return pages


def totals(balances: Any) -> Totals:
    return Totals(
        int(balances.debits_posted),
        int(balances.credits_posted),
        int(balances.debits_pending),
        int(balances.credits_pending),
    )


def change(entry: Entry, account: str) -> int:
    if entry.kind not in POSTED:
        return 0
    amount = entry.amount or 0
    return amount if entry.credit_account == account else -amount


def assert_adds_up(pages: list[Any]) -> None:
    """Every page begins where the one before ended, and its balances are its lines' sums."""
    for before, after in pairwise(pages):
        assert after.opening == before.closing
    for page in pages:
        running = int(page.opening.balance)
        for line in page.lines:
            running += int(line.change)
            assert int(line.balances.balance) == running
        assert page.closing == (page.lines[-1].balances if page.lines else page.opening)


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_statement_when_as_recorded_then_it_is_what_the_entries_say(
    past: Past, size: int
) -> None:
    naive = await past.history()
    times = [entry.recorded_at for entry in naive.entries]
    for account in ("shop", "users:1:wallet", "odd::name"):
        for begin, end in ((None, None), (times[90], times[-60]), (times[-1] + 1, None)):
            pages = await statement(past, account, size, **between(begin, end), order=BY_RECORD)
            mine = [
                entry
                for entry in reversed(naive.of_accounts([account]))
                if (begin or 0) <= entry.recorded_at < (end or 2**62)
            ]
            lines = [line for page in pages for line in page.lines]
            assert [line.transfer.id for line in lines] == [entry.id for entry in mine]
            assert [int(line.change) for line in lines] == [change(e, account) for e in mine]
            assert_adds_up(pages)
            opening = naive.recorded_at(account, (begin or 1) - 1) or ZERO
            assert totals(pages[0].opening) == opening
            closing = naive.recorded_at(account, (end or 2**62) - 1) or ZERO
            assert totals(pages[-1].closing) == closing


def between(begin: int | None, end: int | None) -> dict[str, Any]:
    return {
        "from_time": None if begin is None else timestamp(begin),
        "to_time": None if end is None else timestamp(end),
    }


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_statement_when_by_effect_then_it_is_what_the_entries_say(
    past: Past, size: int
) -> None:
    naive = await past.history()
    for account in ("shop", "users:1:wallet", "odd::name"):
        mine = naive.by_effect(account)
        middle = [effect(mine[len(mine) // 4]), effect(mine[len(mine) * 3 // 4])]
        for begin, end in ((None, None), (middle[0], middle[1]), (None, middle[0] + 1)):
            pages = await statement(past, account, size, **between(begin, end), order=BY_EFFECT)
            wanted = [e for e in mine if (begin or -(2**62)) <= effect(e) < (end or 2**62)]
            lines = [line for page in pages for line in page.lines]
            assert [line.transfer.id for line in lines] == [entry.id for entry in wanted]
            assert_adds_up(pages)
            opening = naive.posted_at(account, (begin or -(2**62)) - 1)
            assert totals(pages[0].opening) == Totals(*opening, 0, 0)
            closing = naive.posted_at(account, (end or 2**62) - 1)
            assert totals(pages[-1].closing) == Totals(*closing, 0, 0)


async def test_statement_when_back_dated_entries_come_between_pages_then_it_still_adds_up(
    past: Past,
) -> None:
    pages: list[Any] = []
    token = ""
    while token or not pages:
        request = history.GetStatementRequest(
            book="b", account="shop", order=BY_EFFECT, page_size=5, page_token=token
        )
        pages.append(await past.servicers.history.GetStatement(request))
        token = pages[-1].next_page_token
        await past.write(
            Transfer(f"late:{len(pages)}", "world", "shop", 1, effective_at=SECOND),
            Transfer(f"now:{len(pages)}", "world", "shop", 1),
        )
        assert len(pages) < 1000
    assert_adds_up(pages)
    shown = [line.transfer.id for page in pages for line in page.lines]
    assert len(shown) == len(set(shown))
    mine = (await past.history()).by_effect("shop")
    assert shown == [entry.id for entry in mine if not entry.id.startswith("late:")][: len(shown)]


async def test_statement_when_most_entries_are_not_lines_then_pages_are_short_but_none_is_missing(
    past: Past,
) -> None:
    # The next page begins where the first one stopped looking.
    await past.write(
        *(CreateHold(f"h:{number}", "world", "shop", 1) for number in range(SCAN_MAX + 50)),
        Transfer("last", "world", "shop", 1),
        Transfer("back", "shop", "world", 1),
    )
    pages = await statement(past, "shop", 1000, order=BY_EFFECT)
    assert len(pages) == 2
    shown = [line.transfer.id for page in pages for line in page.lines]
    assert shown == [entry.id for entry in (await past.history()).by_effect("shop")]
    assert_adds_up(pages)


async def test_accounts_when_as_of_any_moment_then_they_are_what_the_entries_say(
    past: Past,
) -> None:
    random, naive = Random(1), await past.history()
    for entry in random.sample(naive.entries, 12):
        by_position = await as_of(past, position=encode_position("b", 1, entry.seq))
        by_record = await as_of(past, record_time=timestamp(entry.recorded_at))
        assert by_position == by_record
        assert set(by_record) == {
            account for account, opened in naive.accounts().items() if opened.seq <= entry.seq
        }
        for account, found in by_record.items():
            assert found == (naive.recorded_at(account, entry.recorded_at) or ZERO)
    for at in random.sample(past.book.effects, 12):
        for moment in (at, at - 1):
            for account, found in (await as_of(past, effective_time=timestamp(moment))).items():
                assert found[:2] == naive.posted_at(account, moment)


async def as_of(past: Past, **moment: Any) -> dict[str, Totals]:
    request = ledgers.BatchGetAccountsRequest(
        book="b", accounts=list(ACCOUNTS), as_of=as_of_pb2.AsOf(**moment)
    )
    response = await past.servicers.ledger.BatchGetAccounts(request)
    return {account.id: totals(account.balances) for account in response.accounts}


FILTERS: list[dict[str, Any]] = [
    {},
    {"account": "shop"},
    {"prefix": "users:1"},
    {"code": "sale"},
    {"label": ledgers.Label(key="order", value="7")},
    {"group": "cart-1"},
    {"outcome": ledgers.OutcomeFilter(rejected=True)},
    {"outcome": ledgers.OutcomeFilter(reason=1)},  # type: ignore[arg-type]
]


def expected(naive: NaiveHistory, wanted: dict[str, Any]) -> list[Entry]:
    [(name, value)] = list(wanted.items()) or [("all", None)]
    return {
        "all": naive.listed,
        "account": lambda: naive.of_accounts([value]),
        "prefix": lambda: naive.of_prefix(value),
        "code": lambda: naive.with_code(value),
        "label": lambda: naive.with_label("order", "7"),
        "group": lambda: naive.of_group(value),
        "outcome": lambda: naive.rejected(value.reason or None),
    }[name]()


@pytest.mark.parametrize("wanted", FILTERS)
async def test_transfers_when_listed_by_pages_while_others_write_then_pages_are_stable(
    past: Past, wanted: dict[str, Any]
) -> None:
    naive = await past.history()
    random = Random(3)
    shown: list[str] = []
    token = ""
    for place in range(1000):
        request = ledgers.ListTransfersRequest(
            book="b", page_size=random.randint(1, 9), page_token=token, **wanted
        )
        page = await past.servicers.ledger.ListTransfers(request)
        shown += [transfer.id for transfer in page.transfers]
        token = page.next_page_token
        if not token:
            break
        if place < 5:
            await past.write(Transfer(f"later:{place}", "world", "shop", 1, code="sale"))
            await past.projector.catch_up()
    assert shown == [entry.id for entry in expected(naive, wanted)]
    assert shown


@pytest.mark.parametrize("size", [2, 10, 60])
async def test_transfers_when_one_account_of_a_prefix_has_most_then_none_is_missing(
    past: Past, size: int
) -> None:
    await past.write(
        *(
            Transfer(f"much:{number}", "world", "users:1:wallet" if number % 9 else "users:1", 1)
            for number in range(100)
        )
    )
    shown: list[str] = []
    token = ""
    while token or not shown:
        request = ledgers.ListTransfersRequest(
            book="b", prefix="users:1", page_size=size, page_token=token
        )
        page = await past.servicers.ledger.ListTransfers(request)
        shown += [transfer.id for transfer in page.transfers]
        token = page.next_page_token
    assert shown == [entry.id for entry in (await past.history()).of_prefix("users:1")]


@pytest.mark.parametrize("wanted", FILTERS)
async def test_transfers_when_listed_between_two_times_then_only_those_are_listed(
    past: Past, wanted: dict[str, Any]
) -> None:
    naive = await past.history()
    begin, end = naive.entries[100].recorded_at, naive.entries[-100].recorded_at
    request = ledgers.ListTransfersRequest(
        book="b",
        page_size=1000,
        from_record_time=timestamp(begin),
        to_record_time=timestamp(end),
        **wanted,
    )
    page = await past.servicers.ledger.ListTransfers(request)
    among = [e.id for e in expected(naive, wanted) if begin <= e.recorded_at < end]
    assert [transfer.id for transfer in page.transfers] == among


async def test_transfers_when_many_other_entries_stand_between_then_pages_go_on_behind_them(
    past: Past,
) -> None:
    await past.write(*(Open(f"o:{number}", f"many:{number}", "USD") for number in range(10_100)))
    shown: list[str] = []
    pages, token = 0, ""
    while token or not pages:
        request = ledgers.ListTransfersRequest(book="b", page_size=1000, page_token=token)
        page = await past.servicers.ledger.ListTransfers(request)
        shown += [transfer.id for transfer in page.transfers]
        pages, token = pages + 1, page.next_page_token
    assert pages == 2
    assert shown == [entry.id for entry in (await past.history()).listed()]


async def test_holds_when_listed_then_open_and_expired_ones_stand_apart(past: Past) -> None:
    await past.write(CreateHold("soon", "world", "shop", 1, deadline=Deadline(after=SECOND // 50)))
    await asyncio.sleep(0.1)  # Until those with short deadlines are due.
    await past.write(Transfer("expires:them", "world", "shop", 1))
    naive = await past.history()
    for account in ("", "shop"):
        found = await holds(past, hold_pb2.HOLD_STATE_OPEN, account)
        mine = {entry.hold for entry in naive.of_accounts([account])} if account else None
        opened = [hold for hold in naive.open_holds() if mine is None or hold in mine]
        # Those whose time has come meanwhile are not open, whether that is recorded or not.
        assert set(found) <= set(opened)
        assert [hold for hold in opened if hold in found] == found
        expired = [
            entry.hold
            for entry in naive.listed()
            if entry.kind.name == "EXPIRY" and (mine is None or entry.hold in mine)
        ]
        assert await holds(past, hold_pb2.HOLD_STATE_EXPIRED, account) == expired
    assert expired


async def holds(past: Past, state: Any, account: str) -> list[str]:
    found: list[str] = []
    token = ""
    while token or not found:
        request = history.ListHoldsRequest(
            book="b", state=state, account=account, page_size=3, page_token=token
        )
        page = await past.servicers.history.ListHolds(request)
        for hold in page.holds:
            assert hold == await past.servicers.history.GetHold(
                history.GetHoldRequest(book="b", hold=hold.id)
            )
            assert hold.state == state
        found += [hold.id for hold in page.holds]
        token = page.next_page_token
        if not token:
            break
    return found


async def test_snapshot_when_with_open_holds_then_they_add_up_to_what_is_pending(
    past: Past,
) -> None:
    request = ledgers.BatchGetAccountsRequest(
        book="b", accounts=list(ACCOUNTS), include_open_holds=True
    )
    response = await past.servicers.ledger.BatchGetAccounts(request)
    assert not response.more_open_holds
    naive = await past.history()
    assert {hold.id for hold in response.open_holds} <= set(naive.open_holds())
    assert response.position == encode_position("b", 1, naive.seq)


async def test_sums_when_prefix_is_not_whole_segments_then_it_is_named(past: Past) -> None:
    for prefix in ("users:", "a b", ":".join("abcdefghijklmnopq")):
        with pytest.raises(ServerError) as caught:
            await past.servicers.history.SumBalances(
                history.SumBalancesRequest(book="b", prefix=prefix)
            )
        assert [violation.field for violation in caught.value.violations] == ["prefix"]


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        ({"account": "a", "code": "c"}, ["code"]),
        (
            {
                "prefix": "a",
                "label": ledgers.Label(key="k"),
                "group": "g",
                "outcome": ledgers.OutcomeFilter(rejected=True),
            },
            ["label", "group", "outcome"],
        ),
        ({"outcome": ledgers.OutcomeFilter(rejected=False)}, ["outcome.rejected"]),
        ({"outcome": ledgers.OutcomeFilter()}, ["outcome.rejected"]),
        ({"outcome": ledgers.OutcomeFilter(reason=32)}, ["outcome.reason"]),
        ({"outcome": ledgers.OutcomeFilter(reason=0)}, ["outcome.reason"]),
        ({"outcome": ledgers.OutcomeFilter(reason=999)}, ["outcome.reason"]),
        ({"label": ledgers.Label(key="", value="\x00")}, ["label.key", "label.value"]),
        ({"prefix": "ä"}, ["prefix"]),
        ({"code": "c d"}, ["code"]),
        ({"from_record_time": timestamp(-(10**18))}, ["from_record_time"]),
    ],
)
async def test_transfers_when_the_filter_is_wrong_then_every_violation_is_named(
    past: Past, wanted: dict[str, Any], fields: list[str]
) -> None:
    with pytest.raises(ServerError) as caught:
        await past.servicers.ledger.ListTransfers(ledgers.ListTransfersRequest(book="b", **wanted))
    assert [violation.field for violation in caught.value.violations] == fields


# Over the wire


async def test_transfers_when_too_many_accounts_have_the_prefix_then_it_is_too_wide(
    feed: FeedProcess, book: BookClient
) -> None:
    await book.execute([OpenAccount(f"many:{number}", "USD") for number in range(1_001)])
    await book.execute([CreateTransfer("world", "many:7", 5, id="t")])
    with pytest.raises(PrefixTooWide):
        await anext(aiter(book.list_transfers(prefix="many:")))
    assert [each.id async for each in book.list_transfers(prefix="many:7")] == ["t"]


async def test_reads_when_there_is_no_such_thing_then_they_say_which(
    feed: FeedProcess, book: BookClient
) -> None:
    with pytest.raises(CommandNotFound):
        await book.get_outcome("nothing")
    with pytest.raises(HoldNotFound):
        await book.get_hold("nothing")
    with pytest.raises(AccountNotFound):
        await anext(aiter(book.statement("nothing")))


async def test_holds_when_nobody_touches_their_accounts_then_they_expire_all_the_same(
    ledger: LedgerProcess, feed: FeedProcess, shared_database: Database, book: BookClient
) -> None:
    await book.execute([OpenAccount("idle", "USD")])
    await book.hold("world", "idle", 5, id="short", expires_after=timedelta(milliseconds=200))
    await book.hold("world", "idle", 5, id="shortened", expires_after=timedelta(hours=1))
    folded = "SELECT count(*) FROM yupana.open_holds WHERE hold = 'shortened'"
    async with asyncio.timeout(15):
        while execute(shared_database.admin_url, folded) == [(0,)]:
            await asyncio.sleep(0.05)
        await book.update_hold("shortened", expires_after=timedelta(milliseconds=200))
        expired: set[str] = set()
        while len(expired) < 2:
            expired = {hold.id async for hold in book.list_holds(state=HoldState.EXPIRED)}
            await asyncio.sleep(0.05)
    assert expired == {"short", "shortened"}
    assert (await book.get_hold("short")).state is HoldState.EXPIRED
    assert (await book.account("idle")).credits_pending == 0
