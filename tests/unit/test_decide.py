"""How a book decides, command by command."""

from collections.abc import Sequence
from copy import copy

import pytest

from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import (
    CaptureHold,
    Chain,
    CloseAccount,
    Command,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Kind,
    Leg,
    Malformed,
    NormalSide,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    UpdateHold,
    UpTo,
    WellFormed,
    Words,
)
from yupana_server.book.decide import Decision, Outcome, Replay, decide
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.book.evolve import evolve
from yupana_server.book.rejections import Reason, Refusal, explain
from yupana_server.book.replay import difference
from yupana_server.book.state import Account, AccountFacts, Asset, NotLoadedError, State

NOW = 1_700_000_000_000_000


def book(*accounts: Account) -> State:
    """A state in which USD, EUR and these accounts are open and ten entries were recorded."""
    state = State(seq=10, recorded_at=NOW - 1000)
    for asset in ("USD", "EUR"):
        state.assets[asset] = Asset(asset, 2, 0)
    for each in accounts:
        state.accounts[each.facts.id] = each
    return state


def account(
    name: str,
    totals: Totals = ZERO,
    *,
    asset: str = "USD",
    floor: int | None = None,
    ceiling: int | None = None,
) -> Account:
    facts = AccountFacts(name, asset, NormalSide.CREDIT, floor, ceiling, 0, f"open-{name}")
    return Account(facts, totals, 1)


def balance(amount: int) -> Totals:
    return Totals(0, amount, 0, 0) if amount >= 0 else Totals(-amount, 0, 0, 0)


def chain(*commands: Command) -> list[Command]:
    first_id, length = commands[0].id, len(commands)
    return [
        command._replace(chain=Chain(first_id, place, length))
        for place, command in enumerate(commands, start=1)
    ]


def decision(state: State, commands: Sequence[Command], now: int) -> Decision:
    """Decide, with what the commands name and is not there known as absent; change nothing."""
    for command in commands:
        if isinstance(command, CreateTransfer):
            state.accounts.setdefault(command.debit_account, None)
            state.accounts.setdefault(command.credit_account, None)
        elif isinstance(command, OpenAccount):
            state.accounts.setdefault(command.account, None)
            state.assets.setdefault(command.asset, None)
        elif isinstance(command, OpenAsset):
            state.assets.setdefault(command.asset, None)
    return decide(state, commands, now)


def ask(state: State, *commands: Command, now: int = NOW) -> list[Outcome]:
    return list(decision(state, commands, now).outcomes)


def record(state: State, *commands: Command, now: int = NOW) -> list[Outcome]:
    """Decide and fold what was decided into the state."""
    decided = decision(state, commands, now)
    assert list(decided.entries) == [o for o in decided.outcomes if isinstance(o, Entry)]
    for entry in decided.entries:
        evolve(state, entry)
    return list(decided.outcomes)


def reason(outcome: Outcome) -> Reason | None:
    assert not isinstance(outcome, Replay)
    return outcome.reason


def reasons(outcomes: Sequence[Outcome]) -> list[Reason | None]:
    return [reason(outcome) for outcome in outcomes]


