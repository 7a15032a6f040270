"""The rules once more, for the commands of a load only, and as plainly as can be.

Written from the contract. It shares nothing with the server: the entries say in which order and at
what time something happened, the callers what they asked for; what came of it is worked out here.
"""

from collections import ChainMap, defaultdict
from collections.abc import MutableMapping, Sequence
from copy import copy

from faults.history.asked import MICROSECOND
from faults.history.naive_state import Account, Done, Hold, Moved, NoError

from yupana import (
    CaptureHold,
    Command,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Leg,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
)

KINDS: dict[type, str] = {
    CreateTransfer: "transfer",
    CreateHold: "hold",
    CaptureHold: "capture",
    ReleaseHold: "release",
    ResolveGroup: "resolve_group",
    ReverseTransfer: "reversal",
    CreatePayment: "payment",
    OpenAccount: "open_account",
    OpenAsset: "open_asset",
}
"""What a reversal calls a command that it cannot reverse."""


class NaiveBook:
    """A book's state."""

    def __init__(self) -> None:
        self.assets: set[str] = set()
        self.accounts: dict[str, Account] = {}
        self.holds: dict[str, Hold] = {}
        self.groups: defaultdict[str, list[str]] = defaultdict(list)
        self.moved: MutableMapping[str, Moved] = {}
        self.reversed: MutableMapping[str, int] = {}
        self.kinds: MutableMapping[str, str] = {}
        """Of everything that has an entry."""
        self._timed: list[str] = []

    def copy_for(self, commands: Sequence[Command]) -> "NaiveBook":
        """Return a copy in which these commands can be tried."""
        other = NaiveBook()
        other.assets = set(self.assets)
        other.accounts = {name: copy(account) for name, account in self.accounts.items()}
        other.moved = ChainMap({}, self.moved)
        other.reversed = ChainMap({}, self.reversed)
        other.kinds = ChainMap({}, self.kinds)
        named = {getattr(command, "hold", "") for command in commands}
        for group in {getattr(command, "group", "") for command in commands} - {""}:
            other.groups[group] = list(self.groups[group])
            named.update(self.groups[group])
        other.holds = {name: copy(self.holds[name]) for name in named & self.holds.keys()}
        return other

    def execute(self, command: Command, at: int) -> Done:
        """Do what is asked for at a time, or raise NoError and change nothing.

        Parts are not done yet.
        """
        done = self._execute(command, at)
        self.kinds[command.id] = KINDS[type(command)]
        return done

    def reject(self, id_: str) -> None:
        """Take note of an id that has an entry, though nothing was done."""
        self.kinds[id_] = "rejected command"

    def _execute(self, command: Command, at: int) -> Done:
        match command:
            case CreateTransfer():
                return self._transfer(command)
            case ReverseTransfer():
                return self._reverse(command)
            case CreatePayment():
                return self._pay(command)
            case ResolveGroup():
                return self._resolve(command, at)
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

    def _found(self, command: CreateTransfer | CreateHold | Leg) -> tuple[Account, Account]:
        for name, side in ((command.debit, "debit"), (command.credit, "credit")):
            if name not in self.accounts:
                raise NoError("ACCOUNT_NOT_FOUND", account=name, side=side)
        return self.accounts[command.debit], self.accounts[command.credit]

    def _checked(self, command: CreateTransfer | CreateHold) -> tuple[Account, Account]:
        debit, credit = self._found(command)
        amount = command.amount
        if amount and debit.floor is not None and debit.available - amount < debit.floor:
            facts = {"available": debit.available, "amount": amount, "min_balance": debit.floor}
            raise NoError("BELOW_MIN_BALANCE", account=command.debit, **facts)
        if amount and credit.ceiling is not None and credit.standing + amount > credit.ceiling:
            facts = {"balance": credit.standing, "amount": amount, "max_balance": credit.ceiling}
            raise NoError("ABOVE_MAX_BALANCE", account=command.credit, **facts)
        return debit, credit

    def _transfer(self, command: CreateTransfer, *, force: bool = False) -> Done:
        debit, credit = self._found(command) if force else self._checked(command)
        debit.debits += command.amount
        credit.credits += command.amount
        self.moved[command.id] = Moved(command.debit, command.credit, command.amount)
        return Done(command.amount, touched=[command.debit, command.credit])

    def _reverse(self, command: ReverseTransfer) -> Done:
        target = command.transfer
        if target not in self.kinds:
            raise NoError("TARGET_NOT_FOUND", target=target)
        moved = self.moved.get(target)
        if moved is None:
            raise NoError("NOT_REVERSIBLE", target=target, kind=self.kinds[target])
        so_far = self.reversed.get(target, 0)
        left = moved.amount - so_far
        amount = left if command.amount is None else command.amount
        if amount > left or (command.amount is None and moved.amount and not left):
            asked = "the rest" if command.amount is None else amount
            facts = {"moved": moved.amount, "reversed": so_far, "amount": asked}
            raise NoError("EXCEEDS_ORIGINAL", target=target, **facts)
        back = CreateTransfer(moved.credit, moved.debit, amount, id=command.id)
        done = self._transfer(back, force=command.force)
        del self.moved[command.id]  # A reversal cannot be reversed.
        done.more = self.reversed[target] = so_far + amount
        return done

    def _pay(self, command: CreatePayment) -> Done:
        trial, missing = self.copy_for([]), command.collect_amount or 0
        parts: list[CreateTransfer] = []
        for place, leg in enumerate(command.legs, start=1):
            try:
                part = trial.part(leg, f"_leg:{place}:{command.id}", missing)
                trial.execute(part, 0)
            except NoError as no:
                raise NoError(no.reason, **no.facts, leg=place) from None
            missing -= part.amount if leg.collect else 0
            parts.append(part)
        if missing and not command.collect_partially:
            asked = command.collect_amount or 0
            raise NoError("COLLECTED_TOO_LITTLE", collect_amount=asked, collected=asked - missing)
        touched = [name for part in parts for name in (part.debit, part.credit)]
        return Done(touched=touched, more=tuple(p.amount for p in parts), parts=[*parts])

    def part(self, leg: Leg, id_: str, missing: int) -> CreateTransfer:
        """Return the transfer that a leg is; one that collects takes what is there."""
        debit, _ = self._found(leg)
        amount = leg.amount or 0
        if leg.collect:
            room = missing if debit.floor is None else max(0, debit.available - debit.floor)
            amount = min(missing, room)
        return CreateTransfer(leg.debit, leg.credit, amount, id=id_)

    def _resolve(self, command: ResolveGroup, at: int) -> Done:
        names = [name for name in self.groups[command.group] if not self.holds[name].ended]
        if not names:
            raise NoError("GROUP_EMPTY", group=command.group)
        kind = CaptureHold if command.resolution is Resolution.CAPTURE else ReleaseHold
        parts: list[Command] = [
            kind(name, id=f"_member:{place}:{command.id}")
            for place, name in enumerate(names, start=1)
        ]
        holds = [self._open(name, at) for name in names]
        touched = [name for hold in holds for name in (hold.debit, hold.credit)]
        more = tuple((name, hold.left) for name, hold in zip(names, holds, strict=True))
        return Done(touched=touched, more=more, parts=parts)

    def _hold(self, command: CreateHold, at: int) -> Done:
        debit, credit = self._checked(command)
        after = command.expires_after
        expires_at = None if after is None else at + after // MICROSECOND
        debit.debits_pending += command.amount
        credit.credits_pending += command.amount
        hold = Hold(command.debit, command.credit, command.amount, expires_at)
        hold.ended = None if command.amount else "released"
        self.holds[command.id] = hold
        if command.group:
            self.groups[command.group].append(command.id)
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
        self.moved[command.id] = Moved(hold.debit, hold.credit, amount)
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
