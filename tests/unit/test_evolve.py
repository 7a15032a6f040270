"""How an entry changes a book, and which entries are refused."""

from typing import Any

import pytest

from yupana_server.book.commands import Chain, Kind, Measure, NormalSide, Side, WindowLimit
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.evolve import DivergedError, UnknownVersionError, evolve
from yupana_server.book.rejections import Reason
from yupana_server.book.state import Account, AccountFacts, Asset, Hold, HoldState, State

HISTORY = (
    Entry(1, 100, Kind.OPEN_ASSET, "usd", asset="USD", content={"scale": 2}),
    Entry(
        2,
        101,
        Kind.OPEN_ACCOUNT,
        "open-a",
        account="a",
        asset="USD",
        content={"normal_side": 2, "min_balance": -5, "max_balance": 7},
    ),
    Entry(
        3, 102, Kind.OPEN_ACCOUNT, "open-b", account="b", asset="USD", content={"normal_side": 1}
    ),
    Entry(
        4,
        200,
        Kind.TRANSFER,
        "t4",
        debit_account="a",
        credit_account="b",
        amount=3,
        asset="USD",
        debit_totals=Totals(3, 0, 0, 0),
        credit_totals=Totals(0, 3, 0, 0),
    ),
)
TRANSFER = Entry(
    5,
    300,
    Kind.TRANSFER,
    "t5",
    debit_account="b",
    credit_account="a",
    amount=2,
    asset="USD",
    debit_totals=Totals(2, 3, 0, 0),
    credit_totals=Totals(3, 2, 0, 0),
)
REJECTED = TRANSFER._replace(
    reason=Reason.BELOW_MIN_BALANCE, facts={"account": "b"}, debit_totals=None, credit_totals=None
)


def whole() -> State:
    """Everything that HISTORY says."""
    state = State()
    for entry in HISTORY:
        evolve(state, entry)
    return state


def account(state: State, name: str) -> Account:
    found = state.account(name)
    assert found is not None
    return found


def test_evolve_when_history_is_good_then_state_is_what_it_says() -> None:
    state = whole()
    facts = AccountFacts("a", "USD", NormalSide.DEBIT, -5, 7, 101, "open-a", 2)
    assert state.account("a") == Account(facts, Totals(3, 0, 0, 0), 4)
    facts = AccountFacts("b", "USD", NormalSide.CREDIT, None, None, 102, "open-b", 3)
    assert state.account("b") == Account(facts, Totals(0, 3, 0, 0), 4)
    assert state.asset("USD") == Asset("USD", 2, 100)
    assert (state.seq, state.recorded_at) == (4, 200)
    assert list(state.outcomes.values()) == list(HISTORY)


def test_evolve_when_rejected_then_only_place_time_and_outcome_move() -> None:
    state, expected = whole(), whole()
    evolve(state, REJECTED)
    assert (state.accounts, state.assets) == (expected.accounts, expected.assets)
    assert (state.seq, state.recorded_at, state.outcome("t5")) == (5, 300, REJECTED)


def test_evolve_in_a_layer_then_the_layer_below_is_untouched_until_it_absorbs() -> None:
    state, expected = whole(), whole()
    layer = evolve(state.layer(), TRANSFER)
    assert (state.seq, state.accounts) == (expected.seq, expected.accounts)
    assert state.outcome("t5") is None
    assert set(layer.accounts) == {"a", "b"}
    assert layer.asset("USD") == state.asset("USD")

    state.absorb(layer)
    assert account(state, "a").totals == Totals(3, 2, 0, 0)
    assert (state.seq, state.outcome("t5")) == (5, TRANSFER)


def test_evolve_when_account_is_not_in_memory_then_it_is_passed_over() -> None:
    state = whole()
    del state.accounts["b"]
    evolve(state, TRANSFER)
    assert "b" not in state.accounts
    assert account(state, "a").totals == Totals(3, 2, 0, 0)


