"""Statements and accounts as they were, by recorded and by effective time."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest

from support.naive import POSTED, effect
from support.past import Past, statement
from support.random_book import ACCOUNTS, SECOND
from yupana.ledger.v1 import as_of_pb2
from yupana.ledger.v1 import history_service_pb2 as history
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana_server.book.commands import CreateHold
from yupana_server.book.commands import CreateTransfer as Transfer
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.journal.statements import SCAN_MAX
from yupana_server.messages.present import timestamp
from yupana_server.messages.tokens import encode_position

BY_RECORD = history.STATEMENT_ORDER_RECORD_TIME
BY_EFFECT = history.STATEMENT_ORDER_EFFECTIVE_TIME


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


async def test_moments_when_looked_up_then_they_are_where_the_entries_say(past: Past) -> None:
    reader, times = past.servicers.reader, [0]
    times += [entry.recorded_at for entry in (await past.history()).entries]
    for seq, (at, later) in enumerate(pairwise([*times, 2**53])):
        for moment in (at, min(at + 1, later - 1), later - 1):
            assert await reader.seq_at(1, moment) == seq
    assert await reader.seq_at(2, times[-1]) == 0
