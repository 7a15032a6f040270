"""How an entry changes a book: `evolve(state, entry)`."""

from collections.abc import Callable, Mapping
from typing import Any

from yupana_server.book.asked import windows_of
from yupana_server.book.commands import Kind, NormalSide, Side
from yupana_server.book.entries import FORMAT_VERSION, RULES_VERSION, Entry, Totals, Usage
from yupana_server.book.state import Account, AccountFacts, Asset, Hold, HoldState, State
from yupana_server.book.windows import count

_TRANSFER = Kind.TRANSFER
# Tuples are made without their constructors, which take keywords into account and so longer.
_new = tuple.__new__


class UnknownVersionError(Exception):
    """R10: the entry was written by a release that this one does not understand."""


class DivergedError(Exception):
    """The entry does not follow from the state: a gap, a step back in time, or a wrong balance."""


def evolve(state: State, entry: Entry) -> State:
    """Fold the entry into this layer of the state and return it.

    Balances are computed anew and compared with those that the entry carries. Accounts that are
    not in memory are passed over: whoever needs one loads it, at this entry or a later one.

    Raises:
        UnknownVersionError: The format, the rules or the kind is not known.
        DivergedError: The entry does not follow from the state.
    """
    if not (0 < entry.format <= FORMAT_VERSION and 0 < entry.rules <= RULES_VERSION):
        raise UnknownVersionError(
            f"entry {entry.seq} has format {entry.format} and rules {entry.rules}, this release "
            f"knows those up to {FORMAT_VERSION} and {RULES_VERSION}: upgrade it"
        )
    if entry.seq != state.seq + 1:
        raise DivergedError(f"entry {entry.seq} follows entry {state.seq}")
    if entry.recorded_at <= state.recorded_at:
        raise DivergedError(f"entry {entry.seq} is not later than the one before it")
    if entry.reason is None:
        # The kind of nearly all; to look it up would take as long as all else up to here.
        apply = _apply_transfer if entry.kind is _TRANSFER else _APPLY.get(entry.kind)
        if apply is None:
            raise UnknownVersionError(
                f"entry {entry.seq} is of kind {entry.kind}: upgrade this release"
            )
        apply(state, entry)
    state.seq = entry.seq
    state.recorded_at = entry.recorded_at
    state.outcomes[entry.id] = entry
    return state


def _apply_transfer(state: State, entry: Entry) -> None:
    debit_id, credit_id, amount = entry.debit_account, entry.credit_account, entry.amount
    if debit_id is None or credit_id is None or amount is None:
        raise DivergedError(f"entry {entry.seq} is a transfer without accounts or amount")
    if (debit := _known(state, debit_id, entry)) is not None:
        facts, (d0, d1, d2, d3), _, usage = debit
        if usage:
            usage = _usage(debit, Side.DEBIT, entry, amount)
        totals = _new(Totals, (d0 + amount, d1, d2, d3))
        account = _new(Account, (facts, totals, entry.seq, usage))
        _store(state, account, entry.debit_totals, entry.debit_usage, entry)
    if (credit := _known(state, credit_id, entry)) is not None:
        facts, (c0, c1, c2, c3), _, usage = credit
        if usage:
            usage = _usage(credit, Side.CREDIT, entry, amount)
        totals = _new(Totals, (c0, c1 + amount, c2, c3))
        account = _new(Account, (facts, totals, entry.seq, usage))
        _store(state, account, entry.credit_totals, entry.credit_usage, entry)


def _apply_reversal(state: State, entry: Entry) -> None:
    if entry.reverses is None or entry.reversed_amount is None:
        raise DivergedError(f"entry {entry.seq} reverses something without saying what")
    _apply_transfer(state, entry)
    state.reversed[entry.reverses] = entry.reversed_amount


