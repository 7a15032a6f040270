"""What the methods of a book's handle send, and what they make of the answers."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.message import Message

from support.fake_servers import FakeServer, OneServer
from yupana import (
    AccountNotFound,
    AsOf,
    BookClient,
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    Command,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Erase,
    FreezeAccount,
    HoldState,
    Leg,
    Measure,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Outcome,
    Reason,
    Rejected,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    Side,
    StatementOrder,
    UpdateHold,
    UpTo,
    WindowLimit,
    convert,
)
from yupana.attempts import Attempts
from yupana.calls import Calls, Cargo
from yupana.ledger.v1 import (
    account_pb2,
    as_of_pb2,
    consistency_pb2,
    error_reason_pb2,
    history_service_pb2,
    hold_pb2,
    ledger_service_pb2,
    outcome_pb2,
    transfer_pb2,
)
from yupana.methods import Method

AT = datetime(2026, 3, 1, tzinfo=UTC)
LATER = AT + timedelta(days=1)
WORDS = {"labels": {"k": "v"}, "code": "sale", "description": "a lamp", "reference": "R-7"}
WHEN_AND_WORDS = {"effective_at": AT, **WORDS}
CONDITIONS = [Condition.available(Side.DEBIT, at_least=0)]
WINDOWS = [WindowLimit(Side.DEBIT, Measure.COUNT, length=timedelta(hours=1), max=5)]
LEGS = [Leg("a", "b", 5), Leg("a", "c", collect=True)]
AT_LEAST = consistency_pb2.Consistency(at_least="p")
ZEROS = account_pb2.Balances(**dict.fromkeys(account_pb2.Balances.DESCRIPTOR.fields_by_name, "0"))


class ScriptedCalls(Calls):
    """Answers as scripted, without a network, and keeps what was asked."""

    def __init__(self, *answers: Message) -> None:
        super().__init__(OneServer(FakeServer()), write_timeout_s=5, read_timeout_s=5)
        self.asked: list[tuple[str, Message]] = []
        self.keys: list[str] = []
        self._answers = deque(answers)

    async def carry(self, method: Method, cargo: Cargo, attempts: Attempts):
        request = cargo.request()
        copy = type(request)()
        copy.CopyFrom(request)  # The next page is asked for with the same message.
        self.asked.append((method.name, copy))
        self.keys.append(attempts.key)
        return self._answers.popleft()


def done() -> ledger_service_pb2.ExecuteResponse:
    erased = outcome_pb2.Outcome(id="c", erased=outcome_pb2.Erased())
    return ledger_service_pb2.ExecuteResponse(outcomes=[erased])


COMMANDS: list[tuple[Callable[[BookClient], Awaitable[Outcome]], Command]] = [
    (
        lambda shop: shop.transfer(
            "a",
            "b",
            5,
            asset="USD",
            up_to=UpTo.DEBIT_LIMITS,
            conditions=CONDITIONS,
            id="c",
            **WHEN_AND_WORDS,
        ),
        CreateTransfer(
            "a",
            "b",
            5,
            asset="USD",
            up_to=UpTo.DEBIT_LIMITS,
            conditions=CONDITIONS,
            id="c",
            **WHEN_AND_WORDS,
        ),
    ),
    (
        lambda shop: shop.hold(
            "a",
            "b",
            5,
            expires_at=AT,
            asset="USD",
            group="g",
            up_to=UpTo.BOTH_LIMITS,
            conditions=CONDITIONS,
            id="c",
            **WORDS,
        ),
        CreateHold(
            "a",
            "b",
            5,
            expires_at=AT,
            asset="USD",
            group="g",
            up_to=UpTo.BOTH_LIMITS,
            conditions=CONDITIONS,
            id="c",
            **WORDS,
        ),
    ),
    (
        lambda shop: shop.hold("a", "b", 5, expires_after=timedelta(minutes=15), id="c"),
        CreateHold("a", "b", 5, expires_after=timedelta(minutes=15), id="c"),
    ),
    (
        lambda shop: shop.capture("h", 5, final=True, id="c", **WHEN_AND_WORDS),
        CaptureHold("h", 5, final=True, id="c", **WHEN_AND_WORDS),
    ),
    (lambda shop: shop.capture("h", id="c"), CaptureHold("h", id="c")),
    (lambda shop: shop.release("h", id="c"), ReleaseHold("h", id="c")),
    (
        lambda shop: shop.update_hold("h", amount=5, expires_at=AT, id="c"),
        UpdateHold("h", amount=5, expires_at=AT, id="c"),
    ),
    (
        lambda shop: shop.update_hold("h", expires_after=timedelta(days=1), id="c"),
        UpdateHold("h", expires_after=timedelta(days=1), id="c"),
    ),
    (
        lambda shop: shop.update_hold("h", never_expires=True, id="c"),
        UpdateHold("h", never_expires=True, id="c"),
    ),
    (
        lambda shop: shop.resolve_group("g", Resolution.CAPTURE, effective_at=AT, id="c"),
        ResolveGroup("g", Resolution.CAPTURE, effective_at=AT, id="c"),
    ),
    (
        lambda shop: shop.reverse("t", 5, force=True, id="c", **WHEN_AND_WORDS),
        ReverseTransfer("t", 5, force=True, id="c", **WHEN_AND_WORDS),
    ),
    (
        lambda shop: shop.pay(
            LEGS, collect_amount=9, collect_partially=True, id="c", **WHEN_AND_WORDS
        ),
        CreatePayment(LEGS, collect_amount=9, collect_partially=True, id="c", **WHEN_AND_WORDS),
    ),
    (lambda shop: shop.open_asset("USD", scale=2), OpenAsset("USD", scale=2)),
    (
        lambda shop: shop.open_account(
            "a",
            asset="USD",
            normal_side=NormalSide.DEBIT,
            min_balance=0,
            max_balance=5,
            windows=WINDOWS,
            code="wallet",
            labels={"k": "v"},
        ),
        OpenAccount(
            "a",
            "USD",
            normal_side=NormalSide.DEBIT,
            min_balance=0,
            max_balance=5,
            windows=WINDOWS,
            code="wallet",
            labels={"k": "v"},
        ),
    ),
    (
        lambda shop: shop.set_limits("a", min_balance=0, max_balance=5, windows=WINDOWS, id="c"),
        SetLimits("a", min_balance=0, max_balance=5, windows=WINDOWS, id="c"),
    ),
    (
        lambda shop: shop.freeze("a", debits=True, credits=False, id="c"),
        FreezeAccount("a", debits=True, credits=False, id="c"),
    ),
    (
        lambda shop: shop.freeze("a", debits=False, credits=True, id="c"),
        FreezeAccount("a", debits=False, credits=True, id="c"),
    ),
    (lambda shop: shop.close_account("a", id="c"), CloseAccount("a", id="c")),
    (lambda shop: shop.reopen_account("a", id="c"), ReopenAccount("a", id="c")),
    (lambda shop: shop.close_period(AT, id="c"), ClosePeriod(AT, id="c")),
    (lambda shop: shop.erase("t", id="c"), Erase("t", id="c")),
]


@pytest.mark.parametrize(("call", "command"), COMMANDS, ids=lambda each: type(each).__name__)
async def test_command_when_called_then_everything_given_is_sent(
    call: Callable[[BookClient], Awaitable[Outcome]], command: Command
) -> None:
    calls = ScriptedCalls(done())

    outcome = await call(BookClient(calls, "shop"))

    assert outcome.ok
    assert calls.asked == [("Execute", convert.execute_request("shop", [command]))]
    assert calls.keys == ["shop"]


async def test_command_when_rejected_then_raises() -> None:
    why = outcome_pb2.Rejection(reason=error_reason_pb2.ERROR_REASON_HOLD_EXPIRED)
    rejected = outcome_pb2.Outcome(id="c", rejected=why)
    calls = ScriptedCalls(ledger_service_pb2.ExecuteResponse(outcomes=[rejected]))

    with pytest.raises(Rejected) as caught:
        await BookClient(calls, "shop").capture("h")
    assert caught.value.reason is Reason.HOLD_EXPIRED


async def test_accounts_when_as_of_a_moment_then_it_is_asked_for() -> None:
    nothing = ledger_service_pb2.BatchGetAccountsResponse(missing=["a"])
    calls = ScriptedCalls(nothing)

    with pytest.raises(AccountNotFound, match="a was not open then in the book shop"):
        await BookClient(calls, "shop").account("a", as_of=AsOf(position="q"), at_least="p")

    expected = ledger_service_pb2.BatchGetAccountsRequest(
        book="shop",
        accounts=["a"],
        consistency=AT_LEAST,
        as_of=as_of_pb2.AsOf(position="q"),
    )
    assert calls.asked == [("BatchGetAccounts", expected)]


async def test_accounts_when_none_are_asked_for_then_no_call_is_made() -> None:
    calls = ScriptedCalls()

    assert await BookClient(calls, "shop").accounts([]) == {}
    assert calls.asked == []


async def test_snapshot_when_open_holds_are_wanted_then_they_are_asked_for() -> None:
    calls = ScriptedCalls(ledger_service_pb2.BatchGetAccountsResponse(position="q"))

    snapshot = await BookClient(calls, "shop").snapshot(["a", "b", "a"], open_holds=True)

    expected = ledger_service_pb2.BatchGetAccountsRequest(
        book="shop", accounts=["a", "b"], include_open_holds=True
    )
    assert snapshot.position == "q"
    assert calls.asked == [("BatchGetAccounts", expected)]


async def listed(items: AsyncIterator[object]) -> list[object]:
    return [item async for item in items]


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({}, {}),
        ({"prefix": "users:", "at_least": "p"}, {"prefix": "users:", "consistency": AT_LEAST}),
        ({"code": "wallet"}, {"code": "wallet"}),
        (
            {"label": ("tier", "gold")},
            {"label": ledger_service_pb2.Label(key="tier", value="gold")},
        ),
    ],
)
async def test_list_accounts_when_filtered_then_the_filter_is_sent(
    arguments: dict[str, object], fields: dict[str, object]
) -> None:
    calls = ScriptedCalls(ledger_service_pb2.ListAccountsResponse())

    await listed(BookClient(calls, "shop").list_accounts(**arguments))

    expected = ledger_service_pb2.ListAccountsRequest(book="shop", page_size=1000, **fields)
    assert calls.asked == [("ListAccounts", expected)]


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({}, {}),
        ({"account": "a", "at_least": "p"}, {"account": "a", "consistency": AT_LEAST}),
        ({"prefix": "users:"}, {"prefix": "users:"}),
        ({"code": "sale"}, {"code": "sale"}),
        ({"label": ("k", "v")}, {"label": ledger_service_pb2.Label(key="k", value="v")}),
        ({"group": "g"}, {"group": "g"}),
        ({"rejected": True}, {"outcome": ledger_service_pb2.OutcomeFilter(rejected=True)}),
        (
            {"reason": Reason.OVERFLOW, "since": AT, "before": LATER},
            {
                "outcome": ledger_service_pb2.OutcomeFilter(
                    reason=error_reason_pb2.ERROR_REASON_OVERFLOW
                ),
                "from_record_time": convert.timestamp(AT),
                "to_record_time": convert.timestamp(LATER),
            },
        ),
    ],
)
async def test_list_transfers_when_filtered_then_the_filter_is_sent(
    arguments: dict[str, object], fields: dict[str, object]
) -> None:
    calls = ScriptedCalls(ledger_service_pb2.ListTransfersResponse())

    await listed(BookClient(calls, "shop").list_transfers(**arguments))

    expected = ledger_service_pb2.ListTransfersRequest(book="shop", page_size=1000, **fields)
    assert calls.asked == [("ListTransfers", expected)]


async def test_get_outcome_and_hold_name_what_they_want() -> None:
    hold = hold_pb2.Hold(id="h", captured_amount="0", remaining_amount="5")
    calls = ScriptedCalls(outcome_pb2.Outcome(id="c", erased=outcome_pb2.Erased()), hold)
    shop = BookClient(calls, "shop")

    assert (await shop.get_outcome("c", at_least="p")).ok
    assert (await shop.get_hold("h", eventual=True)).remaining_amount == 5
    assert calls.asked == [
        (
            "GetOutcome",
            history_service_pb2.GetOutcomeRequest(book="shop", id="c", consistency=AT_LEAST),
        ),
        (
            "GetHold",
            history_service_pb2.GetHoldRequest(
                book="shop", hold="h", consistency=consistency_pb2.Consistency(eventual=True)
            ),
        ),
    ]


async def test_list_holds_when_expired_ones_are_wanted_then_says_so_and_pages() -> None:
    holds = [hold_pb2.Hold(id=name, captured_amount="0", remaining_amount="0") for name in "hi"]
    calls = ScriptedCalls(
        history_service_pb2.ListHoldsResponse(holds=holds[:1], next_page_token="2"),
        history_service_pb2.ListHoldsResponse(holds=holds[1:]),
    )

    found = await listed(BookClient(calls, "shop").list_holds(account="a", state=HoldState.EXPIRED))

    first, second = (
        history_service_pb2.ListHoldsRequest(
            book="shop",
            account="a",
            state=hold_pb2.HOLD_STATE_EXPIRED,
            page_size=1000,
            page_token=token,
        )
        for token in ("", "2")
    )
    assert [hold.id for hold in found] == ["h", "i"]
    assert calls.asked == [("ListHolds", first), ("ListHolds", second)]


async def test_statement_when_bounded_then_it_says_so_and_yields_the_lines_of_all_pages() -> None:
    line = history_service_pb2.StatementLine(
        transfer=transfer_pb2.Transfer(id="t"), change="0", balances=ZEROS
    )
    page = history_service_pb2.GetStatementResponse(lines=[line], opening=ZEROS, closing=ZEROS)
    first = history_service_pb2.GetStatementResponse(next_page_token="2")
    first.MergeFrom(page)
    calls = ScriptedCalls(first, page)

    found = await listed(
        BookClient(calls, "shop").statement(
            "a", since=AT, before=LATER, order=StatementOrder.EFFECTIVE_TIME
        )
    )

    expected = history_service_pb2.GetStatementRequest(
        book="shop",
        account="a",
        order=history_service_pb2.STATEMENT_ORDER_EFFECTIVE_TIME,
        from_time=convert.timestamp(AT),
        to_time=convert.timestamp(LATER),
        page_size=1000,
    )
    assert [each.transfer.id for each in found] == ["t", "t"]
    assert calls.asked[0] == ("GetStatement", expected)
    assert calls.asked[1][1].page_token == "2"


async def test_sum_balances_has_one_sum_for_each_asset() -> None:
    sums = [
        history_service_pb2.AssetSum(asset=asset, accounts=2, balances=ZEROS)
        for asset in ("EUR", "USD")
    ]
    calls = ScriptedCalls(history_service_pb2.SumBalancesResponse(sums=sums))

    found = await BookClient(calls, "shop").sum_balances("users:42")

    assert [each.asset for each in found] == ["EUR", "USD"]
    expected = history_service_pb2.SumBalancesRequest(book="shop", prefix="users:42")
    assert calls.asked == [("SumBalances", expected)]
