"""The rules for moving or reserving an amount, one after the other in the order of the contract."""

from collections.abc import Sequence
from typing import Any

from property.history import History

from yupana_server.book.commands import Condition, Operator, Quantity, Side, UpTo

LARGEST = 2**128 - 1


class NoError(Exception):
    """A reason against a command."""

    def __init__(self, reason: str, **facts: object):
        super().__init__(reason)
        self.reason = reason
        self.facts = {name: str(value) for name, value in facts.items()}

    @property
    def refused(self) -> bool:
        """Whether nothing is recorded for it."""
        return self.reason in (
            "ASSET_MISMATCH",
            "EFFECTIVE_TIME_IN_FUTURE",
            "EXPIRE_TIME_IN_PAST",
        )


class Rules(History):
    """What may be done in a book, as it stands."""

    def check_accounts(self, debit: str, credit: str, asset: str | None) -> None:
        for account, side in ((debit, "debit"), (credit, "credit")):
            if self.asset_of(account) is None:
                raise NoError("ACCOUNT_NOT_FOUND", account=account, side=side)
        assets = {self.asset_of(debit), self.asset_of(credit), asset} - {None}
        if len(assets) > 1:
            raise NoError("ASSET_MISMATCH")

    def check_movement(
        self,
        debit: str,
        credit: str,
        amount: int,
        *,
        up_to: UpTo = UpTo.NONE,
        conditions: Sequence[Condition] = (),
        reserves: bool = False,
        creates: bool = True,
        force: bool = False,
    ) -> int:
        """Check what may be moved or reserved; return how much."""
        self._check_positions(debit, credit, conditions)
        for account in (debit, credit):
            if self.closed(account):
                raise NoError("ACCOUNT_CLOSED", account=account)
        for account, side in ((debit, "debit"), (credit, "credit")):
            if self.frozen(account, side) and not force:
                raise NoError("ACCOUNT_FROZEN", account=account, side=side)
        amount = min([amount, *self._allowed(debit, credit, up_to)])
        totals = self.totals(debit)
        if totals.debits_posted + totals.debits_pending + amount > LARGEST:
            raise NoError("OVERFLOW", account=debit, total="debits")
        totals = self.totals(credit)
        if totals.credits_posted + totals.credits_pending + amount > LARGEST:
            raise NoError("OVERFLOW", account=credit, total="credits")
        if amount and not force:
            self._check_limits(debit, credit, amount)
            self._check_windows(debit, "debit", amount, creates=creates)
            self._check_windows(credit, "credit", amount, creates=creates)
        self._check_conditions(debit, credit, amount, conditions, reserves=reserves)
        return amount

    def _allowed(self, debit: str, credit: str, up_to: UpTo) -> list[int]:
        """Return the largest amount that each limit allows that lowers instead of rejecting."""
        allowed: list[int] = []
        if up_to in (UpTo.DEBIT_LIMITS, UpTo.BOTH_LIMITS):
            if (floor := self.limits(debit)["floor"]) is not None:
                allowed.append(self.totals(debit).available - floor)
            allowed += self._room(debit, Side.DEBIT)
        if up_to in (UpTo.CREDIT_LIMITS, UpTo.BOTH_LIMITS):
            if (ceiling := self.limits(credit)["ceiling"]) is not None:
                allowed.append(ceiling - self.totals(credit).standing)
            allowed += self._room(credit, Side.CREDIT)
        return [max(0, amount) for amount in allowed]

    def _room(self, account: str, side: Side) -> list[int]:
        return [
            window.max - self.used(account, window, self.time)
            for window in self.limits(account)["windows"]
            if window.side == side and window.measure.name == "AMOUNT"
        ]

    def _check_limits(self, debit: str, credit: str, amount: int) -> None:
        floor, ceiling = self.limits(debit)["floor"], self.limits(credit)["ceiling"]
        available, standing = self.totals(debit).available, self.totals(credit).standing
        if floor is not None and available - amount < floor:
            raise NoError("BELOW_MIN_BALANCE", account=debit, available=available, amount=amount)
        if ceiling is not None and standing + amount > ceiling:
            raise NoError("ABOVE_MAX_BALANCE", account=credit, balance=standing, amount=amount)

    def _check_windows(self, account: str, side: str, amount: int, *, creates: bool) -> None:
        for window in self.limits(account)["windows"]:
            if window.side.name.lower() != side:
                continue
            counts_amount = window.measure.name == "AMOUNT"
            # Raising a hold is no movement of its own.
            asked = amount if counts_amount else 1 if creates else 0
            used = self.used(account, window, self.time)
            if asked and used + asked > window.max:
                raise NoError("WINDOW_EXCEEDED", account=account, side=side, used=used, asked=asked)

    def _check_positions(self, debit: str, credit: str, conditions: Sequence[Condition]) -> None:
        for place, condition in enumerate(conditions, start=1):
            account = debit if condition.side == Side.DEBIT else credit
            if condition.quantity == Quantity.LAST_POSITION:
                last_seq = self.last_seq(account)
                if condition.value != last_seq or condition.epoch != 1:
                    raise NoError("POSITION_CHANGED", condition=place, last_seq=last_seq)

    def _check_conditions(
        self,
        debit: str,
        credit: str,
        amount: int,
        conditions: Sequence[Condition],
        *,
        reserves: bool,
    ) -> None:
        for place, condition in enumerate(conditions, start=1):
            if condition.quantity == Quantity.LAST_POSITION:
                continue
            account = debit if condition.side == Side.DEBIT else credit
            totals = self.totals(account)
            change = amount if account == credit else -amount
            if condition.quantity == Quantity.BALANCE:
                actual = totals.balance + (0 if reserves else change)
            else:
                # What a hold will credit is not there yet.
                actual = totals.available + (min(0, change) if reserves else change)
            holds = {
                Operator.AT_LEAST: actual >= condition.value,
                Operator.AT_MOST: actual <= condition.value,
                Operator.EQUAL: actual == condition.value,
                Operator.NOT_EQUAL: actual != condition.value,
            }
            if not holds[condition.operator]:
                raise NoError("CONDITION_FAILED", condition=place, account=account, actual=actual)

    def move(self, kind: str, id_: str, debit: str, credit: str, amount: int, **more: Any) -> None:
        facts = {"hold": None, "reverses": None, **more}
        self.happens("move", kind=kind, id=id_, debit=debit, credit=credit, amount=amount, **facts)

    def reserve(self, hold_id: str, by: int, *, creates: bool = False) -> None:
        hold = self.holds()[hold_id]
        self.happens(
            "reserve",
            hold=hold_id,
            debit=hold["debit"],
            credit=hold["credit"],
            by=by,
            creates=creates,
        )

    def check_effective_time(self, effective_at: int | None) -> None:
        if effective_at is None:
            return
        if effective_at > self.time:
            raise NoError("EFFECTIVE_TIME_IN_FUTURE")
        closed_before = self.closed_before()
        if closed_before is not None and effective_at < closed_before:
            raise NoError("PERIOD_CLOSED")
