"""Decides what creates, changes and resolves holds."""

from yupana_server.book.asked import note
from yupana_server.book.bounds import GROUP_HOLDS_MAX
from yupana_server.book.commands import (
    CaptureHold,
    CreateHold,
    Deadline,
    Kind,
    ReleaseHold,
    Resolution,
    ResolveGroup,
    UpdateHold,
)
from yupana_server.book.entries import Entry, Json, Totals
from yupana_server.book.evolve import evolve
from yupana_server.book.failing import wrong_effective_time
from yupana_server.book.movements import Moved, Movement, find_accounts, move
from yupana_server.book.rejections import Failure, Reason
from yupana_server.book.state import Account, Hold, HoldState, NotLoadedError, State
from yupana_server.book.times import rfc3339


def decide_hold(state: State, command: CreateHold, at: int) -> list[Entry] | Failure:
    """Decide a new hold."""
    expires_at = _resolve(command.deadline, at)
    if expires_at is not None and expires_at <= at:
        return _in_past(expires_at)
    found = find_accounts(state, command.debit_account, command.credit_account, command.asset)
    if isinstance(found, Failure):
        return found
    if command.group is not None and len(state.group(command.group)) >= GROUP_HOLDS_MAX:
        facts = {"group": command.group, "holds": str(GROUP_HOLDS_MAX)}
        return Failure(Reason.GROUP_FULL, facts)
    moved = move(
        Movement(*found, command.amount, at, reserves=True),
        up_to=command.up_to,
        conditions=command.conditions,
        epoch=state.epoch,
    )
    if isinstance(moved, Failure):
        return moved
    entry = moved.written_in(note(command, state.seq + 1, at, state.epoch))._replace(
        asset=found[0].facts.asset,
        hold_change=moved.amount,
        hold_captured=0,
        hold_remaining=moved.amount,
        hold_expires_at=expires_at,
    )
    return [entry]


def decide_capture(state: State, command: CaptureHold, at: int) -> list[Entry] | Failure:
    """Decide a capture."""
    failure = wrong_effective_time(state, command.effective_at, at)
    if failure is not None:
        return failure
    hold = _open_hold(state, command.hold)
    if isinstance(hold, Failure):
        return hold
    amount = hold.remaining if command.amount is None else command.amount
    if amount > hold.remaining:
        facts = {"hold": hold.id, "remaining": str(hold.remaining), "amount": str(amount)}
        return Failure(Reason.EXCEEDS_HOLD, facts)
    freed = hold.remaining if command.final else amount
    entry = note(command, state.seq + 1, at, state.epoch)
    return [_resolved(state, entry, hold, captured=amount, freed=freed)]


def decide_release(state: State, command: ReleaseHold, at: int) -> list[Entry] | Failure:
    """Decide a release."""
    hold = _open_hold(state, command.hold)
    if isinstance(hold, Failure):
        return hold
    entry = note(command, state.seq + 1, at, state.epoch)
    return [_resolved(state, entry, hold, captured=0, freed=hold.remaining)]


def decide_update(state: State, command: UpdateHold, at: int) -> list[Entry] | Failure:
    """Decide a change of a hold's amount or deadline."""
    hold = _open_hold(state, command.hold)
    if isinstance(hold, Failure):
        return hold
    expires_at = hold.expires_at
    if command.deadline is not None:
        expires_at = _resolve(command.deadline, at)
        if expires_at is not None and expires_at <= at:
            return _in_past(expires_at)
    whole = hold.captured + hold.remaining if command.amount is None else command.amount
    if whole < hold.captured:
        facts = {"hold": hold.id, "captured": str(hold.captured), "amount": str(whole)}
        return Failure(Reason.BELOW_CAPTURED, facts)
    change = whole - hold.captured - hold.remaining
    entry = note(command, state.seq + 1, at, state.epoch)
    if change > 0:
        moved = _raise(state, hold, change, at)
        if isinstance(moved, Failure):
            return moved
        entry = moved.written_in(entry)
    else:
        entry = _with_totals(state, entry, hold, captured=0, freed=-change)
    entry = _about(entry, hold)._replace(
        amount=whole,
        hold_change=change,
        hold_captured=hold.captured,
        hold_remaining=hold.remaining + change,
        hold_expires_at=expires_at,
    )
    return [entry]


