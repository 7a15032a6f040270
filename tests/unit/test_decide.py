"""What `decide` makes of commands: what is posted, every reason, limits, time."""

import pytest

from support.decisions import NOW, account, ask, balance, book, chain, reason, reasons, record
from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import (
    Command,
    CreateTransfer,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Words,
)
from yupana_server.book.decide import Replay
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.rejections import Reason, Refusal, explain
from yupana_server.book.state import State

# What is posted


def test_transfer_when_nothing_is_in_its_way_then_entry_carries_both_balances() -> None:
    state = book(account("a", Totals(1, 20, 3, 4)), account("b", Totals(5, 6, 7, 8)))
    [entry] = ask(
        state, CreateTransfer("t", "a", "b", 9, words=Words({"k": "v"}, sealed=b"sealed"))
    )

    assert isinstance(entry, Entry)
    assert (entry.seq, entry.recorded_at, entry.id, entry.reason) == (11, NOW, "t", None)
    assert (entry.debit_account, entry.credit_account, entry.amount) == ("a", "b", 9)
    assert entry.debit_totals == Totals(10, 20, 3, 4)
    assert entry.credit_totals == Totals(5, 15, 7, 8)
    assert entry.asset == "USD"
    assert entry.sealed_words == b"sealed"
    assert entry.effective_at is None


def test_transfer_when_asset_is_given_and_right_then_posts() -> None:
    [entry] = ask(book(account("a"), account("b")), CreateTransfer("t", "a", "b", 1, "USD"))
    assert reason(entry) is None


@pytest.mark.parametrize("effective_at", [NOW, NOW - 1, 0, -62_135_596_800_000_000])
def test_transfer_when_effective_now_or_before_then_posts(effective_at: int) -> None:
    state = book(account("a"), account("b"))
    [entry] = ask(state, CreateTransfer("t", "a", "b", 1, effective_at=effective_at))
    assert isinstance(entry, Entry)
    assert entry.effective_at == effective_at


def test_open_account_when_new_then_entry_says_all_that_was_asked() -> None:
    [entry] = ask(book(), OpenAccount("o", "a", "USD", NormalSide.DEBIT, -5, 7))
    assert isinstance(entry, Entry)
    assert (entry.account, entry.asset) == ("a", "USD")
    assert entry.content == {"normal_side": 2, "min_balance": -5, "max_balance": 7}


def test_open_asset_when_new_then_entry_says_its_scale() -> None:
    [entry] = ask(book(), OpenAsset("o", "BTC", 8))
    assert isinstance(entry, Entry)
    assert (entry.asset, entry.content, entry.account) == ("BTC", {"scale": 8}, None)


# Every reason once. Recorded ones are entries, the others refusals.

REASONS = [
    (
        CreateTransfer("t", "nobody", "b", 1),
        Reason.ACCOUNT_NOT_FOUND,
        {"account": "nobody", "side": "debit"},
    ),
    (
        CreateTransfer("t", "a", "nobody", 1),
        Reason.ACCOUNT_NOT_FOUND,
        {"account": "nobody", "side": "credit"},
    ),
    (OpenAccount("o", "new", "BTC"), Reason.ASSET_NOT_FOUND, {"asset": "BTC"}),
    (
        OpenAccount("o", "a", "USD"),
        Reason.ACCOUNT_EXISTS,
        {"account": "a", "opened_by": "open-a"},
    ),
    (OpenAsset("o", "USD", 2), Reason.ASSET_EXISTS, {"asset": "USD"}),
    (
        CreateTransfer("t", "a", "b", 11),
        Reason.BELOW_MIN_BALANCE,
        {"account": "a", "available": "10", "amount": "11", "min_balance": "0"},
    ),
    (
        CreateTransfer("t", "a", "capped", 9),
        Reason.ABOVE_MAX_BALANCE,
        {"account": "capped", "balance": "992", "amount": "9", "max_balance": "1000"},
    ),
    (
        CreateTransfer("t", "spent", "b", 1),
        Reason.OVERFLOW,
        {"account": "spent", "total": "debits", "limit": str(AMOUNT_MAX)},
    ),
    (
        CreateTransfer("t", "b", "filled", 1),
        Reason.OVERFLOW,
        {"account": "filled", "total": "credits", "limit": str(AMOUNT_MAX)},
    ),
    (
        CreateTransfer("t", "a", "euro", 1),
        Reason.ASSET_MISMATCH,
        {"debit_asset": "USD", "credit_asset": "EUR", "asked_asset": "either"},
    ),
    (
        CreateTransfer("t", "a", "b", 1, "EUR"),
        Reason.ASSET_MISMATCH,
        {"debit_asset": "USD", "credit_asset": "USD", "asked_asset": "EUR"},
    ),
    (
        CreateTransfer("t", "a", "b", 1, effective_at=NOW + 1),
        Reason.EFFECTIVE_TIME_IN_FUTURE,
        {"effective_time": "2023-11-14T22:13:20.000001Z"},
    ),
]