def replays(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [Replay(entry) for entry in outcomes if isinstance(entry, Entry)]


def contents(state: State) -> dict[str, object]:
    """A copy of all that the state holds."""
    facts = {name: getattr(state, name) for name in State.__slots__ if name != "parent"}
    return {name: copy(fact) for name, fact in facts.items()}


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


# Ids


@pytest.mark.parametrize(
    "command",
    [
        CreateTransfer("x", "a", "b", 5, "USD", NOW - 7),
        CreateTransfer("x", "a", "nobody", 5),
        OpenAccount("x", "new", "USD", NormalSide.DEBIT, 0, 9),
        OpenAccount("x", "a", "USD"),
        OpenAsset("x", "BTC", 8),
        OpenAsset("x", "USD", 8),
    ],
)
def test_decide_when_id_is_known_with_same_content_then_answers_recorded_entry(
    command: Command,
) -> None:
    state = book(account("a"), account("b"))
    [first] = record(state, command)
    record(state, OpenAccount("later", "nobody", "EUR"), now=NOW + 50)

    assert ask(state, command, now=NOW + 100) == replays([first])


def test_decide_when_id_is_known_with_other_content_then_id_reused_and_outcome_stands() -> None:
    state = book(account("a"), account("b"))
    [first] = record(state, CreateTransfer("x", "a", "b", 500))

    [outcome] = record(state, CreateTransfer("x", "a", "b", 700))
    assert outcome == Refusal(
        "x", Reason.ID_REUSED, {"field": "amount", "recorded": "500", "given": "700"}
    )
    assert record(state, CreateTransfer("x", "a", "b", 500)) == replays([first])
    assert state.seq == 11


def test_decide_when_refused_then_id_is_still_free() -> None:
    state = book(account("a"), account("b"), account("euro", asset="EUR"))
    [refused] = record(state, CreateTransfer("x", "a", "euro", 1))
    [posted] = record(state, CreateTransfer("x", "a", "b", 1))
    assert reasons([refused, posted]) == [Reason.ASSET_MISMATCH, None]


def test_malformed_when_id_is_known_then_id_reused_and_when_not_then_it_is_a_bug() -> None:
    state = book(account("a"), account("b"))
    with pytest.raises(NotLoadedError, match="malformed"):
        ask(state, Malformed("x", "amount"))
    record(state, CreateTransfer("x", "a", "b", 1))
    [outcome] = ask(state, Malformed("x", "amount"))
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.facts["field"]) == (Reason.ID_REUSED, "amount")
    assert "amount" in explain(outcome.reason, outcome.facts)


# Chains


def test_chain_when_all_are_good_then_all_post_and_each_sees_those_before_it() -> None:
    state = book(account("w"))
    commands = chain(
        OpenAsset("1", "BTC", 8),
        OpenAccount("2", "x", "BTC", min_balance=0),
        OpenAccount("3", "y", "BTC", min_balance=0),
        OpenAccount("4", "mint", "BTC"),
        CreateTransfer("5", "mint", "x", 10),
        CreateTransfer("6", "x", "y", 10),
        CreateTransfer("7", "y", "mint", 10),
    )
    outcomes = record(state, *commands)

    assert reasons(outcomes) == [None] * 7
    assert [o.seq for o in outcomes if isinstance(o, Entry)] == list(range(11, 18))
    assert [o.chain for o in outcomes if isinstance(o, Entry)] == [
        Chain("1", place, 7) for place in range(1, 8)
    ]
    x = state.account("x")
    assert x is not None
    assert (x.totals, x.last_seq) == (Totals(10, 10, 0, 0), 16)


@pytest.mark.parametrize("culprit", [0, 1, 2])
def test_chain_when_one_fails_then_it_keeps_its_reason_and_all_are_recorded(culprit: int) -> None:
    state = book(account("a", balance(10), floor=0), account("b"))
    amounts = [1, 1, 1]
    amounts[culprit] = 11
    before = dict(state.accounts)
    outcomes = record(
        state, *chain(*(CreateTransfer(f"t{i}", "a", "b", amounts[i]) for i in range(3)))
    )

    expected = [Reason.LINKED_FAILED] * 3
    expected[culprit] = Reason.BELOW_MIN_BALANCE
    assert reasons(outcomes) == expected
    assert all(isinstance(outcome, Entry) for outcome in outcomes)
    assert [o.seq for o in outcomes if isinstance(o, Entry)] == [11, 12, 13]
    for place, outcome in enumerate(outcomes):
        assert isinstance(outcome, Entry)
        assert outcome.debit_totals is outcome.credit_totals is None
        if place != culprit:
            assert outcome.facts == {
                "failed_id": f"t{culprit}",
                "failed_reason": "ERROR_REASON_BELOW_MIN_BALANCE",
            }
    assert state.accounts == before


