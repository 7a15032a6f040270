"""Decides a recorded journal once more: what it says must be what the rules give.

Folding shows that the balances are right; this shows that the outcomes are. It needs the whole book
in memory, as `whole_state` begins it, and the entries in order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from yupana_server.book.asked import command_of, legs_of
from yupana_server.book.commands import Kind
from yupana_server.book.decide import decide
from yupana_server.book.entries import RULES_VERSION, Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.holding import expiry
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
    """Takes the entries of a book one by one, decides them again, and folds them.

    A command stands with its legs or members, a chain with all of them: a unit. It is looked at
    when its last entry has come, against the state that its first one found.
    """

    def __init__(self, state: State):
        self.unit: list[Entry] = []
        """The entries of a unit that is not complete yet; they are not folded."""
        self._state = state

    def take(self, entry: Entry) -> Iterator[str]:
        """Take the next entry; yields what is wrong.

        Raises:
            DivergedError, UnknownVersionError: It cannot be folded; see `evolve`.
        """
        if self.unit and not _continues(self.unit, entry):
            yield from self.end()
        self.unit.append(entry)
        if _is_complete(self.unit):
            unit, self.unit = self.unit, []
            yield from self._check(unit)
            self._fold(unit)

    def end(self) -> Iterator[str]:
        """Say what is wrong at the journal's end: the last unit may not be complete."""
        unit, self.unit = self.unit, []
        if unit:
            yield f"entry {unit[0].seq} begins what nothing ends: its chain, legs or members"
            self._fold(unit)

    def skip(self, entry: Entry) -> None:
        """Go on after an entry that could not be folded."""
        self.unit = []
        self._state.seq, self._state.recorded_at = entry.seq, entry.recorded_at

    def _fold(self, unit: Sequence[Entry]) -> None:
        for entry in unit:
            evolve(self._state, entry)
        self._state.forget_deadlines()

    def _check(self, unit: list[Entry]) -> Iterator[str]:
        state, first = self._state, unit[0]
        state.epoch = first.epoch
        if first.rules != RULES_VERSION:
            return  # Decided by rules that this release no longer has.
        if first.kind == Kind.EXPIRY:
            expected = _expected_expiry(state, first)
        else:
            commands = [command_of(entry) for entry in unit if _is_own(entry)]
            scratch = _with_deadlines_of(state, unit)
            expected = list(decide(scratch, commands, first.recorded_at).entries)
        yield from _compare(unit, expected)


def _is_own(entry: Entry) -> bool:
    """Tell whether it records a command, and is not the ledger's own or part of another."""
    return entry.kind != Kind.EXPIRY and entry.payment is None


def _parts(entry: Entry) -> int:
    """Return how many entries follow one that is made of several."""
    if entry.reason is not None:
        return 0
    said: Any = entry.content if entry.kind == Kind.PAYMENT else entry.result
    if entry.kind == Kind.PAYMENT:
        return len(said["legs"])
    return len(said["holds"]) if entry.kind == Kind.RESOLVE_GROUP else 0


def _is_complete(unit: Sequence[Entry]) -> bool:
    own = [entry for entry in unit if _is_own(entry)]
    if not own:
        return True  # An expiry stands alone, but within a chain.
    last, chain = own[-1], own[-1].chain
    if chain is not None and chain.place < chain.length:
        return False
    return sum(entry.payment == last.id for entry in unit) == _parts(last)


def _continues(unit: Sequence[Entry], entry: Entry) -> bool:
    """Tell whether an entry can belong to a unit that is not complete."""
    last = [each for each in unit if _is_own(each)][-1]
    missing = _parts(last) - sum(each.payment == last.id for each in unit)
    if missing:
        return entry.payment == last.id
    if entry.kind == Kind.EXPIRY:
        return last.reason is None
    if entry.chain is None or last.chain is None or (entry.reason is None) != (last.reason is None):
        return False
    return entry.chain == last.chain._replace(place=last.chain.place + 1)


def _with_deadlines_of(state: State, unit: Sequence[Entry]) -> State:
    """Return a layer in which those holds fall due that the server had to know of, or knew of.

    It knew of those of every account that the unit touches, and of those that it expired. Others
    may be due as well: a sweep finds them.
    """
    touched = {account for entry in unit for account in _accounts(state, entry)}
    expired = {entry.hold for entry in unit if entry.kind == Kind.EXPIRY}
    scratch = state.layer()
    # In a layer of its own, above one that says that all has expired below it.
    scratch.expired_until = (2**63, "")
    top = scratch.layer()
    for hold_id in state.due(unit[-1].recorded_at):
        hold = state.hold(hold_id)
        if hold is not None and (
            hold_id in expired or touched & {hold.debit_account, hold.credit_account}
        ):
            top.store_hold(hold)
    return top


def _accounts(state: State, entry: Entry) -> Iterator[str | None]:
    """Yield the accounts that an entry had to look at, also when it was rejected."""
    yield from (entry.debit_account, entry.credit_account, entry.account)
    hold = state.hold(entry.hold) if entry.hold is not None else None
    if hold is not None:
        yield from (hold.debit_account, hold.credit_account)
    if entry.kind == Kind.REVERSAL and (target := state.outcome(entry.reverses or "")):
        yield from (target.debit_account, target.credit_account)
    if entry.kind == Kind.RESOLVE_GROUP:
        for member in state.group(entry.group or ""):
            known = state.hold(member)
            if known is not None:
                yield from (known.debit_account, known.credit_account)
    if entry.kind == Kind.PAYMENT and entry.content is not None:
        said: Any = entry.content
        for leg in legs_of(said["legs"]):
            yield from (leg.debit_account, leg.credit_account)


def _expected_expiry(state: State, entry: Entry) -> list[Entry]:
    hold = state.hold(entry.hold or "")
    if hold is None or not hold.remaining or hold.expires_at is None:
        return []
    due = hold.expires_at <= entry.recorded_at
    return [expiry(state, hold.id, entry.recorded_at)] if due else []


def _compare(unit: Sequence[Entry], expected: Sequence[Entry]) -> Iterator[str]:
    for entry, other in zip(unit, expected, strict=False):
        # Who asked, and in which trace, is not decided.
        plain = entry._replace(actor=None, trace_id=None)
        if plain != other:
            differing = [
                f"{name} {getattr(plain, name)!r} instead of {getattr(other, name)!r}"
                for name in Entry._fields
                if getattr(plain, name) != getattr(other, name)
            ]
            yield f"entry {entry.seq} was decided with {'; '.join(differing)}"
            return
    if len(unit) > len(expected):
        entry = unit[len(expected)]
        yield f"entry {entry.seq} ({entry.kind.name.lower()} {entry.id}) follows from nothing"
    elif len(unit) < len(expected):
        other = expected[len(unit)]
        yield f"after entry {unit[-1].seq} {other.kind.name.lower()} {other.id} is missing"


def audit(entries: Iterable[Entry]) -> list[str]:
    """Decide a whole journal again, from its first entry; return what is wrong."""
    auditor = Auditor(whole_state())
    wrong = [difference for entry in entries for difference in auditor.take(entry)]
    return [*wrong, *auditor.end()]