def _apply_hold(state: State, entry: Entry) -> None:
    """Apply what creates, changes or resolves a hold."""
    hold = hold_of(entry)
    before = state.hold(hold.id) if state.knows("holds", hold.id) else None
    was = before.remaining if before is not None else hold.remaining - _change(entry)
    was_captured = before.captured if before is not None else hold.captured - _captured(entry)
    if was + _change(entry) != hold.remaining or was_captured + _captured(entry) != hold.captured:
        raise DivergedError(f"entry {entry.seq} says {hold}, folding gives {was} and its change")
    _apply_pending(state, entry)
    state.store_hold(hold)
    if entry.kind == Kind.HOLD and entry.group is not None and state.knows("groups", entry.group):
        state.groups[entry.group] = (*state.group(entry.group), hold.id)


def _apply_pending(state: State, entry: Entry) -> None:
    """Change what is pending, and what is posted by a capture."""
    change, captured = _change(entry), _captured(entry)
    counted = change if entry.kind in (Kind.HOLD, Kind.HOLD_UPDATE) and change > 0 else 0
    if (debit := _known(state, entry.debit_account or "", entry)) is not None:
        old = debit.totals
        totals = Totals(old[0] + captured, old[1], old[2] + change, old[3])
        usage = _usage(debit, Side.DEBIT, entry, counted) if debit.usage else ()
        account = Account(debit.facts, totals, entry.seq, usage)
        _store(state, account, entry.debit_totals, entry.debit_usage, entry)
    if (credit := _known(state, entry.credit_account or "", entry)) is not None:
        old = credit.totals
        totals = Totals(old[0], old[1] + captured, old[2], old[3] + change)
        usage = _usage(credit, Side.CREDIT, entry, counted) if credit.usage else ()
        account = Account(credit.facts, totals, entry.seq, usage)
        _store(state, account, entry.credit_totals, entry.credit_usage, entry)


def _change(entry: Entry) -> int:
    return entry.hold_change or 0


def _captured(entry: Entry) -> int:
    return (entry.amount or 0) if entry.kind == Kind.CAPTURE else 0


def hold_of(entry: Entry) -> Hold:
    """Return the hold as an entry about it leaves it."""
    if entry.hold is None or entry.hold_remaining is None or entry.hold_captured is None:
        raise DivergedError(f"entry {entry.seq} is about a hold without saying which")
    return Hold(
        id=entry.hold,
        debit_account=entry.debit_account or "",
        credit_account=entry.credit_account or "",
        asset=entry.asset or "",
        captured=entry.hold_captured,
        remaining=entry.hold_remaining,
        expires_at=entry.hold_expires_at,
        state=HoldState.OPEN if entry.hold_remaining else _CLOSED[entry.kind],
        last_seq=entry.seq,
    )


_CLOSED = {
    Kind.HOLD: HoldState.RELEASED,  # Of 0 from the beginning.
    Kind.CAPTURE: HoldState.CAPTURED,
    Kind.RELEASE: HoldState.RELEASED,
    Kind.HOLD_UPDATE: HoldState.RELEASED,
    Kind.EXPIRY: HoldState.EXPIRED,
}


def _usage(account: Account, side: Side, entry: Entry, amount: int) -> Usage:
    moves = entry.kind != Kind.HOLD_UPDATE
    windows = account.facts.windows
    return count(windows, account.usage, side, amount, entry.recorded_at, moves=moves)


def _known(state: State, account_id: str, entry: Entry) -> Account | None:
    layer: State | None = state
    while layer is not None:
        account = layer.accounts.get(account_id)
        if account is not None:
            return account
        if account_id in layer.accounts:
            raise DivergedError(f"entry {entry.seq} moves {account_id}, which is not open")
        layer = layer.parent
    return None


def _store(
    state: State, account: Account, carried: Totals | None, usage: Usage | None, entry: Entry
) -> None:
    facts, totals, _, used = account
    if totals != carried or used != (usage or ()):
        raise DivergedError(
            f"entry {entry.seq} carries {carried} {usage or ''} for {facts.id}, "
            f"folding gives {totals} {used or ''}"
        )
    state.accounts[facts.id] = account


def _apply_open_account(state: State, entry: Entry) -> None:
    if entry.account is None or entry.asset is None or entry.content is None:
        raise DivergedError(f"entry {entry.seq} opens an account without saying which")
    if state.knows_account(entry.account) and state.account(entry.account) is not None:
        raise DivergedError(f"entry {entry.seq} opens {entry.account}, which is open")
    facts = facts_of(entry)
    state.accounts[entry.account] = Account(
        facts, last_seq=entry.seq, usage=tuple(() for _ in facts.windows)
    )