def book_of_reasons() -> State:
    return book(
        account("a", balance(10), floor=0),
        account("b"),
        account("euro", asset="EUR"),
        account("capped", Totals(0, 990, 0, 2), ceiling=1000),
        account("spent", Totals(AMOUNT_MAX, AMOUNT_MAX, 0, 0), floor=0),
        account("filled", Totals(0, AMOUNT_MAX, 0, 0), ceiling=0),
    )


@pytest.mark.parametrize(("command", "expected", "facts"), REASONS)
def test_decide_when_something_is_in_the_way_then_names_reason_and_facts(
    command: Command, expected: Reason, facts: dict[str, str]
) -> None:
    [outcome] = ask(book_of_reasons(), command)

    assert reason(outcome) is expected
    assert not isinstance(outcome, Replay)
    assert outcome.facts == facts
    recorded = expected <= Reason.LINKED_FAILED
    assert isinstance(outcome, Entry if recorded else Refusal)
    assert all(value in explain(expected, facts) for value in facts.values())


@pytest.mark.parametrize("command", [c for c, r, _ in REASONS if r <= Reason.LINKED_FAILED])
def test_decide_when_rejected_then_entry_keeps_request_and_carries_no_balances(
    command: Command,
) -> None:
    [entry] = ask(book_of_reasons(), command)

    assert isinstance(entry, Entry)
    assert (entry.seq, entry.recorded_at, entry.id) == (11, NOW, command.id)
    assert entry.debit_totals is entry.credit_totals is None
    for field in ("debit_account", "credit_account", "amount", "account", "asset"):
        asked = getattr(command, field, None)
        assert asked is None or getattr(entry, field) == asked


def test_transfer_when_rejected_between_known_accounts_then_entry_has_their_asset() -> None:
    # Contract, Transfer.asset: "as the caller gave it or else that of the accounts. Empty when
    # rejected for an account that was not found and not given."
    [entry] = ask(book_of_reasons(), CreateTransfer("t", "a", "b", 11))
    assert isinstance(entry, Entry)
    assert entry.asset == "USD"


# The order of the reasons. Each command has the named problem and the one that is next in order.

