"""Random commands that use everything that projections and history are made of."""

import time
from random import Random
from typing import Any

from yupana_server.book.commands import (
    CaptureHold,
    Command,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Leg,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    UpdateHold,
    Words,
)
from yupana_server.book.words import seal

SECOND = 1_000_000
CODES = ["sale", "fee", None, None]
LABELS = [("order", "7"), ("order", "8"), ("channel", "web"), ("channel", "ärger=%s")]
GROUPS = ["cart-1", "cart-2", None, None, None]
ACCOUNTS = {
    "world": "USD",
    "users:1:wallet": "USD",
    "users:1:savings": "USD",
    "users:10:wallet": "USD",
    "users:1": "USD",
    "shop": "USD",
    "shop:till:a:b": "USD",
    "odd::name": "USD",
    "world:eur": "EUR",
    "users:1:euros": "EUR",
    ":".join("abcdefghijklmnopqrst"): "EUR",
}
PREFIXES = ["", "users", "users:1", "shop", "shop:till", "odd", "world", "nobody"] + [
    ":".join("abcdefghijklmnopqrst"[:length]) for length in (1, 2, 15, 16)
]


class RandomBook:
    """Makes commands; some of them fail."""

    def __init__(self, seed: int):
        self._random = Random(seed)
        self._began_at = time.time_ns() // 1000
        self._count = 0
        self._holds: list[str] = []
        self._moved: list[str] = []
        self._known: list[str] = []
        self.effects: list[int] = []
        """Effective times that were given."""

    def opening(self) -> list[Command]:
        """Open the assets and most accounts."""
        accounts = [
            OpenAccount(
                f"open:{place}",
                account,
                asset,
                code=self._random.choice(CODES),
                words=self._words(),
                min_balance=0 if account == "shop" else None,
            )
            for place, (account, asset) in enumerate(ACCOUNTS.items())
        ]
        self._known += [command.id for command in accounts]
        return [OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2), *accounts]

    def commands(self, count: int) -> list[Command]:
        """Make some commands, transfers most of all."""
        makers = [self._transfer] * 6 + [self._hold] * 4 + [self._capture] * 2
        makers += [self._update, self._erase] * 3
        makers += [self._release, self._reverse, self._payment]
        makers += [self._group, self._freeze]
        return [self._random.choice(makers)() for _ in range(count)]

    def _transfer(self) -> Command:
        debit, credit = self._pair()
        return CreateTransfer(
            self._id(self._moved),
            debit,
            credit,
            self._random.randint(0, 100),
            effective_at=self._effect(),
            words=self._words(),
            code=self._random.choice(CODES),
        )

    def _hold(self) -> Command:
        debit, credit = self._pair()
        after = self._random.choice([None, None, SECOND // 20, 3600 * SECOND])
        return CreateHold(
            self._id(self._holds),
            debit,
            credit,
            self._random.randint(0, 100),
            deadline=None if after is None else Deadline(after=after),
            group=self._random.choice(GROUPS),
            words=self._words(),
            code=self._random.choice(CODES),
        )

    def _capture(self) -> Command:
        return CaptureHold(
            self._id(self._moved),
            self._one_of(self._holds),
            self._random.choice([None, 1, 10]),
            final=self._random.random() < 0.3,
            effective_at=self._effect(),
            code=self._random.choice(CODES),
        )

    def _release(self) -> Command:
        return ReleaseHold(self._id(), self._one_of(self._holds))

    def _update(self) -> Command:
        deadline = self._random.choice([None, Deadline(), Deadline(after=60 * SECOND)])
        amount = self._random.choice([None, 5, 50])
        return UpdateHold(self._id(), self._one_of(self._holds), amount, deadline=deadline)

    def _reverse(self) -> Command:
        amount = self._random.choice([None, 1])
        effective_at = self._effect()
        return ReverseTransfer(
            self._id(), self._one_of(self._moved), amount, effective_at=effective_at
        )

    def _payment(self) -> Command:
        legs = [Leg(*self._pair(), self._random.randint(1, 9)) for _ in range(2)]
        return CreatePayment(
            self._id(),
            tuple(legs),
            effective_at=self._effect(),
            words=self._words(),
            code=self._random.choice(CODES),
        )

    def _erase(self) -> Command:
        # Old ones too: what opened an account was among the first.
        return Erase(self._id(), self._random.choice(self._known[-30:] + self._known[:10]))

    def _group(self) -> Command:
        group = self._random.choice(GROUPS[:2])
        return ResolveGroup(self._id(), str(group), self._random.choice(list(Resolution)))

    def _freeze(self) -> Command:
        return FreezeAccount(self._id(), "odd::name", debits=self._random.random() < 0.5)

    def _pair(self) -> tuple[str, str]:
        asset = self._random.choice(["USD", "USD", "USD", "EUR"])
        among = [name for name, each in ACCOUNTS.items() if each == asset]
        if self._random.random() < 0.05:
            among = [among[0], "nobody"]
        debit, credit = self._random.sample(among, 2)
        return debit, credit

    def _effect(self) -> int | None:
        now = time.time_ns() // 1000
        choice = self._random.random()
        if choice < 0.4:
            return None
        if choice < 0.7:
            at = self._random.randint(self._began_at, now)  # Among what was recorded.
        else:
            at = now - self._random.randint(0, 90 * 86_400) * SECOND
        if choice > 0.85:
            at -= at % (86_400 * SECOND)  # Dates without a time of day are the most common.
        self.effects.append(at)
        return at

    def _words(self) -> Words | None:
        if self._random.random() < 0.6:
            return None
        labels = dict(self._random.sample(LABELS, self._random.randint(1, 3)))
        words = Words(labels)
        return words._replace(sealed=seal(words, self._random.randbytes(16)))

    def _id(self, *lists: list[str]) -> str:
        self._count += 1
        id_ = f"c{self._count}"
        for each in (*lists, self._known):
            each.append(id_)
        return id_

    def _one_of(self, ids: list[str]) -> Any:
        return self._random.choice(ids[-30:]) if ids else "nothing"