def _apply_facts(state: State, entry: Entry) -> None:
    """Apply an entry that leaves an account with other facts."""
    if entry.account is None or entry.result is None:
        raise DivergedError(f"entry {entry.seq} changes an account without saying which")
    account = _known(state, entry.account, entry)
    if account is not None:
        state.accounts[entry.account] = Account(
            facts_of(entry), account.totals, entry.seq, usage_of(entry)
        )


def facts_of(entry: Entry) -> AccountFacts:
    """Return the facts of an account as an entry about it leaves them."""
    opens = entry.kind == Kind.OPEN_ACCOUNT
    said: Mapping[str, Any] = (entry.content if opens else entry.result) or {}
    return AccountFacts(
        id=entry.account or "",
        asset=entry.asset or "",
        normal_side=NormalSide(said["normal_side"]),
        min_balance=said.get("min_balance"),
        max_balance=said.get("max_balance"),
        opened_at=entry.recorded_at if opens else said["opened_at"],
        opened_by=entry.id if opens else said["opened_by"],
        opened_seq=entry.seq if opens else said["opened_seq"],
        windows=windows_of(said.get("windows")),
        debits_frozen="debits_frozen" in said,
        credits_frozen="credits_frozen" in said,
        closed="closed" in said,
        code=entry.code if opens else said.get("code"),
        has_words=entry.sealed_words is not None if opens else "has_words" in said,
    )


def usage_of(entry: Entry) -> Usage:
    """Return what is used of an account's windows as an entry about it leaves it."""
    said: Mapping[str, Any] = entry.result or {}
    if entry.kind == Kind.OPEN_ACCOUNT:
        return tuple(() for _ in facts_of(entry).windows)
    return read_usage(said.get("usage", ())) or ()


def read_usage(rows: Any) -> Usage | None:
    """Read what is used of windows as JSON has it."""
    if rows is None:
        return None
    return tuple(tuple((slot, amount) for slot, amount in window) for window in rows)


def _apply_open_asset(state: State, entry: Entry) -> None:
    if entry.asset is None or entry.content is None:
        raise DivergedError(f"entry {entry.seq} opens an asset without saying which")
    if state.knows("assets", entry.asset) and state.asset(entry.asset) is not None:
        raise DivergedError(f"entry {entry.seq} opens {entry.asset}, which is open")
    said: Mapping[str, Any] = entry.content
    state.assets[entry.asset] = Asset(entry.asset, said["scale"], entry.recorded_at)


def _apply_close_period(state: State, entry: Entry) -> None:
    said: Mapping[str, Any] = entry.content or {}
    before = said.get("before")
    if before is None or before < (state.closed_before or before):
        raise DivergedError(f"entry {entry.seq} closes a period that is closed already")
    state.closed_before = before


def _apply_nothing(state: State, entry: Entry) -> None:
    """Apply an entry that is made of others, or that changes what stands outside the journal."""


_APPLY: dict[Kind, Callable[[State, Entry], None]] = {
    Kind.TRANSFER: _apply_transfer,
    Kind.LEG: _apply_transfer,
    Kind.REVERSAL: _apply_reversal,
    Kind.HOLD: _apply_hold,
    Kind.CAPTURE: _apply_hold,
    Kind.RELEASE: _apply_hold,
    Kind.HOLD_UPDATE: _apply_hold,
    Kind.EXPIRY: _apply_hold,
    Kind.OPEN_ACCOUNT: _apply_open_account,
    Kind.SET_LIMITS: _apply_facts,
    Kind.FREEZE_ACCOUNT: _apply_facts,
    Kind.CLOSE_ACCOUNT: _apply_facts,
    Kind.REOPEN_ACCOUNT: _apply_facts,
    Kind.OPEN_ASSET: _apply_open_asset,
    Kind.CLOSE_PERIOD: _apply_close_period,
    Kind.PAYMENT: _apply_nothing,
    Kind.RESOLVE_GROUP: _apply_nothing,
    Kind.ERASE: _apply_nothing,
}
