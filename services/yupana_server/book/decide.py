"""How a book decides: `decide(state, commands, now)`.

The order in which reasons are checked is part of the contract. Of every command:

1. The id: known with the same content, a replay; with other content, ID_REUSED; in a chain of
   which other ids are known, CHAIN_MIXED.
2. Whatever is due expires, each hold by an entry of its own.
3. EFFECTIVE_TIME_IN_FUTURE, then PERIOD_CLOSED; for a hold EXPIRE_TIME_IN_PAST.

Of what moves or reserves an amount (CreateTransfer, CreateHold, each leg of CreatePayment, and
ReverseTransfer and a raising UpdateHold after their own checks):

4. ACCOUNT_NOT_FOUND, debit before credit.
5. ASSET_MISMATCH; of a hold then GROUP_FULL.
6. POSITION_CHANGED, in the order of the conditions.
7. ACCOUNT_CLOSED, debit before credit; ACCOUNT_FROZEN, debit before credit.
8. Now "up to" lowers the amount.
9. OVERFLOW, debit before credit.
10. BELOW_MIN_BALANCE of the debit account.
11. ABOVE_MAX_BALANCE of the credit account.
12. WINDOW_EXCEEDED of the debit account, then of the credit account, in the order of the windows.
13. CONDITION_FAILED, in the order of the conditions.

COLLECTED_TOO_LITTLE comes after all legs. A payment's failing leg gives its reason and `leg`.

Of what is about a hold: HOLD_NOT_FOUND, HOLD_EXPIRED or HOLD_CLOSED; then of a capture
EXCEEDS_HOLD; of an update EXPIRE_TIME_IN_PAST, BELOW_CAPTURED, and 4 to 13 when it raises. Of a
group: GROUP_EMPTY. Of a reversal: TARGET_NOT_FOUND, NOT_REVERSIBLE, EXCEEDS_ORIGINAL, then 4 to 12.
Of an account or asset: ASSET_NOT_FOUND, then ACCOUNT_EXISTS or ASSET_EXISTS; else
ACCOUNT_NOT_FOUND, then ACCOUNT_CLOSED, ACCOUNT_NOT_CLOSED or HOLDS_OPEN. Of ClosePeriod:
EFFECTIVE_TIME_IN_FUTURE, PERIOD_CLOSED. Of Erase: TARGET_NOT_FOUND.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from yupana_server.book import holding, managing, transfers
from yupana_server.book.asked import note
from yupana_server.book.commands import (
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    Command,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Erase,
    FreezeAccount,
    Malformed,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    ReopenAccount,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    UpdateHold,
)
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.rejections import Failure, Reason, Refusal
from yupana_server.book.replay import difference
from yupana_server.book.state import NotLoadedError, State, all_until


class Replay(NamedTuple):
    """The outcome was recorded before."""

    entry: Entry


Outcome: TypeAlias = Entry | Replay | Refusal


class Decision(NamedTuple):
    """What was decided."""

    outcomes: Sequence[Outcome]
    """One for each command, in their order."""
    entries: Sequence[Entry]
    """What is to be recorded, in order: expired holds, outcomes, legs and members."""


def decide(state: State, commands: Sequence[Command], now: int) -> Decision:
    """Decide one command, or the members of one chain, as of `now`.

    Changes nothing: the caller folds the entries into the state. `state` must hold everything
    that the commands name, every open hold with a deadline of the accounts they name, and the
    outcome of every id that is not new, of the commands and of those they refer to. Of
    a command's own it may lack that where recording it twice is refused anyway (R7).
    """
    if len(commands) > 1:
        return _decide_chain(state, commands, now)
    command = commands[0]
    entry = state.outcome(command.id)
    if entry is not None:
        return Decision([_known(command, entry)], [])
    expired: list[Entry] = []
    if state.has_deadlines and state.due(_next_time(state, now), 1):
        state = state.layer()
        expired = expire(state, now)
    decided = decide_new(state, command, now)
    if not isinstance(decided, Failure):
        return Decision(decided[:1], expired + decided if expired else decided)
    if decided.recorded:
        rejected = reject(state, command, now, decided)
        return Decision([rejected], [*expired, rejected])
    return Decision([Refusal(command.id, *decided)], expired)


def expire(layer: State, now: int, limit: int | None = None) -> list[Entry]:
    """Expire what is due, in the order of deadlines, and fold that into the layer.

    Returns the entries, at most `limit` if it is given.
    """
    entries: list[Entry] = []
    while due := layer.due(at := _next_time(layer, now), limit):
        for hold_id in due:
            entries.append(holding.expiry(layer, hold_id, _next_time(layer, now)))
            evolve(layer, entries[-1])
        if limit is not None:
            break
        layer.expired_until = all_until(at)
    return entries


def _known(command: Command, entry: Entry) -> Outcome:
    differs = difference(command, entry)
    if differs is None:
        return Replay(entry)
    return Refusal(command.id, Reason.ID_REUSED, differs._asdict())


def _decide_chain(state: State, commands: Sequence[Command], now: int) -> Decision:
    known = [state.outcome(command.id) for command in commands]
    first = next((entry for entry in known if entry is not None), None)
    if first is not None:
        mixed = {"known_id": first.id}
        outcomes: list[Outcome] = [
            Refusal(command.id, Reason.CHAIN_MIXED, mixed)
            if entry is None
            else _known(command, entry)
            for command, entry in zip(commands, known, strict=True)
        ]
        return Decision(outcomes, [])
    layer = state.layer()
    decided_all: list[Outcome] = []
    entries: list[Entry] = []
    for command in commands:
        expired = expire(layer, now) if layer.has_deadlines else []
        decided = decide_new(layer, command, now)
        if isinstance(decided, Failure):
            return _failed_chain(state, commands, now, command.id, decided)
        decided_all.append(decided[0])
        entries += expired + decided
        for entry in decided:
            evolve(layer, entry)
    return Decision(decided_all, entries)


def _failed_chain(
    state: State, commands: Sequence[Command], now: int, culprit_id: str, failure: Failure
) -> Decision:
    facts = {"failed_id": culprit_id, "failed_reason": f"ERROR_REASON_{failure.reason.name}"}
    linked = Failure(Reason.LINKED_FAILED, facts)
    if not failure.recorded:
        refusals: list[Outcome] = [
            Refusal(command.id, *(failure if command.id == culprit_id else linked))
            for command in commands
        ]
        return Decision(refusals, [])
    layer = state.layer()
    expired = expire(layer, now)
    rejected: list[Outcome] = []
    for command in commands:
        own = failure if command.id == culprit_id else linked
        entry = reject(layer, command, now, own)
        evolve(layer, entry)
        rejected.append(entry)
        expired.append(entry)
    return Decision(rejected, expired)


_Decide: TypeAlias = Callable[[State, Any, int], list[Entry] | Failure]

_DECIDE: dict[type, _Decide] = {
    CreateTransfer: transfers.decide_transfer,
    CreateHold: holding.decide_hold,
    CaptureHold: holding.decide_capture,
    ReleaseHold: holding.decide_release,
    UpdateHold: holding.decide_update,
    ResolveGroup: holding.decide_group,
    ReverseTransfer: transfers.decide_reversal,
    CreatePayment: transfers.decide_payment,
    OpenAccount: managing.decide_open_account,
    SetLimits: managing.decide_set_limits,
    FreezeAccount: managing.decide_freeze,
    CloseAccount: managing.decide_close,
    ReopenAccount: managing.decide_reopen,
    OpenAsset: managing.decide_open_asset,
    ClosePeriod: managing.decide_close_period,
    Erase: managing.decide_erase,
}


def decide_new(state: State, command: Command, now: int) -> list[Entry] | Failure:
    """Decide a command whose id is new, when whatever is due has expired.

    Returns its own entry, then those of its legs or members.
    """
    if isinstance(command, Malformed):
        raise NotLoadedError(f"the malformed command {command.id} is not known")
    return _DECIDE[type(command)](state, command, _next_time(state, now))


def reject(state: State, command: Command, now: int, failure: Failure) -> Entry:
    """Return the entry that records a rejection."""
    if isinstance(command, Malformed):
        raise NotLoadedError(f"the malformed command {command.id} is not known")
    if isinstance(command, CreatePayment):
        command = transfers.with_assets(command, state)
    # R14: a rejection carries no balances.
    entry = note(command, state.seq + 1, _next_time(state, now), state.epoch)
    entry = entry._replace(reason=failure.reason, facts=failure.facts)
    if entry.debit_account is None or entry.asset is not None:
        return entry
    # An asset left out is the accounts' own, as for what is posted.
    debit = state.account(entry.debit_account)
    return entry if debit is None else entry._replace(asset=debit.facts.asset)


def _next_time(state: State, now: int) -> int:
    """Time strictly increases within a book, whatever the clock does."""
    return max(now, state.recorded_at + 1)