def test_chain_when_later_member_fails_for_what_an_earlier_one_did_then_it_is_the_culprit() -> None:
    state = book(account("a", balance(10), floor=0), account("b"))
    commands = chain(CreateTransfer("1", "a", "b", 6), CreateTransfer("2", "a", "b", 5))
    outcomes = ask(state, *commands)
    assert reasons(outcomes) == [Reason.LINKED_FAILED, Reason.BELOW_MIN_BALANCE]
    assert isinstance(outcomes[1], Entry)
    assert (outcomes[1].facts or {})["available"] == "4"


def test_chain_when_opening_fails_then_accounts_of_the_chain_stay_closed() -> None:
    state = book(account("a"))
    commands = chain(OpenAccount("1", "new", "USD"), OpenAccount("2", "a", "USD"))
    assert reasons(record(state, *commands)) == [Reason.LINKED_FAILED, Reason.ACCOUNT_EXISTS]
    assert state.account("new") is None


@pytest.mark.parametrize("culprit", [0, 1, 2])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"credit_account": "euro"}, Reason.ASSET_MISMATCH),
        ({"effective_at": NOW + 1_000_000}, Reason.EFFECTIVE_TIME_IN_FUTURE),
    ],
)
def test_chain_when_a_member_is_refused_then_all_are_and_nothing_is_recorded(
    culprit: int, changes: dict[str, object], expected: Reason
) -> None:
    state = book(account("a"), account("b"), account("euro", asset="EUR"))
    members = [CreateTransfer(f"t{place}", "a", "b", 1) for place in range(3)]
    members[culprit] = members[culprit]._replace(**changes)  # type: ignore[arg-type]
    outcomes = record(state, *chain(*members))

    assert all(isinstance(outcome, Refusal) for outcome in outcomes)
    wanted = [Reason.LINKED_FAILED] * 3
    wanted[culprit] = expected
    assert reasons(outcomes) == wanted
    assert [o.id for o in outcomes if isinstance(o, Refusal)] == ["t0", "t1", "t2"]
    assert state.seq == 10
    assert state.outcomes == {}


@pytest.mark.parametrize("amounts", [(1, 1, 1), (1, 99, 1)])
def test_chain_when_known_as_a_whole_then_every_member_is_replayed(
    amounts: tuple[int, int, int],
) -> None:
    state = book(account("a", balance(10), floor=0), account("b"))
    commands = chain(*(CreateTransfer(f"t{i}", "a", "b", amounts[i]) for i in range(3)))
    first = record(state, *commands)
    record(state, CreateTransfer("other", "b", "a", 1000))

    assert ask(state, *commands, now=NOW + 9) == replays(first)


def test_chain_when_partly_known_then_known_ones_answer_and_new_ones_are_mixed() -> None:
    state = book(account("a"), account("b"))
    record(state, *chain(CreateTransfer("1", "a", "b", 1), CreateTransfer("2", "a", "b", 2)))
    record(state, CreateTransfer("alone", "a", "b", 3))
    before = contents(state)

    outcomes = ask(
        state,
        *chain(
            CreateTransfer("new", "a", "b", 9),
            CreateTransfer("1", "a", "b", 1),
            CreateTransfer("alone", "a", "b", 3),
        ),
    )
    assert reasons(outcomes) == [Reason.CHAIN_MIXED, Reason.ID_REUSED, Reason.ID_REUSED]
    assert [o.facts for o in outcomes if isinstance(o, Refusal)] == [
        {"known_id": "1"},
        {"field": "linked", "recorded": "1 of 2 after 1", "given": "2 of 3 after new"},
        {"field": "linked", "recorded": "not linked", "given": "3 of 3 after new"},
    ]
    assert contents(state) == before


def test_chain_when_known_member_has_its_old_place_then_it_is_replayed_beside_mixed_ones() -> None:
    state = book(account("a"), account("b"))
    [first, _] = record(
        state, *chain(CreateTransfer("1", "a", "b", 1), CreateTransfer("2", "a", "b", 2))
    )
    outcomes = ask(
        state, *chain(CreateTransfer("1", "a", "b", 1), CreateTransfer("3", "a", "b", 2))
    )
    assert outcomes == [
        *replays([first]),
        Refusal("3", Reason.CHAIN_MIXED, {"known_id": "1"}),
    ]