@pytest.mark.parametrize("version", [{"format": 3}, {"format": 0}, {"rules": 3}, {"rules": 0}])
@pytest.mark.parametrize("entry", [TRANSFER, REJECTED])
def test_evolve_when_version_is_unknown_then_refuses_it(
    entry: Entry, version: dict[str, Any]
) -> None:
    state = whole()
    with pytest.raises(UnknownVersionError, match="upgrade"):
        evolve(state, entry._replace(**version))
    assert state.seq == 4


def test_evolve_when_kind_is_unknown_then_refuses_it() -> None:
    with pytest.raises(UnknownVersionError, match="kind 99"):
        evolve(whole(), TRANSFER._replace(kind=99))  # type: ignore[arg-type]


DIVERGED = [
    ("gap", TRANSFER._replace(seq=6), "entry 6 follows entry 4"),
    ("same place", TRANSFER._replace(seq=4), "entry 4 follows entry 4"),
    ("an old place", TRANSFER._replace(seq=1), "entry 1 follows entry 4"),
    ("same time", TRANSFER._replace(recorded_at=200), "not later"),
    ("step back in time", TRANSFER._replace(recorded_at=199), "not later"),
    ("rejection, same time", REJECTED._replace(recorded_at=200), "not later"),
    ("wrong debits", TRANSFER._replace(debit_totals=Totals(3, 3, 0, 0)), "carries .* for b"),
    ("wrong credits", TRANSFER._replace(credit_totals=Totals(3, 3, 0, 0)), "carries .* for a"),
    ("wrong pending", TRANSFER._replace(credit_totals=Totals(3, 2, 1, 0)), "carries .* for a"),
    ("no debit totals", TRANSFER._replace(debit_totals=None), "carries None .*for b"),
    ("no credit totals", TRANSFER._replace(credit_totals=None), "carries None .*for a"),
    ("wrong amount", TRANSFER._replace(amount=3), "carries .* for b"),
    ("no amount", TRANSFER._replace(amount=None), "without accounts or amount"),
    ("no debit account", TRANSFER._replace(debit_account=None), "without accounts"),
    ("no credit account", TRANSFER._replace(credit_account=None), "without accounts"),
    ("unopened debit account", TRANSFER._replace(debit_account="no"), "no, which is not open"),
    ("unopened credit account", TRANSFER._replace(credit_account="no"), "no, which is not open"),
    ("account twice", HISTORY[1]._replace(seq=5, recorded_at=300), "opens a, which is open"),
    ("asset twice", HISTORY[0]._replace(seq=5, recorded_at=300), "opens USD, which is open"),
    (
        "nameless account",
        HISTORY[1]._replace(seq=5, recorded_at=300, account=None),
        "without saying which",
    ),
    (
        "nameless asset",
        HISTORY[0]._replace(seq=5, recorded_at=300, asset=None),
        "without saying which",
    ),
]


@pytest.mark.parametrize(
    ("entry", "message"), [case[1:] for case in DIVERGED], ids=[case[0] for case in DIVERGED]
)
def test_evolve_when_entry_does_not_follow_then_refuses_it(entry: Entry, message: str) -> None:
    state = whole()
    state.accounts["no"] = None
    with pytest.raises(DivergedError, match=message):
        evolve(state, entry)
    assert (state.seq, state.recorded_at, state.outcome("t5")) == (4, 200, None)


def test_evolve_when_entry_is_of_a_chain_then_it_is_kept_in_the_outcome() -> None:
    entry = TRANSFER._replace(chain=Chain("t5", 1, 2))
    assert evolve(whole(), entry).outcomes["t5"].chain == Chain("t5", 1, 2)


# Holds, and what else later releases brought