EMPTY, FULL = Totals(0, 0, 0, 0), Totals(AMOUNT_MAX, AMOUNT_MAX, 0, 0)
ORDER = [
    (CreateTransfer("known", "a", "b", 1, effective_at=NOW + 1), Reason.ID_REUSED, "field"),
    (
        CreateTransfer("t", "no1", "no2", 1, effective_at=NOW + 9),
        Reason.EFFECTIVE_TIME_IN_FUTURE,
        "effective_time",
    ),
    (CreateTransfer("t", "no1", "no2", 1), Reason.ACCOUNT_NOT_FOUND, "no1"),
    (CreateTransfer("t", "a", "no2", 1, "EUR"), Reason.ACCOUNT_NOT_FOUND, "no2"),
    (CreateTransfer("t", "full", "euro", 1), Reason.ASSET_MISMATCH, "EUR"),
    (CreateTransfer("t", "full", "full2", 1), Reason.OVERFLOW, "full"),
    (CreateTransfer("t", "floor", "full2", 1), Reason.OVERFLOW, "full2"),
    (CreateTransfer("t", "full", "ceiling", 1), Reason.OVERFLOW, "full"),
    (CreateTransfer("t", "floor", "ceiling", 1), Reason.BELOW_MIN_BALANCE, "floor"),
    (CreateTransfer("t", "a", "ceiling", 1), Reason.ABOVE_MAX_BALANCE, "ceiling"),
    (OpenAccount("known", "a", "BTC"), Reason.ID_REUSED, "kind"),
    (OpenAccount("o", "a", "BTC"), Reason.ASSET_NOT_FOUND, "BTC"),
    (OpenAsset("known", "USD", 2), Reason.ID_REUSED, "kind"),
]


@pytest.mark.parametrize(("command", "expected", "word"), ORDER)
def test_decide_when_two_things_are_wrong_then_the_first_in_order_is_named(
    command: Command, expected: Reason, word: str
) -> None:
    state = book(
        account("a"),
        account("b"),
        account("euro", asset="EUR"),
        account("floor", EMPTY, floor=0),
        account("ceiling", EMPTY, ceiling=0),
        account("full", FULL, floor=0),
        account("full2", FULL, ceiling=0),
    )
    record(state, CreateTransfer("known", "a", "b", 1))
    [outcome] = ask(state, command)

    assert reason(outcome) is expected
    assert not isinstance(outcome, Replay)
    assert outcome.facts is not None
    assert word in [*outcome.facts.keys(), *outcome.facts.values()]


# Limits, at their edges

FLOORS = [
    (balance(10), 0, 10, True),
    (balance(10), 0, 11, False),
    (balance(10), 3, 7, True),
    (balance(10), 3, 8, False),
    (balance(0), -5, 5, True),
    (balance(0), -5, 6, False),
    (Totals(0, 10, 4, 0), 0, 6, True),
    (Totals(0, 10, 4, 0), 0, 7, False),
    (Totals(0, 10, 0, 4), 0, 11, False),  # Pending credits cannot be spent.
    (balance(0), None, AMOUNT_MAX, True),
    (balance(0), -AMOUNT_MAX, AMOUNT_MAX, True),
    (balance(0), -AMOUNT_MAX + 1, AMOUNT_MAX, False),
]


@pytest.mark.parametrize(("totals", "floor", "amount", "posted"), FLOORS)
def test_debit_when_available_reaches_floor_then_posts_and_below_it_not(
    totals: Totals, floor: int | None, amount: int, posted: bool
) -> None:
    state = book(account("a", totals, floor=floor), account("b"))
    [outcome] = ask(state, CreateTransfer("t", "a", "b", amount))
    assert reason(outcome) is (None if posted else Reason.BELOW_MIN_BALANCE)


CEILINGS = [
    (balance(0), 10, 10, True),
    (balance(0), 10, 11, False),
    (balance(-5), 0, 5, True),
    (balance(-5), 0, 6, False),
    (balance(-5), -2, 3, True),
    (balance(-5), -2, 4, False),
    (Totals(0, 5, 0, 3), 10, 2, True),
    (Totals(0, 5, 0, 3), 10, 3, False),
    (Totals(0, 5, 3, 0), 10, 6, False),  # Pending debits make no room.
    (balance(0), None, AMOUNT_MAX, True),
    (balance(0), AMOUNT_MAX, AMOUNT_MAX, True),
    (balance(0), AMOUNT_MAX - 1, AMOUNT_MAX, False),
]