def test_chain_member_when_sent_alone_then_id_reused_names_linked() -> None:
    state = book(account("a"), account("b"))
    record(state, *chain(CreateTransfer("1", "a", "b", 1), CreateTransfer("2", "a", "b", 2)))
    [outcome] = ask(state, CreateTransfer("2", "a", "b", 2))
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.facts["field"]) == (Reason.ID_REUSED, "linked")


def test_chain_when_longer_than_recorded_then_all_known_ones_say_linked() -> None:
    state = book(account("a"), account("b"))
    members = [CreateTransfer(f"t{place}", "a", "b", 1) for place in range(3)]
    record(state, *chain(*members[:2]))
    outcomes = ask(state, *chain(*members))
    assert reasons(outcomes) == [Reason.ID_REUSED, Reason.ID_REUSED, Reason.CHAIN_MIXED]


def test_chain_when_a_thousand_long_then_all_post_in_order() -> None:
    state = book(account("a", balance(1000), floor=0), account("b"))
    members = [CreateTransfer(f"t{place}", "a", "b", 1) for place in range(1000)]
    outcomes = record(state, *chain(*members))
    assert reasons(outcomes) == [None] * 1000
    assert state.accounts["a"].totals.balance == 0  # type: ignore[union-attr]

    outcomes = record(state, *chain(*(m._replace(id=f"u{m.id}") for m in members)))
    assert reasons(outcomes) == [Reason.BELOW_MIN_BALANCE, *[Reason.LINKED_FAILED] * 999]
    assert state.seq == 2010


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


# Purity


@pytest.mark.parametrize(
    "commands",
    [
        [CreateTransfer("t", "a", "b", 1)],
        [CreateTransfer("t", "a", "b", 11)],
        [CreateTransfer("known", "a", "b", 1)],
        [CreateTransfer("known", "a", "b", 2)],
        [OpenAccount("o", "new", "USD")],
        [OpenAsset("o", "BTC", 8)],
        chain(OpenAccount("o", "new", "USD"), CreateTransfer("t", "a", "new", 1)),
        chain(OpenAccount("o", "new", "USD"), CreateTransfer("t", "a", "new", 11)),
        chain(OpenAccount("o", "new", "USD"), CreateTransfer("t", "a", "new", 1, "EUR")),
    ],
)
def test_decide_changes_nothing_in_the_state(commands: list[Command]) -> None:
    state = book(account("a", balance(10), floor=0), account("b"))
    record(state, CreateTransfer("known", "a", "b", 1))
    state.accounts["new"] = state.assets["BTC"] = None
    before = contents(state)
    first = ask(state, *commands)
    assert contents(state) == before
    assert ask(state, *commands) == first


def test_decide_when_something_is_not_loaded_then_it_says_so_instead_of_guessing() -> None:
    for command in (
        CreateTransfer("t", "a", "b", 1),
        OpenAccount("o", "a", "BTC"),
        OpenAsset("o", "BTC", 8),
    ):
        with pytest.raises(NotLoadedError):
            decide(State(), [command], NOW)


# What entries of the other kinds say. Their outcomes and balances stand in tests/conformance.


def held(state: State, *, expires_at: int | None = None, group: str | None = None) -> Entry:
    """Record a hold of 60 from a to b, called h."""
    state.groups.setdefault("g", ())
    deadline = None if expires_at is None else Deadline(expires_at)
    command = CreateHold("h", "a", "b", 60, deadline=deadline, group=group, code="cart")
    [entry] = decide(state, [command], NOW).entries
    evolve(state, entry)
    return entry


