"""The rules for moving or reserving an amount between two accounts.

The order of the checks is part of the contract; `decide` tells it.
"""

from typing import NamedTuple

from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import Condition, Operator, Quantity, Side, UpTo
from yupana_server.book.entries import Entry, Totals, Usage
from yupana_server.book.failing import (
    above_max,
    asset_mismatch,
    below_min,
    closed,
    frozen,
    not_found,
    overflow,
    window_exceeded,
)
from yupana_server.book.rejections import Failure, Reason
from yupana_server.book.state import Account, State
from yupana_server.book.windows import added, count, exceeded, room, used


class Movement(NamedTuple):
    """What is asked to be moved or reserved."""

    debit: Account
    credit: Account
    amount: int
    at: int
    """The time that the decision is recorded at."""
    reserves: bool = False
    """It becomes pending, not posted."""
    force: bool = False
    """Freezes, floors, ceilings and windows do not count."""
    moves: bool = True
    """It counts as one movement; False when a hold is raised."""


class Moved(NamedTuple):
    """What the movement leaves."""

    amount: int
    debit_totals: Totals
    credit_totals: Totals
    debit_usage: Usage | None
    credit_usage: Usage | None

    def written_in(self, entry: Entry) -> Entry:
        """Return the entry with what the movement leaves."""
        return entry._replace(
            amount=self.amount,
            debit_totals=self.debit_totals,
            credit_totals=self.credit_totals,
            debit_usage=self.debit_usage,
            credit_usage=self.credit_usage,
        )


def find_accounts(
    state: State, debit_id: str, credit_id: str, asset: str | None
) -> tuple[Account, Account] | Failure:
    """Return both accounts; ACCOUNT_NOT_FOUND, debit before credit, or ASSET_MISMATCH."""
    debit = state.account(debit_id)
    if debit is None:
        return not_found(debit_id, "debit")
    credit = state.account(credit_id)
    if credit is None:
        return not_found(credit_id, "credit")
    held = debit.facts.asset
    if held != credit.facts.asset or (asset is not None and asset != held):
        return asset_mismatch(debit, credit, asset)
    return debit, credit


def move(
    movement: Movement,
    *,
    up_to: UpTo = UpTo.NONE,
    conditions: tuple[Condition, ...] = (),
    epoch: int = 1,
) -> Moved | Failure:
    """Check and compute a movement, from POSITION_CHANGED on."""
    debit, credit = movement.debit, movement.credit
    if conditions and (failure := _changed_position(movement, conditions, epoch)) is not None:
        return failure
    if (failure := unusable(debit, credit, force=movement.force)) is not None:
        return failure
    if up_to:
        movement = movement._replace(amount=_allowed(movement, up_to))
    amount = movement.amount
    if movement.reserves:
        old = debit.totals
        debit_totals = Totals(old[0], old[1], old[2] + amount, old[3])
        old = credit.totals
        credit_totals = Totals(old[0], old[1], old[2], old[3] + amount)
    else:
        debit_totals, credit_totals = posted(debit, credit, amount)
    failure = beyond_limits(
        debit, debit_totals, credit, credit_totals, amount, force=movement.force
    )
    if failure is None and (debit.usage or credit.usage) and not movement.force:
        failure = _windows(movement)
    if failure is None and conditions:
        failure = _failed_condition(movement, conditions, debit_totals, credit_totals)
    if failure is not None:
        return failure
    return Moved(
        amount,
        debit_totals,
        credit_totals,
        _counted(debit, Side.DEBIT, movement) if debit.usage else None,
        _counted(credit, Side.CREDIT, movement) if credit.usage else None,
    )


def posted(debit: Account, credit: Account, amount: int) -> tuple[Totals, Totals]:
    """Return the totals of both accounts after an amount was moved."""
    d, c = debit.totals, credit.totals
    return Totals(d[0] + amount, d[1], d[2], d[3]), Totals(c[0], c[1] + amount, c[2], c[3])


def unusable(debit: Account, credit: Account, *, force: bool) -> Failure | None:
    """ACCOUNT_CLOSED or ACCOUNT_FROZEN, None when neither is."""
    if debit.facts.closed:
        return closed(debit)
    if credit.facts.closed:
        return closed(credit)
    if debit.facts.debits_frozen and not force:
        return frozen(debit, Side.DEBIT)
    if credit.facts.credits_frozen and not force:
        return frozen(credit, Side.CREDIT)
    return None