HOLD = TRANSFER._replace(
    kind=Kind.HOLD,
    id="h",
    debit_totals=Totals(0, 3, 2, 0),
    credit_totals=Totals(3, 0, 0, 2),
    hold="h",
    hold_change=2,
    hold_captured=0,
    hold_remaining=2,
    hold_expires_at=900,
    group="g",
)
CAPTURE = HOLD._replace(
    seq=6,
    recorded_at=400,
    kind=Kind.CAPTURE,
    id="c",
    amount=1,
    debit_totals=Totals(1, 3, 1, 0),
    credit_totals=Totals(3, 1, 0, 1),
    hold_change=-1,
    hold_captured=1,
    hold_remaining=1,
    group=None,
)
FREED = CAPTURE._replace(
    seq=7,
    recorded_at=500,
    debit_totals=Totals(1, 3, 0, 0),
    credit_totals=Totals(3, 1, 0, 0),
    hold_remaining=0,
)
WINDOW = WindowLimit(Side.DEBIT, Measure.AMOUNT, 60, 9)
LIMITS = Entry(
    5,
    300,
    Kind.SET_LIMITS,
    "limits",
    account="b",
    asset="USD",
    content={"windows": [[1, 1, 60, 9]]},
    result={
        "normal_side": 1,
        "opened_at": 102,
        "opened_by": "open-b",
        "opened_seq": 3,
        "windows": [[1, 1, 60, 9]],
        "usage": [[[0, 4]]],
        "debits_frozen": 1,
        "code": "wallet",
    },
)


def test_evolve_when_hold_is_made_and_captured_then_pending_becomes_posted() -> None:
    state = whole()
    state.holds["h"] = None
    state.groups["g"] = ("earlier",)
    evolve(state, HOLD)
    assert state.group("g") == ("earlier", "h")
    assert state.hold("h") == Hold("h", "b", "a", "USD", 0, 2, 900, HoldState.OPEN, 5)
    assert state.due(899) == []
    assert state.due(900) == ["h"]

    evolve(state, CAPTURE)
    assert state.hold("h") == Hold("h", "b", "a", "USD", 1, 1, 900, HoldState.OPEN, 6)
    assert account(state, "b").totals == Totals(1, 3, 1, 0)
    assert account(state, "a").totals == Totals(3, 1, 0, 1)


@pytest.mark.parametrize(
    ("kind", "amount", "expected"),
    [
        (Kind.RELEASE, 1, HoldState.RELEASED),
        (Kind.HOLD_UPDATE, 1, HoldState.RELEASED),
        (Kind.EXPIRY, 1, HoldState.EXPIRED),
        (Kind.CAPTURE, 0, HoldState.CAPTURED),
    ],
)
def test_evolve_when_nothing_remains_of_a_hold_then_its_end_tells_its_state(
    kind: Kind, amount: int, expected: HoldState
) -> None:
    state = whole()
    for entry in (HOLD, CAPTURE, FREED._replace(kind=kind, amount=amount, id="end")):
        evolve(state, entry)
    hold = state.hold("h")
    assert hold is not None
    assert hold.state is expected
    assert state.due(10**9) == []
    assert account(state, "b").totals == Totals(1, 3, 0, 0)


def test_evolve_when_hold_is_not_in_memory_then_its_entries_tell_all_of_it() -> None:
    state = whole()
    evolve(state, HOLD)
    del state.holds["h"]
    evolve(state, CAPTURE)
    assert state.hold("h") == Hold("h", "b", "a", "USD", 1, 1, 900, HoldState.OPEN, 6)
    assert "g" not in state.groups


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hold": None}, "without saying which"),
        ({"hold_remaining": None}, "without saying which"),
        ({"hold_captured": None}, "without saying which"),
        ({"hold_remaining": 0}, "folding gives 2"),
        ({"hold_captured": 0}, "folding gives 2"),
        ({"hold_change": -2}, "folding gives 2"),
        ({"amount": 2}, "folding gives 2"),
        ({"debit_totals": Totals(1, 3, 2, 0)}, "carries .* for b"),
        ({"credit_totals": Totals(3, 0, 0, 1)}, "carries .* for a"),
    ],
)
def test_evolve_when_entry_about_a_hold_does_not_follow_then_refuses_it(
    changes: dict[str, Any], message: str
) -> None:
    state = evolve(whole(), HOLD)
    before = state.hold("h")
    with pytest.raises(DivergedError, match=message):
        evolve(state, CAPTURE._replace(**changes))
    assert (state.seq, state.hold("h")) == (5, before)


