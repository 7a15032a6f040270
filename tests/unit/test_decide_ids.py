"""Ids that are known, and chains: replays, reuse, and all or nothing."""

from collections.abc import Sequence

import pytest

from support.decisions import NOW, account, ask, balance, book, chain, contents, reasons, record
from yupana_server.book.commands import (
    Chain,
    Command,
    CreateTransfer,
    Malformed,
    NormalSide,
    OpenAccount,
    OpenAsset,
)
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.rejections import Reason, Refusal, explain
from yupana_server.book.state import NotLoadedError


def replays(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [Replay(entry) for entry in outcomes if isinstance(entry, Entry)]


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
