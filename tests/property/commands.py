"""Random commands of all kinds.

What a command can only know when it is sent stands in it as a placeholder, which `aim` replaces:
`#7` for one of the holds or ids that there are, times as offsets from the present, and a position
as an offset from the newest one.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple, TypeAlias, TypeVar

from property.rules import LARGEST

from yupana_server.book.commands import (
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Leg,
    Measure,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Operator,
    Quantity,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    Side,
    UpdateHold,
    UpTo,
    WellFormed,
    WindowLimit,
    Words,
)

ACCOUNTS = ["a", "b", "c", "d"]
ASSETS = ["X", "Y"]
NO_ASSET = "Z"
"""One that no account ever holds."""
GROUPS = ["g", "k"]
SECOND = 1_000_000
NONE_OF_THEM = 25

T = TypeVar("T")
Limits: TypeAlias = tuple[int | None, int | None, tuple[WindowLimit, ...]]


class Maker:
    """Makes commands whose ids are still to be given."""

    def __init__(self, random: Random):
        self._random = random

    def command(self, kinds: "Sequence[Callable[[Maker], WellFormed]]") -> WellFormed:
        """Make a command of one of these kinds."""
        return self._one_of(kinds)(self)

    def _one_of(self, values: Sequence[T]) -> T:
        return self._random.choice(values)

    def _often(self, usual: T, *others: T, times: int = 5) -> T:
        """Pick the usual value `times` times as often as each of the others."""
        return self._one_of([*[usual] * times, *others])

    def _amount(self) -> int:
        return self._often(self._random.randrange(10), LARGEST, LARGEST - 1, LARGEST // 2, times=60)

    def _small_or_none(self) -> int | None:
        return self._often(None, self._random.randrange(10), times=1)

    def _pair(self) -> tuple[str, str]:
        among = self._often(ACCOUNTS[:3], ACCOUNTS, [*ACCOUNTS, "nobody"], times=12)
        debit, credit = self._random.sample(among, 2)
        return debit, credit

    def _account(self) -> str:
        return self._one_of([*ACCOUNTS[:3] * 3, "d", "nobody"])

    def _placeholder(self) -> str:
        return f"#{self._random.randrange(NONE_OF_THEM + 1)}"

    def _effective_at(self) -> int | None:
        past = [-20 * SECOND, -10 * SECOND, -1, 0]
        return self._often(None, *past, 60 * SECOND, times=20)

    def _deadline(self) -> Deadline | None:
        after = self._one_of([1, 2, SECOND, 5 * SECOND, 30 * SECOND])
        at = self._one_of([1, SECOND, 5 * SECOND, 30 * SECOND, 5 * SECOND, 0, -SECOND])
        return self._one_of([None, Deadline(after=after), Deadline(at)])

    def _words(self) -> Words | None:
        labels = {key: self._text() for key in self._one_of(["", "k", "l", "kl"])}
        words = Words(self._one_of([None, labels]), self._text(), self._text())
        return self._often(None, words, times=6)

    def _text(self) -> str:
        return self._often("", "é", '"', "\\ ", times=2)

    def _code(self) -> str | None:
        return self._often(None, "order", "fee")

    def _up_to(self) -> UpTo:
        whose: list[UpTo] = list(UpTo)
        return self._often(*whose)

    def _conditions(self) -> tuple[Condition, ...]:
        count = self._often(0, 1, 2, times=8)
        return tuple(self._condition() for _ in range(count))

    def _condition(self) -> Condition:
        side = self._one_of(list(Side))
        if self._random.random() < 0.4:
            newest = self._often(0, -1, times=3)
            epoch = self._often(1, 2, times=9)
            return Condition(side, Quantity.LAST_POSITION, Operator.EQUAL, newest, epoch)
        quantity = self._one_of([Quantity.BALANCE, Quantity.AVAILABLE])
        value = self._random.randrange(-20, 21)
        return Condition(side, quantity, self._one_of(list(Operator)), value)

    def _windows(self) -> tuple[WindowLimit, ...]:
        windows = {
            key: self._random.randrange(30)
            for key in [self._window() for _ in range(self._often(0, 1, 2, 3, times=4))]
        }
        return tuple(WindowLimit(*key, most) for key, most in windows.items())

    def _window(self) -> tuple[Side, Measure, int]:
        measure, length_s = self._one_of(list(Measure)), self._one_of([60, 120])
        return self._one_of(list(Side)), measure, length_s

    def limits(self) -> Limits:
        """Make floor, ceiling and windows."""
        floor = self._often(None, self._random.randrange(-15, 5), times=1)
        ceiling = self._often(None, self._random.randrange(5, 30), times=1)
        return floor, ceiling, self._windows()

    def plain_transfer(self) -> CreateTransfer:
        """Make a transfer without anything special: the usual one."""
        return CreateTransfer("", *self._pair(), self._amount())

    def transfer(self) -> CreateTransfer:
        """Make a transfer with whatever it may have."""
        return CreateTransfer(
            "",
            *self._pair(),
            self._amount(),
            self._often(None, *ASSETS, NO_ASSET, times=20),
            self._effective_at(),
            self._words(),
            code=self._code(),
            up_to=self._up_to(),
            conditions=self._conditions(),
        )

    def hold(self) -> CreateHold:
        """Make a hold."""
        return CreateHold(
            "",
            *self._pair(),
            self._amount(),
            self._often(None, *ASSETS, NO_ASSET, times=20),
            self._deadline(),
            self._often(None, *GROUPS, times=2),
            self._words(),
            code=self._code(),
            up_to=self._up_to(),
            conditions=self._conditions(),
        )

    def capture(self) -> CaptureHold:
        """Make a capture."""
        return CaptureHold(
            "",
            self._placeholder(),
            self._often(self._random.randrange(5), self._small_or_none(), times=2),
            self._often(False, True, times=4),
            self._effective_at(),
            self._words(),
            code=self._code(),
        )

    def release(self) -> ReleaseHold:
        """Make a release."""
        return ReleaseHold("", self._placeholder())

    def update(self) -> UpdateHold:
        """Make a change of a hold."""
        deadline = self._often(self._deadline(), Deadline())
        amount = self._small_or_none()
        if amount is None and deadline is None:
            amount = self._random.randrange(20)
        return UpdateHold("", self._placeholder(), amount, deadline)

    def resolve(self) -> ResolveGroup:
        """Make the resolution of a group."""
        resolution = self._one_of(list(Resolution))
        effective_at = self._effective_at() if resolution == Resolution.CAPTURE else None
        return ResolveGroup("", self._one_of(GROUPS), resolution, effective_at)

    def reverse(self) -> ReverseTransfer:
        """Make a reversal."""
        return ReverseTransfer(
            "",
            self._placeholder(),
            self._small_or_none(),
            self._often(False, True, times=2),
            self._effective_at(),
            self._words(),
            code=self._code(),
        )

    def pay(self) -> CreatePayment:
        """Make a payment."""
        legs = tuple(self._leg() for _ in range(self._one_of([1, 2, 2, 3, 4])))
        collects = any(leg.collects for leg in legs)
        return CreatePayment(
            "",
            legs,
            self._random.randrange(25) if collects else None,
            collects and self._one_of([False, True]),
            self._effective_at(),
            self._words(),
            code=self._code(),
        )

    def _leg(self) -> Leg:
        pair, conditions = self._pair(), self._conditions()
        if self._random.random() < 0.3:
            asset = self._often(None, *ASSETS, times=8)
            return Leg(*pair, asset=asset, conditions=conditions)
        asset = self._often(None, *ASSETS, NO_ASSET, times=20)
        rate = self._often(None, "1.5")
        return Leg(*pair, self._random.randrange(10), asset, self._up_to(), conditions, rate)

    def open_account(self) -> OpenAccount:
        """Make the opening of an account."""
        floor, ceiling, windows = self.limits()
        return OpenAccount(
            "",
            self._often("d", *ACCOUNTS, times=3),
            self._often(*ASSETS, NO_ASSET),
            self._one_of(list(NormalSide)),
            floor,
            ceiling,
            windows=windows,
            code=self._code(),
            words=None,
        )

    def set_limits(self) -> SetLimits:
        """Make new limits of an account."""
        return SetLimits("", self._account(), *self.limits())

    def freeze(self) -> FreezeAccount:
        """Make a freeze or a thaw."""
        debits, credits_ = self._often((False, False), (True, False), (False, True), (True, True))
        return FreezeAccount("", self._account(), debits, credits_)

    def close(self) -> CloseAccount:
        """Make the closing of an account."""
        return CloseAccount("", self._account())

    def reopen(self) -> ReopenAccount:
        """Make the reopening of an account."""
        return ReopenAccount("", self._account())

    def open_asset(self) -> OpenAsset:
        """Make the opening of an asset."""
        return OpenAsset("", self._one_of(ASSETS), self._random.randrange(3))

    def close_period(self) -> ClosePeriod:
        """Make the closing of a period."""
        return ClosePeriod("", self._one_of([-60 * SECOND, -15 * SECOND, -5 * SECOND, SECOND]))

    def erase(self) -> Erase:
        """Make an erasure."""
        return Erase("", self._placeholder())


_KINDS: list[Callable[[Maker], WellFormed]] = [
    *[Maker.plain_transfer] * 6,
    *[Maker.transfer] * 6,
    *[Maker.hold] * 9,
    *[Maker.resolve] * 2,
    *[Maker.reverse] * 4,
    *[Maker.pay] * 6,
    Maker.open_account,
    *[Maker.set_limits] * 3,
    *[Maker.freeze] * 2,
    Maker.close,
    *[Maker.reopen] * 2,
    Maker.open_asset,
    Maker.close_period,
    Maker.erase,
]
_KINDS_ABOUT_HOLDS: list[Callable[[Maker], WellFormed]] = [
    *[Maker.capture] * 5,
    *[Maker.update] * 4,
    Maker.release,
]

# Hypothesis picks one of a pool by one choice. Drawing every field would take so many that most
# examples would be too large for it, and those that were not would be dull. It prefers the first
# ones of a pool, so those that make things happen stand there.
_FIRST: list[WellFormed] = [
    CreateTransfer("", "a", "b", 5),
    CreateHold("", "a", "b", 9),
    CreateTransfer("", "b", "c", 3),
    CreateHold("", "b", "c", 6, deadline=Deadline(after=5 * SECOND), group="g"),
    CreatePayment("", (Leg("a", "b", 4), Leg("b", "c", 4))),
    ReverseTransfer("", "#0"),
    CreateHold("", "c", "a", 4, deadline=Deadline(after=1)),
]
_FIRST_ABOUT_HOLDS: list[WellFormed] = [
    CaptureHold("", "#0", 3),
    UpdateHold("", "#0", 2),
    UpdateHold("", "#0", 12),
    CaptureHold("", "#1"),
    UpdateHold("", "#0", 0),
]


def pool(size: int) -> list[WellFormed]:
    """Return commands of all kinds but those about one hold, always the same ones."""
    maker = Maker(Random(0))
    return [*_FIRST, *(maker.command(_KINDS) for _ in range(size))]


def pool_about_holds(size: int) -> list[WellFormed]:
    """Return commands about one hold, always the same ones."""
    maker = Maker(Random(2))
    return [*_FIRST_ABOUT_HOLDS, *(maker.command(_KINDS_ABOUT_HOLDS) for _ in range(size))]


def pool_of_limits(size: int) -> list[Limits]:
    """Return limits to pick from, always the same ones."""
    maker = Maker(Random(1))
    return [maker.limits() for _ in range(size)]


class Aim(NamedTuple):
    """What there is to be aimed at when a command is sent."""

    present: int
    """The time that its entry would have."""
    open_holds: Sequence[str]
    holds: Sequence[str]
    movements: Sequence[str]
    ids: Sequence[str]
    last_seqs: Mapping[str, int]
    """The newest entries of the accounts."""


def aim(command: WellFormed, at: Aim) -> Any:
    """Replace the placeholders of a command."""
    changes: dict[str, Any] = {}
    if (effective_at := getattr(command, "effective_at", None)) is not None:
        changes["effective_at"] = at.present + effective_at
    deadline: Deadline | None = getattr(command, "deadline", None)
    if deadline is not None and deadline.at is not None:
        changes["deadline"] = Deadline(at.present + deadline.at)
    if isinstance(command, CaptureHold | ReleaseHold | UpdateHold):
        changes["hold"] = _one(command.hold, at.open_holds, at.holds)
    if isinstance(command, ReverseTransfer):
        changes["transfer"] = _one(command.transfer, at.movements, at.ids)
    if isinstance(command, Erase):
        changes["command"] = _one(command.command, at.ids, at.ids)
    if isinstance(command, ClosePeriod):
        changes["before"] = at.present + command.before
    if isinstance(command, CreateTransfer | CreateHold):
        changes["conditions"] = _aimed_conditions(command, at)
    if isinstance(command, CreatePayment):
        changes["legs"] = tuple(
            leg._replace(conditions=_aimed_conditions(leg, at)) for leg in command.legs
        )
    return command._replace(**changes)


def _one(placeholder: str, usual: Sequence[str], others: Sequence[str]) -> str:
    """Return one of those that something can be done with, rarely one of the others or none."""
    place = int(placeholder[1:])
    there = usual if place < NONE_OF_THEM * 4 // 5 else others
    if not there or place == NONE_OF_THEM:
        return "missing"
    return there[-1 - place % len(there)]


def _aimed_conditions(command: CreateTransfer | CreateHold | Leg, at: Aim) -> tuple[Condition, ...]:
    aimed: list[Condition] = []
    for condition in command.conditions:
        if condition.quantity == Quantity.LAST_POSITION:
            debits = condition.side == Side.DEBIT
            account = command.debit_account if debits else command.credit_account
            seq = max(0, at.last_seqs.get(account, 0) + condition.value)
            condition = condition._replace(value=seq)  # noqa: PLW2901 (as it is to be sent)
        aimed.append(condition)
    return tuple(aimed)