@pytest.mark.parametrize(("totals", "ceiling", "amount", "posted"), CEILINGS)
def test_credit_when_balance_reaches_ceiling_then_posts_and_above_it_not(
    totals: Totals, ceiling: int | None, amount: int, posted: bool
) -> None:
    state = book(account("a"), account("b", totals, ceiling=ceiling))
    [outcome] = ask(state, CreateTransfer("t", "a", "b", amount))
    assert reason(outcome) is (None if posted else Reason.ABOVE_MAX_BALANCE)


def test_limits_when_broken_already_then_only_what_worsens_them_is_rejected() -> None:
    state = book(
        account("poor", balance(-50), floor=0),
        account("rich", balance(50), ceiling=0),
        account("w"),
    )
    outcomes = [
        ask(state, CreateTransfer("t", debit, credit, amount))[0]
        for debit, credit, amount in (
            ("w", "poor", 1),
            ("rich", "w", 1),
            ("rich", "poor", 1),
            ("poor", "w", 0),
            ("w", "rich", 0),
            ("poor", "w", 1),
            ("w", "rich", 1),
        )
    ]
    assert reasons(outcomes) == [
        *[None] * 5,
        Reason.BELOW_MIN_BALANCE,
        Reason.ABOVE_MAX_BALANCE,
    ]


def test_zero_amount_when_totals_are_full_then_posts_and_moves_nothing() -> None:
    state = book(account("a", FULL, floor=0), account("b", FULL, ceiling=0))
    [entry] = ask(state, CreateTransfer("t", "a", "b", 0))
    assert isinstance(entry, Entry)
    assert entry.reason is None
    assert entry.debit_totals == entry.credit_totals == FULL


@pytest.mark.parametrize(
    ("debits", "credited", "amount", "overflows"),
    [
        (0, 0, AMOUNT_MAX, None),
        (1, 0, AMOUNT_MAX - 1, None),
        (1, 0, AMOUNT_MAX, "debits"),
        (AMOUNT_MAX, 0, 1, "debits"),
        (0, AMOUNT_MAX, 1, "credits"),
        (0, 1, AMOUNT_MAX - 1, None),
        (0, 1, AMOUNT_MAX, "credits"),
    ],
)
def test_transfer_when_a_total_would_pass_the_maximum_then_overflow(
    debits: int, credited: int, amount: int, overflows: str | None
) -> None:
    state = book(account("a", Totals(debits, 0, 0, 0)), account("b", Totals(0, credited, 0, 0)))
    [outcome] = ask(state, CreateTransfer("t", "a", "b", amount))
    assert isinstance(outcome, Entry)
    assert (outcome.facts or {}).get("total") == overflows
    assert outcome.reason is (Reason.OVERFLOW if overflows else None)


# Time


@pytest.mark.parametrize("clock", [NOW, 0, -NOW, NOW - 999])
def test_time_when_clock_stands_or_goes_back_then_entries_still_get_later(clock: int) -> None:
    state = book(account("a"), account("b"))
    first = record(state, CreateTransfer("0", "a", "b", 1))
    chained = record(
        state,
        *chain(CreateTransfer("1", "a", "b", 1), CreateTransfer("2", "a", "b", 1)),
        now=clock,
    )
    rejected = record(
        state,
        *chain(CreateTransfer("3", "no", "b", 1), CreateTransfer("4", "a", "b", 1)),
        now=clock,
    )
    times = [o.recorded_at for o in [*first, *chained, *rejected] if isinstance(o, Entry)]
    assert times == [NOW, NOW + 1, NOW + 2, NOW + 3, NOW + 4]


def test_time_when_clock_is_behind_then_the_entrys_own_time_is_the_present() -> None:
    state = book(account("a"), account("b"))
    recorded_at = state.recorded_at + 1
    present = CreateTransfer("t", "a", "b", 1, effective_at=recorded_at)
    future = present._replace(effective_at=recorded_at + 1)
    assert reason(ask(state, present, now=0)[0]) is None
    assert reason(ask(state, future, now=0)[0]) is Reason.EFFECTIVE_TIME_IN_FUTURE