def test_hold_when_created_then_entry_says_what_it_reserves_and_until_when() -> None:
    entry = held(book(account("a"), account("b")), expires_at=NOW + 9, group="g")
    assert (entry.seq, entry.kind, entry.id, entry.hold) == (11, Kind.HOLD, "h", "h")
    assert (entry.amount, entry.hold_change, entry.hold_captured) == (60, 60, 0)
    assert (entry.hold_remaining, entry.hold_expires_at, entry.group) == (60, NOW + 9, "g")
    assert (entry.debit_totals, entry.credit_totals) == (Totals(0, 0, 60, 0), Totals(0, 0, 0, 60))
    assert (entry.asset, entry.code) == ("USD", "cart")


def test_capture_when_final_then_entry_says_what_it_moved_and_what_it_freed() -> None:
    state = book(account("a"), account("b"))
    held(state, expires_at=NOW + 9)
    command = CaptureHold("c", "h", 20, final=True, effective_at=NOW - 5, code="ship")
    [entry] = decide(state, [command], NOW).entries
    assert (entry.kind, entry.hold, entry.debit_account) == (Kind.CAPTURE, "h", "a")
    assert (entry.amount, entry.requested_amount, entry.hold_change) == (20, 20, -60)
    assert (entry.hold_captured, entry.hold_remaining, entry.hold_expires_at) == (20, 0, NOW + 9)
    assert (entry.debit_totals, entry.credit_totals) == (Totals(20, 0, 0, 0), Totals(0, 20, 0, 0))
    assert (entry.effective_at, entry.code, entry.group) == (NOW - 5, "ship", None)


def test_expiry_when_due_then_it_comes_before_the_outcome_and_is_none_itself() -> None:
    state = book(account("a"), account("b"))
    held(state, expires_at=NOW + 9)
    decided = decide(state, [CreateTransfer("t", "a", "b", 1)], NOW + 9)
    expiry, transfer = decided.entries
    assert decided.outcomes == [transfer]
    assert (expiry.seq, expiry.recorded_at, expiry.id) == (12, NOW + 9, "_expiry:h")
    assert (expiry.kind, expiry.hold, expiry.amount) == (Kind.EXPIRY, "h", 60)
    assert (expiry.hold_change, expiry.hold_remaining) == (-60, 0)
    assert (expiry.debit_totals, expiry.credit_totals) == (ZERO, ZERO)
    assert (transfer.seq, transfer.recorded_at) == (13, NOW + 10)


def test_payment_when_posted_then_its_own_entry_comes_first_and_one_for_each_leg_follows() -> None:
    state = book(account("a", balance(30), floor=0), account("b"), account("c", balance(9)))
    legs = (
        Leg("a", "b", 5, rate="1.5"),
        Leg("a", "b", 99, up_to=UpTo.DEBIT_LIMITS),
        Leg("c", "b"),
    )
    command = CreatePayment("p", legs, 7, effective_at=NOW - 5, code="order")
    decided = decide(state, [command], NOW)
    own, first, second, third = decided.entries

    assert decided.outcomes == [own]
    assert (own.seq, own.recorded_at, own.kind, own.amount) == (11, NOW, Kind.PAYMENT, None)
    assert own.debit_totals is own.credit_totals is None
    assert own.result == {"amounts": [5, 25, 7]}
    assert [leg.id for leg in (first, second, third)] == ["_leg:1:p", "_leg:2:p", "_leg:3:p"]
    for place, leg in enumerate((first, second, third), start=1):
        assert (leg.seq, leg.recorded_at, leg.kind) == (11 + place, NOW + place, Kind.LEG)
        assert (leg.payment, leg.effective_at, leg.code) == ("p", NOW - 5, "order")
    assert (first.content, first.requested_amount) == ({"rate": "1.5"}, None)
    assert (second.amount, second.requested_amount, second.content) == (25, 99, None)
    assert (third.amount, third.requested_amount) == (7, 7)
    assert third.credit_totals == Totals(0, 37, 0, 0)


