"""Lists of transfers and holds, and their pages."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from support.databases import Database
from support.journals import execute
from support.naive import NaiveHistory
from support.past import Past, statement
from support.processes import FeedProcess, LedgerProcess
from support.random_book import ACCOUNTS, SECOND
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
from yupana.ledger.v1 import history_service_pb2 as history
from yupana.ledger.v1 import hold_pb2
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana_server.book.commands import CreateHold, Deadline
from yupana_server.book.commands import CreateTransfer as Transfer
from yupana_server.book.commands import OpenAccount as Open
from yupana_server.book.entries import Entry
from yupana_server.messages.present import timestamp
from yupana_server.messages.tokens import encode_position
from yupana_server.runtime.errors import CallError as ServerError

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


async def test_transfers_when_shown_in_lists_and_statements_then_as_when_asked_for_alone(
    past: Past,
) -> None:
    """Plain ones are put together from the texts of their rows, in lists and statements."""
    request = ledgers.ListTransfersRequest(book="b", page_size=1000)
    listed = list((await past.servicers.ledger.ListTransfers(request)).transfers)
    for order in (history.STATEMENT_ORDER_RECORD_TIME, history.STATEMENT_ORDER_EFFECTIVE_TIME):
        pages = await statement(past, "world", 1000, order=order)
        listed += [line.transfer for page in pages for line in page.lines]
    assert len(listed) > 300
    for transfer in listed:
        request_one = ledgers.GetTransferRequest(book="b", id=transfer.id)
        alone = await past.servicers.ledger.GetTransfer(request_one)
        alone.ClearField("reversed_amount")  # A list does not say it.
        assert transfer == alone


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
