"""Random commands of every kind over few names, so that they get in each other's way."""

import random

from yupana_server.book.commands import (
    CaptureHold,
    Chain,
    CloseAccount,
    ClosePeriod,
    Command,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Leg,
    Measure,
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
    WindowLimit,
    Words,
)
from yupana_server.book.words import seal

ACCOUNTS = [f"a{number}" for number in range(6)]
NO_FLOOR = "a0"
LATELY = 300
"""How many of the newest ids later commands refer to."""


class RandomCommands:
    """Makes commands; what it made is what later ones refer to."""

    def __init__(self, seed: int, prefix: str = "r"):
        self._random = random.Random(seed)
        self._prefix = prefix
        self._count = 0
        self._holds: list[str] = []
        self._transfers: list[str] = []

    def unit(self) -> tuple[Command, ...]:
        """Return one command, or a short chain."""
        if self._random.random() < 0.9:
            return (self.command(),)
        members = [self.command() for _ in range(self._random.randint(2, 4))]
        first, length = members[0].id, len(members)
        return tuple(
            member._replace(chain=Chain(first, place, length))
            for place, member in enumerate(members, start=1)
        )

    def command(self) -> Command:
        """Return a command of any kind, the usual ones more often."""
        kinds = [
            *[self._transfer] * 8,
            *[self._hold] * 6,
            *[self._capture] * 5,
            *[self._reversal] * 3,
            *[self._payment] * 2,
            self._release,
            self._update,
            self._group,
            self._limits,
            self._freeze,
            self._close,
            self._reopen,
            self._erase,
            self._period,
        ]
        self._count += 1
        return self._random.choice(kinds)(f"{self._prefix}{self._count}")

    def _sides(self) -> tuple[str, str]:
        debit, credit = self._random.sample(ACCOUNTS, 2)
        return debit, credit

    def _amount(self) -> int:
        return self._random.choice([0, 1, 2, 5, 10, 20, 40])

    def _maybe(self, chance: float) -> bool:
        return self._random.random() < chance

    def _conditions(self) -> tuple[Condition, ...]:
        if not self._maybe(0.1):
            return ()
        quantity = self._random.choice([Quantity.BALANCE, Quantity.AVAILABLE])
        operator = self._random.choice(list(Operator))
        side = self._random.choice(list(Side))
        return (Condition(side, quantity, operator, self._random.randint(-20, 60)),)

    def _up_to(self) -> UpTo:
        return self._random.choice(list(UpTo)) if self._maybe(0.2) else UpTo.NONE

    def _words(self) -> Words | None:
        if not self._maybe(0.2):
            return None
        words = Words({"k": "v"}, "what it is", "")
        return words._replace(sealed=seal(words, bytes(16)))

    def _hold_id(self) -> str:
        return self._random.choice(self._holds[-LATELY:] or ["nothing"])

    def _target(self) -> str:
        return self._random.choice(self._transfers[-LATELY:] or ["nothing"])

    def _transfer(self, id_: str) -> Command:
        self._transfers.append(id_)
        return CreateTransfer(
            id_,
            *self._sides(),
            self._amount(),
            effective_at=self._random.choice([None, None, 5_000_000, 50_000_000]),
            words=self._words(),
            up_to=self._up_to(),
            conditions=self._conditions(),
        )

    def _hold(self, id_: str) -> Command:
        self._holds.append(id_)
        timeout = self._random.choice([1_000, 20_000, 200_000, 1_000_000, 100_000_000])
        return CreateHold(
            id_,
            *self._sides(),
            self._amount(),
            deadline=Deadline(after=timeout) if self._maybe(0.7) else None,
            group=self._random.choice(["g1", "g2", "g3"]) if self._maybe(0.3) else None,
            up_to=self._up_to(),
            conditions=self._conditions(),
        )

    def _capture(self, id_: str) -> Command:
        self._transfers.append(id_)
        amount = self._amount() if self._maybe(0.7) else None
        return CaptureHold(id_, self._hold_id(), amount, final=self._maybe(0.3))

    def _release(self, id_: str) -> Command:
        return ReleaseHold(id_, self._hold_id())

    def _update(self, id_: str) -> Command:
        deadline = self._random.choice(
            [None, Deadline(), Deadline(after=10_000), Deadline(after=2_000_000)]
        )
        return UpdateHold(id_, self._hold_id(), self._amount(), deadline)

    def _group(self, id_: str) -> Command:
        group, resolution = self._random.choice(["g1", "g2", "g3"]), Resolution.CAPTURE
        return ResolveGroup(id_, group, resolution if self._maybe(0.5) else Resolution.RELEASE)

    def _reversal(self, id_: str) -> Command:
        amount = self._amount() if self._maybe(0.5) else None
        return ReverseTransfer(id_, self._target(), amount, force=self._maybe(0.3))

    def _payment(self, id_: str) -> Command:
        self._transfers.append(f"_leg:1:{id_}")
        legs = tuple(
            Leg(*self._sides(), self._amount(), up_to=self._up_to())
            for _ in range(self._random.randint(1, 3))
        )
        if self._maybe(0.5):
            return CreatePayment(id_, legs)
        debits = self._random.sample(ACCOUNTS[1:], 2)
        collects = tuple(Leg(debit, NO_FLOOR) for debit in debits)
        return CreatePayment(id_, (*collects, *legs), 30, self._maybe(0.5))

    def _limits(self, id_: str) -> Command:
        account = self._random.choice(ACCOUNTS[1:])
        window = WindowLimit(
            self._random.choice(list(Side)),
            self._random.choice(list(Measure)),
            self._random.choice([60, 3600]),
            self._random.choice([3, 50, 500]),
        )
        return SetLimits(
            id_,
            account,
            self._random.choice([0, 0, -20, None]),
            self._random.choice([None, 200]),
            (window,) if self._maybe(0.5) else (),
        )

    def _freeze(self, id_: str) -> Command:
        account = self._random.choice(ACCOUNTS)
        return FreezeAccount(id_, account, self._maybe(0.1), self._maybe(0.1))

    def _close(self, id_: str) -> Command:
        return CloseAccount(id_, self._random.choice(ACCOUNTS))

    def _reopen(self, id_: str) -> Command:
        return ReopenAccount(id_, self._random.choice(ACCOUNTS))

    def _erase(self, id_: str) -> Command:
        return Erase(id_, self._target())

    def _period(self, id_: str) -> Command:
        return ClosePeriod(id_, self._random.choice([1_000_000, 6_000_000]))
