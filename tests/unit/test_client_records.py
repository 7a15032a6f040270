"""Outcomes and records of the client as they are read from messages."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from yupana import (
    Account,
    AssetSum,
    Balances,
    Chain,
    Hold,
    HoldState,
    Measure,
    NormalSide,
    Outcome,
    OutcomeKind,
    Reason,
    Refused,
    Rejected,
    ResolvedHold,
    Side,
    TransferKind,
    WindowLimit,
    WindowUsage,
    YupanaError,
    convert,
)
from yupana.ledger.v1 import (
    account_pb2,
    error_reason_pb2,
    history_service_pb2,
    hold_pb2,
    ledger_service_pb2,
    limits_pb2,
    outcome_pb2,
    transfer_pb2,
)

LARGEST = 2**128 - 1
AT = datetime(2026, 3, 1, 12, 30, 15, 123_456, tzinfo=UTC)
AT_MESSAGE = convert.timestamp(AT)
LATER = AT + timedelta(days=1)
LATER_MESSAGE = convert.timestamp(LATER)
NEWER = 4711


DONE: list[tuple[dict[str, Message], dict[str, object]]] = [
    ({"transfer_posted": outcome_pb2.TransferPosted(amount="0")}, {"amount": 0}),
    ({"account_opened": outcome_pb2.AccountOpened()}, {}),
    ({"asset_opened": outcome_pb2.AssetOpened()}, {}),
    (
        {"hold_created": outcome_pb2.HoldCreated(amount="5", expire_time=LATER_MESSAGE)},
        {"amount": 5, "expires_at": LATER},
    ),
    ({"hold_created": outcome_pb2.HoldCreated(amount="5")}, {"amount": 5}),
    (
        {"hold_captured": outcome_pb2.HoldCaptured(amount="3", remaining="0")},
        {"amount": 3, "remaining": 0},
    ),
    ({"hold_released": outcome_pb2.HoldReleased(amount="3")}, {"amount": 3}),
    ({"hold_expired": outcome_pb2.HoldExpired(amount="3")}, {"amount": 3}),
    (
        {"hold_updated": outcome_pb2.HoldUpdated(remaining="9", expire_time=LATER_MESSAGE)},
        {"remaining": 9, "expires_at": LATER},
    ),
    ({"hold_updated": outcome_pb2.HoldUpdated(remaining="9")}, {"remaining": 9}),
    (
        {
            "group_resolved": outcome_pb2.GroupResolved(
                holds=[outcome_pb2.ResolvedHold(hold="h", amount="5")]
            )
        },
        {"holds": (ResolvedHold("h", 5),)},
    ),
    (
        {"transfer_reversed": outcome_pb2.TransferReversed(amount="2", reversed_amount="5")},
        {"amount": 2, "reversed_amount": 5},
    ),
    (
        {"payment_posted": outcome_pb2.PaymentPosted(leg_amounts=["5", "0"])},
        {"leg_amounts": (5, 0)},
    ),
    (
        {
            "limits_set": outcome_pb2.LimitsSet(
                below_min_balance=True, above_max_balance=True, windows_exceeded=[False, True]
            )
        },
        {
            "below_min_balance": True,
            "above_max_balance": True,
            "windows_exceeded": (False, True),
        },
    ),
    ({"limits_set": outcome_pb2.LimitsSet()}, {}),
    ({"account_frozen": outcome_pb2.AccountFrozen()}, {}),
    ({"account_closed": outcome_pb2.AccountClosed()}, {}),
    ({"account_reopened": outcome_pb2.AccountReopened()}, {}),
    ({"period_closed": outcome_pb2.PeriodClosed()}, {}),
    ({"erased": outcome_pb2.Erased()}, {}),
]
"""The results of what was done, and what their outcomes tell beside what all tell."""


def outcome(**result) -> Outcome:
    message = outcome_pb2.Outcome(id="t", position="p", record_time=AT_MESSAGE, **result)
    return convert.outcome(message)


def told(found: Outcome) -> dict[str, object]:
    """What an outcome tells beside what all outcomes tell."""
    plain = convert.outcome(outcome_pb2.Outcome())
    names = [
        name for name in Outcome.__slots__ if name not in ("id", "kind", "position", "recorded_at")
    ]
    return {
        name: getattr(found, name) for name in names if getattr(found, name) != getattr(plain, name)
    }


def test_outcome_of_a_posted_transfer() -> None:
    found = outcome(transfer_posted=outcome_pb2.TransferPosted(amount=str(LARGEST)), replayed=True)

    assert found.raise_for_reason() is found
    assert (found.ok, found.rejected, found.refused) == (True, False, False)
    assert (found.id, found.amount, found.replayed) == ("t", LARGEST, True)
    assert (found.position, found.recorded_at, found.reason) == ("p", AT, None)


@pytest.mark.parametrize(
    ("result", "expected"),
    DONE,
    ids=lambda each: next(iter(each), "nothing"),
)
def test_outcome_of_what_was_done_is_ok_and_tells_how_much(
    result: dict[str, Message], expected: dict[str, object]
) -> None:
    found = outcome(**result)

    assert found.ok
    assert found.kind == next(iter(result))
    assert told(found) == expected


def test_outcomes_of_all_that_can_be_done_are_tested() -> None:
    failed = {OutcomeKind.REJECTED, OutcomeKind.REFUSED, OutcomeKind.UNKNOWN}

    assert {kind for result, _ in DONE for kind in result} == set(OutcomeKind) - failed


def test_outcome_of_a_rejection_raises_with_its_facts() -> None:
    rejection = outcome_pb2.Rejection(
        reason=error_reason_pb2.ERROR_REASON_BELOW_MIN_BALANCE,
        facts={"account": "a"},
        message="a has 3 available, 5 asked",
    )
    found = outcome(rejected=rejection)

    with pytest.raises(Rejected) as caught:
        found.raise_for_reason()
    assert found.rejected
    assert caught.value.outcome is found
    assert caught.value.reason is Reason.BELOW_MIN_BALANCE
    assert caught.value.facts == {"account": "a"}
    assert str(caught.value) == "BELOW_MIN_BALANCE: a has 3 available, 5 asked"


def test_outcome_when_reason_is_newer_than_the_client_then_keeps_it() -> None:
    found = outcome(refused=outcome_pb2.Refusal(reason=NEWER))  # type: ignore[arg-type]

    assert found.reason == "4711"
    with pytest.raises(Refused):
        found.raise_for_reason()


def test_outcome_when_kind_is_newer_than_the_client_then_is_not_taken_for_done() -> None:
    found = convert.outcome(outcome_pb2.Outcome(id="t"))

    assert found.kind is OutcomeKind.UNKNOWN
    assert not found.ok
    with pytest.raises(YupanaError, match="update yupana"):
        found.raise_for_reason()


def totals(first: int) -> account_pb2.Balances:
    """Six numbers that are all different."""
    return account_pb2.Balances(
        debits_posted=str(first),
        credits_posted=str(first + 1),
        debits_pending=str(first + 2),
        credits_pending=str(first + 3),
        balance=str(-first),
        available=str(-first - 1),
    )


def balances(first: int) -> Balances:
    return Balances(first, first + 1, first + 2, first + 3, -first, -first - 1)


def test_account_has_everything_that_the_ledger_tells() -> None:
    limit = limits_pb2.WindowLimit(
        side=limits_pb2.SIDE_CREDIT,
        measure=limits_pb2.MEASURE_COUNT,
        length=convert.duration(timedelta(hours=1)),
        max=str(LARGEST),
    )
    message = account_pb2.Account(
        id="a",
        asset="USD",
        normal_side=account_pb2.NORMAL_SIDE_DEBIT,
        min_balance="-10",
        max_balance="0",
        balances=totals(LARGEST - 1),
        create_time=AT_MESSAGE,
        last_position="p",
        windows=[account_pb2.WindowUsage(limit=limit, used="7")],
        debits_frozen=True,
        credits_frozen=True,
        closed=True,
        code="wallet",
        labels={"k": "v"},
    )
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)

    assert convert.account(message) == Account(
        id="a",
        asset="USD",
        normal_side=NormalSide.DEBIT,
        min_balance=-10,
        max_balance=0,
        windows=(
            WindowUsage(
                WindowLimit(Side.CREDIT, Measure.COUNT, length=timedelta(hours=1), max=LARGEST),
                7,
            ),
        ),
        debits_posted=LARGEST - 1,
        credits_posted=LARGEST,
        debits_pending=LARGEST + 1,
        credits_pending=LARGEST + 2,
        balance=1 - LARGEST,
        available=-LARGEST,
        debits_frozen=True,
        credits_frozen=True,
        closed=True,
        code="wallet",
        labels={"k": "v"},
        created_at=AT,
        last_position="p",
    )


def test_account_when_nothing_is_limited_then_there_are_no_limits() -> None:
    account = convert.account(
        account_pb2.Account(id="a", balances=totals(0), create_time=Timestamp())
    )

    assert (account.min_balance, account.max_balance, account.windows) == (None, None, ())
    assert account.normal_side is NormalSide.CREDIT
    assert (account.debits_frozen, account.credits_frozen, account.closed) == (False,) * 3


def full_transfer() -> transfer_pb2.Transfer:
    return transfer_pb2.Transfer(
        id="t",
        debit_account="a",
        credit_account="b",
        amount="5",
        asset="USD",
        effective_time=AT_MESSAGE,
        labels={"k": "v"},
        chain=transfer_pb2.Chain(first_id="s", place=2, length=3),
        outcome=outcome_pb2.Outcome(
            id="t", hold_captured=outcome_pb2.HoldCaptured(amount="5", remaining="1")
        ),
        kind=transfer_pb2.TRANSFER_KIND_CAPTURE,
        code="sale",
        description="a lamp",
        reference="R-7",
        hold="h",
        group="g",
        reverses="r",
        payment="p",
        debit_balances=totals(10),
        credit_balances=totals(20),
        reversed_amount="3",
        rate="1.5",
    )


def test_transfer_has_everything_that_the_ledger_tells() -> None:
    message = full_transfer()
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)

    transfer = convert.transfer(message)

    assert (transfer.id, transfer.kind) == ("t", TransferKind.CAPTURE)
    assert (transfer.debit, transfer.credit, transfer.amount) == ("a", "b", 5)
    assert (transfer.asset, transfer.effective_at, transfer.labels) == ("USD", AT, {"k": "v"})
    assert transfer.chain == Chain("s", 2, 3)
    assert (transfer.outcome.kind, transfer.outcome.remaining) == (OutcomeKind.HOLD_CAPTURED, 1)
    assert (transfer.code, transfer.description, transfer.reference) == ("sale", "a lamp", "R-7")
    assert (transfer.hold, transfer.group) == ("h", "g")
    assert (transfer.reverses, transfer.payment, transfer.rate) == ("r", "p", "1.5")
    assert (transfer.debit_balances, transfer.credit_balances) == (balances(10), balances(20))
    assert transfer.reversed_amount == 3


def test_transfer_when_rejected_without_an_amount_then_there_is_none() -> None:
    transfer = convert.transfer(transfer_pb2.Transfer(id="t"))

    assert (transfer.debit, transfer.credit, transfer.amount) == ("", "", None)
    assert (transfer.debit_balances, transfer.credit_balances) == (None, None)
    assert (transfer.chain, transfer.reversed_amount) == (None, None)


def full_hold() -> hold_pb2.Hold:
    return hold_pb2.Hold(
        id="h",
        debit_account="a",
        credit_account="b",
        asset="USD",
        captured_amount="5",
        remaining_amount=str(LARGEST),
        expire_time=LATER_MESSAGE,
        state=hold_pb2.HOLD_STATE_OPEN,
        group="g",
        create_time=AT_MESSAGE,
        last_position="p",
    )


def test_hold_has_everything_that_the_ledger_tells() -> None:
    message = full_hold()
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)

    hold = Hold("h", "a", "b", "USD", 5, LARGEST, LATER, HoldState.OPEN, "g", AT, "p")
    assert convert.hold(message) == hold
    message.ClearField("expire_time")
    assert convert.hold(message).expires_at is None


def test_snapshot_has_accounts_by_id_and_open_holds() -> None:
    snapshot = convert.snapshot(
        ledger_service_pb2.BatchGetAccountsResponse(
            accounts=[
                account_pb2.Account(id=name, balances=totals(0), create_time=AT_MESSAGE)
                for name in ("b", "a")
            ],
            missing=["c"],
            position="p",
            open_holds=[full_hold()],
            more_open_holds=True,
        )
    )

    assert [(key, account.id) for key, account in snapshot.accounts.items()] == [
        ("b", "b"),
        ("a", "a"),
    ]
    assert (snapshot.missing, snapshot.position) == (("c",), "p")
    assert [hold.id for hold in snapshot.open_holds] == ["h"]
    assert snapshot.more_open_holds


def test_statement_page_has_totals_around_its_lines() -> None:
    line = history_service_pb2.StatementLine(
        transfer=full_transfer(), change="-5", balances=totals(2)
    )
    page = convert.statement_page(
        history_service_pb2.GetStatementResponse(
            lines=[line], opening=totals(1), closing=totals(3), position="p"
        )
    )

    assert (page.opening, page.closing, page.position) == (balances(1), balances(3), "p")
    [found] = page.lines
    assert (found.transfer.id, found.change, found.balances) == ("t", -5, balances(2))


def test_asset_sum_may_pass_what_one_account_can_hold() -> None:
    message = history_service_pb2.AssetSum(asset="USD", accounts=7, balances=totals(LARGEST))

    assert convert.asset_sum(message) == AssetSum("USD", 7, balances(LARGEST))


def test_records_when_enums_are_newer_than_the_client_then_they_are_kept() -> None:
    limit = limits_pb2.WindowLimit(side=NEWER, measure=NEWER, max="1")  # type: ignore[arg-type]
    account = account_pb2.Account(
        normal_side=NEWER,  # type: ignore[arg-type]
        balances=totals(0),
        windows=[account_pb2.WindowUsage(limit=limit, used="0")],
    )
    hold = full_hold()
    hold.state = NEWER  # type: ignore[assignment]
    transfer = full_transfer()
    transfer.kind = NEWER  # type: ignore[assignment]

    found = convert.account(account)
    assert found.normal_side == "4711"
    assert (found.windows[0].limit.side, found.windows[0].limit.measure) == ("4711", "4711")
    assert convert.hold(hold).state == "4711"
    assert convert.transfer(transfer).kind == "4711"
    assert convert.transfer(transfer_pb2.Transfer()).kind not in set(TransferKind)
