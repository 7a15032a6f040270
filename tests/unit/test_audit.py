"""What deciding a journal again accepts, and what it does not."""

import pytest

from yupana_server.book.audit import audit, whole_state
from yupana_server.book.commands import (
    CaptureHold,
    Chain,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Leg,
    OpenAccount,
    OpenAsset,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    WellFormed,
)
from yupana_server.book.decide import decide, decide_new, expire, reject
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.rejections import Failure, Reason


class Journal:
    """A journal with three accounts, of which nothing has to be loaded."""

    def __init__(self) -> None:
        self.state = whole_state()
        self.entries: list[Entry] = []
        self.do(OpenAsset("usd", "USD", 2), at=10)
        for name in "abc":
            self.do(OpenAccount(f"open-{name}", name, "USD"), at=20)

    def do(self, *commands: WellFormed, at: int) -> list[Reason | None]:
        """Have a command, or a chain, decided and recorded; return the reasons."""
        if len(commands) > 1:
            first, length = commands[0].id, len(commands)
            commands = tuple(
                command._replace(chain=Chain(first, place, length))
                for place, command in enumerate(commands, start=1)
            )
        decision = decide(self.state, commands, at)
        self.take(*decision.entries)
        return [o.reason for o in decision.outcomes if isinstance(o, Entry)]

    def take(self, *entries: Entry) -> None:
        for entry in entries:
            evolve(self.state, entry)
            self.entries.append(entry)


def test_audit_when_a_hold_falls_due_within_a_failed_chain_then_nothing_is_wrong() -> None:
    journal = Journal()
    journal.do(CreateHold("h", "a", "b", 5, deadline=Deadline(at=1002)), at=100)
    reasons = journal.do(
        CreateTransfer("t1", "a", "b", 1),
        CreateTransfer("t2", "a", "b", 1),
        CaptureHold("c", "h"),
        at=1000,
    )
    assert reasons[-1] is Reason.HOLD_EXPIRED
    assert audit(journal.entries) == []


def test_audit_when_an_expiry_within_a_chain_frees_its_balance_then_nothing_is_wrong() -> None:
    journal = Journal()
    journal.do(SetLimits("l", "a", 0), at=30)
    journal.do(CreateTransfer("in", "b", "a", 5), at=31)
    journal.do(CreateHold("h", "a", "b", 5, deadline=Deadline(at=1001)), at=100)
    reasons = journal.do(
        CreateTransfer("t1", "c", "b", 1),
        CreateTransfer("t2", "a", "b", 5),
        CreateTransfer("t3", "a", "b", 1),
        at=1000,
    )
    assert reasons[-1] is Reason.BELOW_MIN_BALANCE
    assert audit(journal.entries) == []


def test_audit_when_a_member_of_a_chain_reverses_a_later_one_then_nothing_is_wrong() -> None:
    journal = Journal()
    reasons = journal.do(
        CreateTransfer("t1", "a", "b", 1),
        ReverseTransfer("t2", "t3"),
        CreateTransfer("t3", "a", "b", 1),
        at=1000,
    )
    assert reasons == [Reason.LINKED_FAILED, Reason.TARGET_NOT_FOUND, Reason.LINKED_FAILED]
    assert audit(journal.entries) == []


def test_audit_when_a_due_hold_of_an_untouched_account_waits_then_nothing_is_wrong() -> None:
    journal = Journal()
    journal.do(CreateHold("h", "a", "b", 5, deadline=Deadline(at=500)), at=100)
    [entry] = decide_new(journal.state, SetLimits("l", "c", 0), 900)
    assert audit([*journal.entries, entry]) == []  # A server that does not have them in memory.


def split(journal: Journal) -> list[Entry]:
    """Return the journal without its last entry."""
    return journal.entries[:-1]


def test_audit_when_a_payment_lacks_legs_then_named() -> None:
    journal = Journal()
    journal.do(CreatePayment("p", (Leg("a", "b", 5), Leg("b", "c", 5))), at=1000)
    assert len(audit(split(journal))) == 1
    journal = Journal()
    journal.do(CreatePayment("p", (Leg("a", "b", 5),)), at=1000)
    journal.entries.pop()
    journal.state = whole_state()
    for entry in journal.entries:
        evolve(journal.state, entry)
    journal.do(CreateTransfer("t", "a", "b", 1), at=2000)
    assert len(audit(journal.entries)) == 1


def test_audit_when_a_group_lacks_members_then_named() -> None:
    journal = Journal()
    journal.do(CreateHold("h", "a", "b", 5, group="g"), at=100)
    journal.do(ResolveGroup("r", "g", Resolution.RELEASE), at=1000)
    assert len(audit(split(journal))) == 1


def test_audit_when_a_hold_is_captured_after_its_deadline_then_named() -> None:
    journal = Journal()
    journal.do(CreateHold("h", "a", "b", 5, deadline=Deadline(at=500)), at=100)
    late = decide_new(journal.state, CaptureHold("c", "h"), 900)
    assert not isinstance(late, Failure)
    assert len(audit([*journal.entries, *late])) == 1


@pytest.mark.parametrize("reason", [None, Reason.ACCOUNT_NOT_FOUND])
def test_audit_when_only_half_of_a_chain_is_done_then_named(reason: Reason | None) -> None:
    journal = Journal()
    journal.do(CreateTransfer("t1", "a", "b", 1), CreateTransfer("t2", "a", "b", 1), at=1000)
    entries = split(journal)
    if reason is not None:
        state = whole_state()
        for entry in entries:
            evolve(state, entry)
        second = CreateTransfer("t2", "a", "nobody", 1, chain=Chain("t1", 2, 2))
        facts = {"account": "nobody", "side": "credit"}
        entries.append(reject(state, second, 1001, Failure(reason, facts)))
    assert audit(entries)


def test_audit_when_a_hold_expires_early_then_named() -> None:
    journal = Journal()
    journal.do(CreateHold("h", "a", "b", 5, deadline=Deadline(at=500)), at=100)
    journal.do(CreateTransfer("t", "a", "b", 1), at=500)
    entries = [e._replace(recorded_at=e.recorded_at - 10) for e in journal.entries[-2:]]
    assert audit([*journal.entries[:-2], *entries])


def test_expire_when_limited_then_the_first_ones_by_deadline() -> None:
    journal = Journal()
    for number in range(5):
        deadline = Deadline(at=1000 - number)
        journal.do(CreateHold(f"h{number}", "a", "b", 1, deadline=deadline), at=100)
    entries = expire(journal.state.layer(), 2000, 2)
    assert [entry.hold for entry in entries] == ["h4", "h3"]


@pytest.mark.timeout(20)  # It took half a minute when every member looked at all before it.
def test_chain_when_each_hold_falls_due_at_the_next_then_all_expire_in_time() -> None:
    journal = Journal()
    holds = [
        CreateHold(f"h{number}", "a", "b", 1, deadline=Deadline(after=1)) for number in range(1_000)
    ]
    journal.do(*holds, at=1000)
    assert len(journal.entries) == 4 + 1_000 + 999
    assert audit(journal.entries) == []
