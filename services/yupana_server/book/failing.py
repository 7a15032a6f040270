"""Builds the failures that several kinds of commands share, each with its facts."""

from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import Measure, Side, WindowLimit
from yupana_server.book.rejections import Failure, Reason
from yupana_server.book.state import Account, State
from yupana_server.book.times import rfc3339


def not_found(account_id: str, side: str) -> Failure:
    """ACCOUNT_NOT_FOUND: of one side of a transfer, or `named` of a command about one account."""
    return Failure(Reason.ACCOUNT_NOT_FOUND, {"account": account_id, "side": side})


def asset_mismatch(debit: Account, credit: Account, asked: str | None) -> Failure:
    """ASSET_MISMATCH."""
    facts = {
        "debit_asset": debit.facts.asset,
        "credit_asset": credit.facts.asset,
        "asked_asset": asked or "either",
    }
    return Failure(Reason.ASSET_MISMATCH, facts)


def frozen(account: Account, side: Side) -> Failure:
    """ACCOUNT_FROZEN."""
    facts = {"account": account.facts.id, "side": side.name.lower()}
    return Failure(Reason.ACCOUNT_FROZEN, facts)


def closed(account: Account) -> Failure:
    """ACCOUNT_CLOSED."""
    return Failure(Reason.ACCOUNT_CLOSED, {"account": account.facts.id})


def overflow(account: Account, total: str) -> Failure:
    """OVERFLOW."""
    facts = {"account": account.facts.id, "total": total, "limit": str(AMOUNT_MAX)}
    return Failure(Reason.OVERFLOW, facts)


def below_min(account: Account, amount: int, floor: int) -> Failure:
    """BELOW_MIN_BALANCE."""
    facts = {
        "account": account.facts.id,
        "available": str(account.totals.available),
        "amount": str(amount),
        "min_balance": str(floor),
    }
    return Failure(Reason.BELOW_MIN_BALANCE, facts)


def above_max(account: Account, amount: int, ceiling: int) -> Failure:
    """ABOVE_MAX_BALANCE."""
    facts = {
        "account": account.facts.id,
        "balance": str(account.totals.balance + account.totals.credits_pending),
        "amount": str(amount),
        "max_balance": str(ceiling),
    }
    return Failure(Reason.ABOVE_MAX_BALANCE, facts)


def window_exceeded(account: Account, window: WindowLimit, used: int, asked: int) -> Failure:
    """WINDOW_EXCEEDED."""
    facts = {
        "account": account.facts.id,
        "side": window.side.name.lower(),
        "measure": "amount" if window.measure == Measure.AMOUNT else "count",
        "length_s": str(window.length_s),
        "max": str(window.max),
        "used": str(used),
        "asked": str(asked),
    }
    return Failure(Reason.WINDOW_EXCEEDED, facts)


def wrong_effective_time(state: State, effective_at: int | None, now: int) -> Failure | None:
    """EFFECTIVE_TIME_IN_FUTURE or PERIOD_CLOSED, or None when nothing is wrong with it."""
    if effective_at is None:
        return None
    if effective_at > now:
        facts = {"effective_time": rfc3339(effective_at)}
        return Failure(Reason.EFFECTIVE_TIME_IN_FUTURE, facts)
    if state.closed_before is not None and effective_at < state.closed_before:
        return period_closed(effective_at, state.closed_before)
    return None


def period_closed(effective_at: int, closed_before: int) -> Failure:
    """PERIOD_CLOSED."""
    facts = {"effective_time": rfc3339(effective_at), "closed_before": rfc3339(closed_before)}
    return Failure(Reason.PERIOD_CLOSED, facts)