def beyond_limits(
    debit: Account,
    debit_totals: Totals,
    credit: Account,
    credit_totals: Totals,
    amount: int,
    *,
    force: bool,
) -> Failure | None:
    """OVERFLOW, BELOW_MIN_BALANCE or ABOVE_MAX_BALANCE of what a movement leaves, or None."""
    # A capture moves pending to posted, so the sum of both is what must stay within bounds.
    if debit_totals[0] + debit_totals[2] > AMOUNT_MAX:
        return overflow(debit, "debits")
    if credit_totals[1] + credit_totals[3] > AMOUNT_MAX:
        return overflow(credit, "credits")
    if amount == 0 or force:  # What moves nothing breaks no limit.
        return None
    floor = debit.facts.min_balance
    if floor is not None and debit_totals.available < floor:
        return below_min(debit, amount, floor)
    ceiling = credit.facts.max_balance
    if ceiling is not None and credit_totals.balance + credit_totals.credits_pending > ceiling:
        return above_max(credit, amount, ceiling)
    return None


def _windows(movement: Movement) -> Failure | None:
    for account, side in ((movement.debit, Side.DEBIT), (movement.credit, Side.CREDIT)):
        windows = account.facts.windows
        amount, at, moves = movement.amount, movement.at, movement.moves
        window = exceeded(windows, account.usage, side, amount, at, moves=moves)
        if window is not None:
            has_used = used(window, account.usage[windows.index(window)], at)
            return window_exceeded(account, window, has_used, added(window, amount, moves=moves))
    return None


def _counted(account: Account, side: Side, movement: Movement) -> Usage:
    amount, at, moves = movement.amount, movement.at, movement.moves
    return count(account.facts.windows, account.usage, side, amount, at, moves=moves)


def _allowed(movement: Movement, up_to: UpTo) -> int:
    """Return how much of the amount the limits allow that "up to" names."""
    amounts = [movement.amount]
    if up_to & Side.DEBIT:
        debit = movement.debit
        if debit.facts.min_balance is not None:
            amounts.append(max(0, debit.totals.available - debit.facts.min_balance))
        left = room(debit.facts.windows, debit.usage, Side.DEBIT, movement.at)
        amounts.append(movement.amount if left is None else left)
    if up_to & Side.CREDIT:
        credit = movement.credit
        if credit.facts.max_balance is not None:
            standing = credit.totals.balance + credit.totals.credits_pending
            amounts.append(max(0, credit.facts.max_balance - standing))
        left = room(credit.facts.windows, credit.usage, Side.CREDIT, movement.at)
        amounts.append(movement.amount if left is None else left)
    return min(amounts)


def _changed_position(
    movement: Movement, conditions: tuple[Condition, ...], epoch: int
) -> Failure | None:
    for place, condition in enumerate(conditions, start=1):
        if condition.quantity != Quantity.LAST_POSITION:
            continue
        account = movement.debit if condition.side == Side.DEBIT else movement.credit
        if condition.value != account.last_seq or condition.epoch != epoch:
            facts = {
                "condition": str(place),
                "account": account.facts.id,
                "last_seq": str(account.last_seq),
            }
            return Failure(Reason.POSITION_CHANGED, facts)
    return None


def _failed_condition(
    movement: Movement,
    conditions: tuple[Condition, ...],
    debit_totals: Totals,
    credit_totals: Totals,
) -> Failure | None:
    for place, condition in enumerate(conditions, start=1):
        if condition.quantity == Quantity.LAST_POSITION:
            continue
        debits = condition.side == Side.DEBIT
        account = movement.debit if debits else movement.credit
        totals = debit_totals if debits else credit_totals
        balance = condition.quantity == Quantity.BALANCE
        actual = totals.balance if balance else totals.available
        if not _holds(actual, condition.operator, condition.value):
            facts = {
                "condition": str(place),
                "account": account.facts.id,
                "quantity": condition.quantity.name.lower(),
                "operator": condition.operator.name.lower(),
                "value": str(condition.value),
                "actual": str(actual),
            }
            return Failure(Reason.CONDITION_FAILED, facts)
    return None


def _holds(actual: int, operator: Operator, value: int) -> bool:
    if operator == Operator.AT_LEAST:
        return actual >= value
    if operator == Operator.AT_MOST:
        return actual <= value
    return (actual == value) == (operator == Operator.EQUAL)
