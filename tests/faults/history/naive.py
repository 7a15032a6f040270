"""The rules once more, for the commands of a load only, and as plainly as can be.

Written from the contract. It shares nothing with the server: the entries say in which order and at
what time something happened, the callers what they asked for; what came of it is worked out here.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field

from faults.history.asked import MICROSECOND
from faults.history.log import Totals

from yupana import (
    CaptureHold,
    Command,
    CreateHold,
    CreateTransfer,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
)


class NoError(Exception):
    """A reason against a command."""

    def __init__(self, reason: str, **facts: object):
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = {name: str(value) for name, value in facts.items()}


@dataclass
class Account:
    """An account and its sums."""

    floor: int | None
    ceiling: int | None
    debits: int = 0
    credits: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def totals(self) -> Totals:
        return self.debits, self.credits, self.debits_pending, self.credits_pending

    @property
    def available(self) -> int:
        return self.credits - self.debits - self.debits_pending

    @property
    def standing(self) -> int:
        return self.credits - self.debits + self.credits_pending


@dataclass
class Hold:
    """A hold and what is left of it."""

    debit: str
    credit: str
    left: int
    expires_at: int | None
    ended: str | None = None


@dataclass
class Done:
    """What a command did."""

    amount: int | None = None
    remaining: int | None = None
    expires_at: int | None = None
    touched: list[str] = field(default_factory=list)


class NaiveBook:
    """A book's state."""

    def __init__(self) -> None:
        self.assets: set[str] = set()
        self.accounts: dict[str, Account] = {}
        self.holds: dict[str, Hold] = {}
        self._timed: list[str] = []

    def copy_for(self, commands: Iterable[Command]) -> "NaiveBook":
        """Return a copy in which these commands can be tried."""
        other = NaiveBook()
        other.assets = set(self.assets)
        other.accounts = {name: copy(account) for name, account in self.accounts.items()}
        named = {getattr(command, "hold", "") for command in commands} & self.holds.keys()
        other.holds = {name: copy(self.holds[name]) for name in named}
        return other

    def execute(self, command: Command, at: int) -> Done:
        """Do what is asked for at a time, or raise NoError and change nothing."""
        match command:
            case CreateTransfer():
                return self._transfer(command)
            case CreateHold():
                return self._hold(command, at)
            case CaptureHold():
                return self._capture(command, at)
            case ReleaseHold():
                return self._release(command, at)
            case OpenAsset():
                self.assets.add(command.asset)
                return Done()
            case OpenAccount():
                self.accounts[command.account] = Account(command.min_balance, command.max_balance)
                return Done(touched=[command.account])
        raise AssertionError(f"a load does not send {command}")

    def expire(self, hold_id: str, at: int) -> Done:
        """End a hold whose time has come."""
        hold = self.holds.get(hold_id)
        if hold is None or hold.ended or hold.expires_at is None:
            raise NoError("nothing can expire", hold=hold_id)
        if at < hold.expires_at:
            raise NoError("expired early", hold=hold_id, at=at, expires_at=hold.expires_at)
        freed = hold.left
        self._give_back(hold, freed, "expired")
        return Done(freed, 0, hold.expires_at, [hold.debit, hold.credit])

    def overdue(self, accounts: list[str], at: int) -> list[str]:
        """Return holds on these accounts that should have expired before anything was decided."""
        self._timed = [name for name in self._timed if not self.holds[name].ended]
        timed = [(name, self.holds[name]) for name in self._timed]
        return [
            name
            for name, hold in timed
            if (hold.expires_at or 0) <= at and {hold.debit, hold.credit} & set(accounts)
        ]

    def _checked(self, command: CreateTransfer | CreateHold) -> tuple[Account, Account]:
        for name, side in ((command.debit, "debit"), (command.credit, "credit")):
            if name not in self.accounts:
                raise NoError("ACCOUNT_NOT_FOUND", account=name, side=side)
        debit, credit = self.accounts[command.debit], self.accounts[command.credit]
        amount = command.amount
        if amount and debit.floor is not None and debit.available - amount < debit.floor:
            facts = {"available": debit.available, "amount": amount, "min_balance": debit.floor}
            raise NoError("BELOW_MIN_BALANCE", account=command.debit, **facts)
        if amount and credit.ceiling is not None and credit.standing + amount > credit.ceiling:
            facts = {"balance": credit.standing, "amount": amount, "max_balance": credit.ceiling}
            raise NoError("ABOVE_MAX_BALANCE", account=command.credit, **facts)
        return debit, credit

    def _transfer(self, command: CreateTransfer) -> Done:
        debit, credit = self._checked(command)
        debit.debits += command.amount
        credit.credits += command.amount
        return Done(command.amount, touched=[command.debit, command.credit])

    def _hold(self, command: CreateHold, at: int) -> Done:
        debit, credit = self._checked(command)
        after = command.expires_after
        expires_at = None if after is None else at + after // MICROSECOND
        debit.debits_pending += command.amount
        credit.credits_pending += command.amount
        hold = Hold(command.debit, command.credit, command.amount, expires_at)
        hold.ended = None if command.amount else "released"
        self.holds[command.id] = hold
        if expires_at is not None:
            self._timed.append(command.id)
        touched = [command.debit, command.credit]
        return Done(command.amount, command.amount, expires_at, touched)

    def _open(self, name: str, at: int) -> Hold:
        hold = self.holds.get(name)
        if hold is None:
            raise NoError("HOLD_NOT_FOUND", hold=name)
        if hold.ended == "expired":
            raise NoError("HOLD_EXPIRED", hold=name)
        if hold.ended:
            raise NoError("HOLD_CLOSED", hold=name, state=hold.ended)
        if hold.expires_at is not None and hold.expires_at <= at:
            raise NoError("should have expired before", hold=name)
        return hold

    def _capture(self, command: CaptureHold, at: int) -> Done:
        hold = self._open(command.hold, at)
        amount = hold.left if command.amount is None else command.amount
        if amount > hold.left:
            raise NoError("EXCEEDS_HOLD", hold=command.hold, remaining=hold.left, amount=amount)
        self.accounts[hold.debit].debits += amount
        self.accounts[hold.credit].credits += amount
        self._give_back(hold, hold.left if command.final else amount, "captured")
        return Done(amount, hold.left, hold.expires_at, [hold.debit, hold.credit])

    def _release(self, command: ReleaseHold, at: int) -> Done:
        hold = self._open(command.hold, at)
        amount = hold.left
        self._give_back(hold, amount, "released")
        return Done(amount, 0, hold.expires_at, [hold.debit, hold.credit])

    def _give_back(self, hold: Hold, amount: int, ended: str) -> None:
        self.accounts[hold.debit].debits_pending -= amount
        self.accounts[hold.credit].credits_pending -= amount
        hold.left -= amount
        if not hold.left:
            hold.ended = ended
