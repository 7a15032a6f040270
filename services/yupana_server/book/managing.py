"""Decides what opens, limits, freezes and closes accounts, assets and periods, and erases words."""

from typing import TypeAlias

from yupana_server.book.asked import note
from yupana_server.book.commands import (
    CloseAccount,
    ClosePeriod,
    Erase,
    FreezeAccount,
    OpenAccount,
    OpenAsset,
    ReopenAccount,
    SetLimits,
)
from yupana_server.book.entries import Entry, Json, Usage
from yupana_server.book.failing import closed, not_found, period_closed
from yupana_server.book.rejections import Failure, Reason
from yupana_server.book.state import Account, AccountFacts, State
from yupana_server.book.times import rfc3339
from yupana_server.book.windows import carried_over, used

AccountCommand: TypeAlias = SetLimits | FreezeAccount | CloseAccount | ReopenAccount


def decide_open_account(state: State, command: OpenAccount, at: int) -> list[Entry] | Failure:
    """Decide the opening of an account."""
    if state.asset(command.asset) is None:
        return Failure(Reason.ASSET_NOT_FOUND, {"asset": command.asset})
    existing = state.account(command.account)
    if existing is not None:
        facts = {"account": command.account, "opened_by": existing.facts.opened_by}
        return Failure(Reason.ACCOUNT_EXISTS, facts)
    return [note(command, state.seq + 1, at, state.epoch)]


def decide_open_asset(state: State, command: OpenAsset, at: int) -> list[Entry] | Failure:
    """Decide the opening of an asset."""
    if state.asset(command.asset) is not None:
        return Failure(Reason.ASSET_EXISTS, {"asset": command.asset})
    return [note(command, state.seq + 1, at, state.epoch)]


def decide_set_limits(state: State, command: SetLimits, at: int) -> list[Entry] | Failure:
    """Decide new limits of an account."""
    account = state.account(command.account)
    if account is None:
        return not_found(command.account, "named")
    facts = account.facts._replace(
        min_balance=command.min_balance, max_balance=command.max_balance, windows=command.windows
    )
    usage = carried_over(account.facts.windows, account.usage, command.windows)
    broken = _broken(account, facts, usage, at)
    return [_changed(state, command, at, facts, usage, broken)]


def _broken(account: Account, facts: AccountFacts, usage: Usage, at: int) -> dict[str, Json]:
    """Tell which of its new limits the account already breaks."""
    totals, broken = account.totals, dict[str, Json]()
    if facts.min_balance is not None and totals.available < facts.min_balance:
        broken["below_min_balance"] = 1
    standing = totals.balance + totals.credits_pending
    if facts.max_balance is not None and standing > facts.max_balance:
        broken["above_max_balance"] = 1
    exceeded: list[Json] = [
        int(used(window, slots, at) > window.max)
        for window, slots in zip(facts.windows, usage, strict=True)
    ]
    return {**broken, "windows_exceeded": exceeded} if any(exceeded) else broken


def decide_freeze(state: State, command: FreezeAccount, at: int) -> list[Entry] | Failure:
    """Decide the freezes of an account."""
    account = state.account(command.account)
    if account is None:
        return not_found(command.account, "named")
    facts = account.facts._replace(debits_frozen=command.debits, credits_frozen=command.credits)
    return [_changed(state, command, at, facts, account.usage)]


def decide_close(state: State, command: CloseAccount, at: int) -> list[Entry] | Failure:
    """Decide the closing of an account."""
    account = state.account(command.account)
    if account is None:
        return not_found(command.account, "named")
    if account.facts.closed:
        return closed(account)
    totals = account.totals
    if totals.debits_pending or totals.credits_pending:
        facts = {
            "account": command.account,
            "debits_pending": str(totals.debits_pending),
            "credits_pending": str(totals.credits_pending),
        }
        return Failure(Reason.HOLDS_OPEN, facts)
    return [_changed(state, command, at, account.facts._replace(closed=True), account.usage)]


def decide_reopen(state: State, command: ReopenAccount, at: int) -> list[Entry] | Failure:
    """Decide the reopening of an account."""
    account = state.account(command.account)
    if account is None:
        return not_found(command.account, "named")
    if not account.facts.closed:
        return Failure(Reason.ACCOUNT_NOT_CLOSED, {"account": command.account})
    return [_changed(state, command, at, account.facts._replace(closed=False), account.usage)]


def decide_close_period(state: State, command: ClosePeriod, at: int) -> list[Entry] | Failure:
    """Decide the closing of the book's past."""
    if command.before > at:
        facts = {"effective_time": rfc3339(command.before)}
        return Failure(Reason.EFFECTIVE_TIME_IN_FUTURE, facts)
    if state.closed_before is not None and command.before < state.closed_before:
        return period_closed(command.before, state.closed_before)
    return [note(command, state.seq + 1, at, state.epoch)]


def decide_erase(state: State, command: Erase, at: int) -> list[Entry] | Failure:
    """Decide the erasure of an earlier command's words."""
    target = state.outcome(command.command)
    if target is None:
        return Failure(Reason.TARGET_NOT_FOUND, {"target": command.command})
    entry = note(command, state.seq + 1, at, state.epoch)
    return [entry._replace(result={"seq": target.seq})]


def _changed(
    state: State,
    command: AccountCommand,
    at: int,
    facts: AccountFacts,
    usage: Usage,
    more: dict[str, Json] | None = None,
) -> Entry:
    """Return the entry of a change of an account, with all its facts after it."""
    entry = note(command, state.seq + 1, at, state.epoch)
    return entry._replace(asset=facts.asset, result={**_facts(facts, usage), **(more or {})})


def _facts(facts: AccountFacts, usage: Usage) -> dict[str, Json]:
    said: dict[str, Json] = {
        "normal_side": int(facts.normal_side),
        "min_balance": facts.min_balance,
        "max_balance": facts.max_balance,
        "opened_at": facts.opened_at,
        "opened_by": facts.opened_by,
        "opened_seq": facts.opened_seq,
        "code": facts.code,
        "windows": [[int(each) for each in window] for window in facts.windows] or None,
        "usage": [[list(pair) for pair in slots] for slots in usage] or None,
        "debits_frozen": 1 if facts.debits_frozen else None,
        "credits_frozen": 1 if facts.credits_frozen else None,
        "closed": 1 if facts.closed else None,
        "has_words": 1 if facts.has_words else None,
    }
    return {name: value for name, value in said.items() if value is not None}
