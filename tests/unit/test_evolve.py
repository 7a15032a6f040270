"""How an entry changes a book, and which entries are refused."""

import pytest

from yupana_server.book.commands import Chain, Kind, NormalSide
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.evolve import DivergedError, UnknownVersionError, evolve
from yupana_server.book.rejections import Reason
from yupana_server.book.state import Account, AccountFacts, Asset, State

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


def test_evolve_when_history_is_good_then_state_is_what_it_says() -> None:
    state = whole()
    facts = AccountFacts("a", "USD", NormalSide.DEBIT, -5, 7, 101, "open-a")
    assert state.account("a") == Account(facts, Totals(3, 0, 0, 0), 4)
    facts = AccountFacts("b", "USD", NormalSide.CREDIT, None, None, 102, "open-b")
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
    assert state.account("a").totals == Totals(3, 2, 0, 0)
    assert (state.seq, state.outcome("t5")) == (5, TRANSFER)


def test_evolve_when_account_is_not_in_memory_then_it_is_passed_over() -> None:
    state = whole()
    del state.accounts["b"]
    evolve(state, TRANSFER)
    assert not state.knows_account("b")
    assert state.account("a").totals == Totals(3, 2, 0, 0)


@pytest.mark.parametrize("version", [{"format": 2}, {"format": 0}, {"rules": 2}, {"rules": 0}])
@pytest.mark.parametrize("entry", [TRANSFER, REJECTED])
def test_evolve_when_version_is_unknown_then_refuses_it(
    entry: Entry, version: dict[str, int]
) -> None:
    state = whole()
    with pytest.raises(UnknownVersionError, match="upgrade"):
        evolve(state, entry._replace(**version))
    assert state.seq == 4


def test_evolve_when_kind_is_unknown_then_refuses_it() -> None:
    with pytest.raises(UnknownVersionError, match="kind 99"):
        evolve(whole(), TRANSFER._replace(kind=99))


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
    ("no debit totals", TRANSFER._replace(debit_totals=None), "carries None for b"),
    ("no credit totals", TRANSFER._replace(credit_totals=None), "carries None for a"),
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
    assert evolve(whole(), entry).outcome("t5").chain == Chain("t5", 1, 2)