def test_evolve_when_account_is_changed_then_all_its_facts_are_the_entrys() -> None:
    state = evolve(whole(), LIMITS)
    facts = AccountFacts(
        "b", "USD", NormalSide.CREDIT, None, None, 102, "open-b", 3, (WINDOW,), True, code="wallet"
    )
    assert state.account("b") == Account(facts, Totals(0, 3, 0, 0), 5, (((0, 4),),))


def test_evolve_when_windows_are_used_then_the_entry_must_say_how_much() -> None:
    state = evolve(whole(), LIMITS)
    moved = TRANSFER._replace(seq=6, recorded_at=1_000_301)
    for wrong in (None, (), ((),), (((0, 4), (1, 3)),)):
        with pytest.raises(DivergedError, match="carries"):
            evolve(state.layer(), moved._replace(debit_usage=wrong))
    evolve(state, moved._replace(debit_usage=(((0, 4), (1, 2)),)))
    assert account(state, "b").usage == (((0, 4), (1, 2)),)


def test_evolve_when_reversed_then_state_says_how_much_so_far() -> None:
    reversal = TRANSFER._replace(kind=Kind.REVERSAL, reverses="t4", reversed_amount=2)
    assert evolve(whole(), reversal).reversed_amount("t4") == 2
    for vague in (reversal._replace(reverses=None), reversal._replace(reversed_amount=None)):
        with pytest.raises(DivergedError, match="without saying what"):
            evolve(whole(), vague)


def test_evolve_when_period_is_closed_then_it_moves_forward_only() -> None:
    closing = Entry(5, 300, Kind.CLOSE_PERIOD, "p", content={"before": 200})
    state = evolve(whole(), closing)
    assert state.closed_before == 200
    for before in (199, None):
        with pytest.raises(DivergedError, match="closed already"):
            evolve(state, closing._replace(seq=6, recorded_at=301, content={"before": before}))
    evolve(state, closing._replace(seq=6, recorded_at=301))
    assert state.closed_before == 200


@pytest.mark.parametrize("kind", [Kind.PAYMENT, Kind.RESOLVE_GROUP, Kind.ERASE])
def test_evolve_when_entry_stands_for_others_then_no_account_changes(kind: Kind) -> None:
    state, expected = whole(), whole()
    evolve(state, Entry(5, 300, kind, "p"))
    assert (state.accounts, state.assets) == (expected.accounts, expected.assets)
    assert (state.seq, state.closed_before) == (5, None)


@pytest.mark.parametrize("entry", [HOLD, LIMITS])
def test_evolve_in_a_layer_when_it_is_dropped_then_nothing_was_changed(entry: Entry) -> None:
    state, expected = whole(), whole()
    state.holds["h"] = expected.holds["h"] = None
    evolve(state.layer(), entry)
    for name in ("seq", "accounts", "holds", "groups", "deadlines", "reversed", "outcomes"):
        assert getattr(state, name) == getattr(expected, name)


def test_absorb_when_holds_have_deadlines_then_those_that_no_longer_wait_are_forgotten() -> None:
    state = evolve(whole(), HOLD)
    layer = evolve(state.layer(), CAPTURE)
    evolve(layer, FREED._replace(kind=Kind.RELEASE, amount=1, id="end"))
    assert (layer.due(10**9), state.due(10**9)) == ([], ["h"])
    state.absorb(layer)
    assert (state.due(10**9), state.deadlines) == ([], [])