@pytest.mark.parametrize(
    ("resolution", "kind", "effective_at", "amount"),
    [
        (Resolution.CAPTURE, Kind.CAPTURE, NOW - 5, 60),
        (Resolution.RELEASE, Kind.RELEASE, None, 60),
    ],
)
def test_group_when_resolved_then_its_own_entry_comes_first_and_one_for_each_hold_follows(
    resolution: Resolution, kind: Kind, effective_at: int | None, amount: int
) -> None:
    state = book(account("a"), account("b"))
    held(state, group="g")
    command = ResolveGroup("r", "g", resolution, effective_at)
    decided = decide(state, [command], NOW + 5)
    own, member = decided.entries

    assert decided.outcomes == [own]
    assert (own.seq, own.kind, own.group) == (12, Kind.RESOLVE_GROUP, "g")
    assert own.result == {"holds": [["h", "60"]]}
    assert (member.seq, member.recorded_at, member.id) == (13, NOW + 6, "_member:1:r")
    assert (member.kind, member.hold, member.payment) == (kind, "h", "r")
    assert (member.effective_at, member.amount, member.hold_change) == (effective_at, amount, -60)


def test_reversal_when_posted_then_entry_names_the_original_and_how_much_so_far() -> None:
    state = book(account("a"), account("b"))
    record(state, CreateTransfer("t", "a", "b", 60))
    state.reversed["t"] = 0
    for so_far in (20, 40):
        [entry] = decide(state, [ReverseTransfer(f"r{so_far}", "t", 20)], NOW).entries
        evolve(state, entry)
        assert (entry.kind, entry.reverses, entry.reversed_amount) == (
            Kind.REVERSAL,
            "t",
            so_far,
        )
        assert (entry.debit_account, entry.credit_account, entry.amount) == ("b", "a", 20)


@pytest.mark.parametrize(
    "command",
    [
        CreateHold("x", "a", "b", 11, deadline=Deadline(after=5), group="g"),
        CaptureHold("x", "nothing", 5),
        ReleaseHold("x", "nothing"),
        UpdateHold("x", "nothing", 5),
        ResolveGroup("x", "g", Resolution.CAPTURE),
        ReverseTransfer("x", "nothing"),
        CreatePayment("x", (Leg("a", "b", 5), Leg("a", "b", 6))),
        SetLimits("x", "nobody"),
        FreezeAccount("x", "nobody", debits=True),
        CloseAccount("x", "nobody"),
        ReopenAccount("x", "a"),
        Erase("x", "nothing"),
    ],
)
def test_decide_when_any_kind_is_rejected_then_entry_keeps_request_and_changes_nothing(
    command: WellFormed,
) -> None:
    state = book(account("a", balance(10), floor=0), account("b"))
    state.accounts["nobody"] = state.holds["nothing"] = None
    state.groups["g"] = ()
    [entry] = decide(state, [command], NOW).entries
    assert entry.reason is not None
    assert entry.debit_totals is entry.credit_totals is None
    assert entry.debit_usage is None
    assert entry.result is None
    assert entry.hold_change is entry.hold_remaining is entry.reversed_amount is None
    assert difference(command, entry) is None

    before = contents(state)
    evolve(state, entry)
    after = contents(state)
    assert {name for name in before if before[name] != after[name]} == {
        "seq",
        "recorded_at",
        "outcomes",
    }


@pytest.mark.parametrize(
    "command",
    [
        CreateHold("x", "a", "b", 1),
        CaptureHold("x", "h"),
        ReleaseHold("x", "h"),
        UpdateHold("x", "h", 1),
        ResolveGroup("x", "g", Resolution.CAPTURE),
        CreatePayment("x", (Leg("a", "b", 1),)),
        SetLimits("x", "a"),
        FreezeAccount("x", "a"),
        CloseAccount("x", "a"),
        ReopenAccount("x", "a"),
    ],
)
def test_decide_when_what_any_kind_names_is_not_loaded_then_it_says_so(
    command: WellFormed,
) -> None:
    with pytest.raises(NotLoadedError):
        decide(State(), [command], NOW)
