"""Decides a recorded journal once more: what it says must be what the rules give.

Folding shows that the balances are right; this shows that the outcomes are. It needs the whole book
in memory, as `whole_state` begins it, and the entries in order.
"""

from collections.abc import Iterable
from typing import Any

from yupana_server.book.asked import command_of
from yupana_server.book.commands import Command, Kind
from yupana_server.book.decide import decide_new, reject
from yupana_server.book.entries import RULES_VERSION, Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.holding import expiry
from yupana_server.book.rejections import Failure, Reason
from yupana_server.book.state import State


class _Everything(dict[str, Any]):
    """Facts of a book that is in memory as a whole: what is not there does not exist."""

    def __init__(self, absent: object):
        super().__init__()
        self._absent = absent

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Any:
        return self._absent


def whole_state() -> State:
    """Return the state of a book without entries, of which nothing has to be loaded."""
    state = State()
    state.accounts = _Everything(None)
    state.assets = _Everything(None)
    state.holds = _Everything(None)
    state.groups = _Everything(())
    state.reversed = _Everything(0)
    return state


def target_of(entry: Entry) -> str | None:
    """Return the command whose outcome must be in the state for this entry to be decided again."""
    if entry.kind == Kind.REVERSAL:
        return entry.reverses
    if entry.kind == Kind.ERASE and entry.content is not None:
        return str(entry.content["command"])
    return None


class Auditor:
    """Looks at the entries of a book one by one, each before it is folded."""

    def __init__(self, state: State):
        self._state = state
        self._expected: list[Entry] = []
        self._chain: list[Entry] = []

    def check(self, entry: Entry) -> str | None:
        """Return what is wrong with the next entry; None when the rules give the same."""
        self._state.epoch = entry.epoch
        if entry.rules != RULES_VERSION:
            return None  # Decided by rules that this release no longer has.
        if entry.chain is not None and entry.reason is not None:
            return self._check_failed_chain(entry)
        return _compare(entry, self._expect(entry))

    def _expect(self, entry: Entry) -> Entry | None:
        if entry.kind == Kind.EXPIRY:
            return _expect_expiry(self._state, entry)
        if entry.payment is not None:
            return self._expected.pop(0) if self._expected else None
        first, *self._expected = _decide(self._state, command_of(entry), entry.recorded_at)
        return first

    def _check_failed_chain(self, entry: Entry) -> str | None:
        """Gather a chain that failed; when it is complete, see whether it had to."""
        self._chain.append(entry)
        if entry.chain is None or entry.chain.place < entry.chain.length:
            return None
        members, self._chain = self._chain, []
        culprit = next((m for m in members if m.reason != Reason.LINKED_FAILED), None)
        if culprit is None or culprit.reason is None:
            return f"the chain of entry {entry.seq} failed without a culprit"
        linked = {
            "failed_id": culprit.id,
            "failed_reason": f"ERROR_REASON_{culprit.reason.name}",
        }
        for member in members:
            if member is not culprit and member.facts != linked:
                return f"entry {member.seq} names another culprit than {linked}"
        return self._check_culprit(members, culprit)

    def _check_culprit(self, members: list[Entry], culprit: Entry) -> str | None:
        scratch = self._state.layer()
        at = members[0].recorded_at
        scratch.seq, scratch.recorded_at = members[0].seq - 1, at - 1
        for member in members:
            decided = decide_new(scratch, command_of(member), at)
            if isinstance(decided, Failure):
                same = member is culprit and decided == (culprit.reason, culprit.facts)
                return None if same else f"entry {member.seq} had to fail with {decided}"
            if member is culprit:
                return f"entry {member.seq} failed with {culprit.reason}, but had no reason to"
            for entry in decided:
                evolve(scratch, entry)
        return None


def _decide(state: State, command: Command, at: int) -> list[Entry]:
    decided = decide_new(state, command, at)
    if isinstance(decided, Failure):
        return [reject(state, command, at, decided)]
    return decided


def _expect_expiry(state: State, entry: Entry) -> Entry | None:
    hold = state.hold(entry.hold or "")
    if hold is None or not hold.remaining or hold.expires_at is None:
        return None
    if hold.expires_at > entry.recorded_at:
        return None
    return expiry(state, hold.id, entry.recorded_at)


def _compare(entry: Entry, expected: Entry | None) -> str | None:
    if expected is None:
        return f"entry {entry.seq} ({entry.kind.name.lower()} {entry.id}) follows from nothing"
    # Who asked, and in which trace, is not decided.
    plain = entry._replace(actor=None, trace_id=None)
    if plain == expected:
        return None
    differing = [
        f"{name} {getattr(plain, name)!r} instead of {getattr(expected, name)!r}"
        for name in Entry._fields
        if getattr(plain, name) != getattr(expected, name)
    ]
    return f"entry {entry.seq} was decided with {'; '.join(differing)}"


def audit(entries: Iterable[Entry]) -> list[str]:
    """Decide a whole journal again, from its first entry; return what is wrong."""
    state = whole_state()
    auditor = Auditor(state)
    wrong = []
    for entry in entries:
        difference = auditor.check(entry)
        if difference is not None:
            wrong.append(difference)
        evolve(state, entry)
    return wrong