def decide_group(state: State, command: ResolveGroup, at: int) -> list[Entry] | Failure:
    """Decide the resolution of a group: its own entry, then one for each open hold."""
    failure = wrong_effective_time(state, command.effective_at, at)
    if failure is not None:
        return failure
    members = [_known(state, hold_id) for hold_id in state.group(command.group)]
    members = [hold for hold in members if hold.remaining]
    if not members:
        return Failure(Reason.GROUP_EMPTY, {"group": command.group})
    own = note(command, state.seq + 1, at, state.epoch)
    resolved: list[Json] = [[hold.id, str(hold.remaining)] for hold in members]
    own = own._replace(result={"holds": resolved})
    layer = evolve(state.layer(), own)
    captures = command.resolution == Resolution.CAPTURE
    for place, hold in enumerate(members, start=1):
        entry = Entry(
            layer.seq + 1,
            layer.recorded_at + 1,
            Kind.CAPTURE if captures else Kind.RELEASE,
            f"_member:{place}:{command.id}",
            effective_at=command.effective_at if captures else None,
            payment=command.id,
            hold=hold.id,
            epoch=layer.epoch,
        )
        captured = hold.remaining if captures else 0
        entry = _resolved(layer, entry, hold, captured=captured, freed=hold.remaining)
        evolve(layer, entry)
    return [own, *(entry for entry in layer.outcomes.values() if entry is not own)]


def expiry(state: State, hold_id: str, at: int) -> Entry:
    """Return the entry that records that a hold's time ran out."""
    hold = _known(state, hold_id)
    entry = Entry(
        state.seq + 1, at, Kind.EXPIRY, f"_expiry:{hold_id}", hold=hold_id, epoch=state.epoch
    )
    return _resolved(state, entry, hold, captured=0, freed=hold.remaining)


def _resolve(deadline: Deadline | None, at: int) -> int | None:
    if deadline is None:
        return None
    return deadline.at if deadline.after is None else at + deadline.after


def _in_past(expires_at: int) -> Failure:
    return Failure(Reason.EXPIRE_TIME_IN_PAST, {"expire_time": rfc3339(expires_at)})


def _open_hold(state: State, hold_id: str) -> Hold | Failure:
    hold = state.hold(hold_id)
    if hold is None:
        return Failure(Reason.HOLD_NOT_FOUND, {"hold": hold_id})
    if hold.state == HoldState.EXPIRED:
        facts = {"hold": hold_id, "expire_time": rfc3339(hold.expires_at or 0)}
        return Failure(Reason.HOLD_EXPIRED, facts)
    if hold.state != HoldState.OPEN:
        facts = {"hold": hold_id, "state": hold.state.name.lower()}
        return Failure(Reason.HOLD_CLOSED, facts)
    return hold


def _known(state: State, hold_id: str) -> Hold:
    hold = state.hold(hold_id)
    if hold is None:
        raise NotLoadedError(hold_id)
    return hold


def _raise(state: State, hold: Hold, change: int, at: int) -> Moved | Failure:
    """Check the raise of a hold like a new one of the difference."""
    found = find_accounts(state, hold.debit_account, hold.credit_account, hold.asset)
    if isinstance(found, Failure):
        return found
    return move(Movement(*found, change, at, reserves=True, moves=False))


def _resolved(state: State, entry: Entry, hold: Hold, *, captured: int, freed: int) -> Entry:
    """Fill in what captures or gives back part of a hold."""
    entry = _with_totals(state, entry, hold, captured=captured, freed=freed)
    return _about(entry, hold)._replace(
        amount=captured if entry.kind == Kind.CAPTURE else freed,
        hold_change=-freed,
        hold_captured=hold.captured + captured,
        hold_remaining=hold.remaining - freed,
        hold_expires_at=hold.expires_at,
    )


def _about(entry: Entry, hold: Hold) -> Entry:
    return entry._replace(
        debit_account=hold.debit_account, credit_account=hold.credit_account, asset=hold.asset
    )


def _with_totals(state: State, entry: Entry, hold: Hold, *, captured: int, freed: int) -> Entry:
    debit, credit = _account(state, hold.debit_account), _account(state, hold.credit_account)
    old = debit.totals
    debit_totals = Totals(old[0] + captured, old[1], old[2] - freed, old[3])
    old = credit.totals
    credit_totals = Totals(old[0], old[1] + captured, old[2], old[3] - freed)
    return entry._replace(
        debit_totals=debit_totals,
        credit_totals=credit_totals,
        debit_usage=debit.usage or None,
        credit_usage=credit.usage or None,
    )


def _account(state: State, account_id: str) -> Account:
    account = state.account(account_id)
    if account is None:
        raise NotLoadedError(account_id)
    return account
