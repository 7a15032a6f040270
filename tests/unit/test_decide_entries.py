"""What entries of the other kinds say, and that to decide changes nothing."""

import pytest

from support.decisions import NOW, account, ask, balance, book, chain, contents, record
from yupana_server.book.commands import (
    CaptureHold,
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
)
from yupana_server.book.decide import decide
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.book.evolve import evolve
from yupana_server.book.replay import difference
from yupana_server.book.state import NotLoadedError, State

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
