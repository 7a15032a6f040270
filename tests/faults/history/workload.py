"""What the clients of a load ask for: a seeded mix of everything that can go wrong with ids."""

from collections import deque
from datetime import timedelta
from random import Random
from typing import TypeAlias

from faults.history.log import Read, Streamed

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
    linked,
)

Request: TypeAlias = list[Command] | Read | Streamed

ASSET = "USD"
WORLD = "world"
SHOP = "shop"
USERS = [f"users:{number}" for number in range(8)]
ACCOUNTS = [WORLD, SHOP, *USERS]
NOBODY = "nobody"
SHOP_MAX = 3_000

REMEMBERED = 200
"""How many of the newest requests and holds may be taken up again."""

GROUPS = 4
"""How many groups of holds there are at a time; one that was resolved is used on."""


def opening() -> list[Command]:
    """Open what the load moves amounts between. Opening it again is a replay."""
    return [
        OpenAsset(ASSET, scale=2),
        OpenAccount(WORLD, ASSET),
        OpenAccount(SHOP, ASSET, max_balance=SHOP_MAX),
        *(OpenAccount(user, ASSET, min_balance=0) for user in USERS),
    ]


class Memory:
    """What all clients of a load have sent, for others to send again."""

    def __init__(self) -> None:
        self.requests: deque[list[Command]] = deque(maxlen=REMEMBERED)
        self.holds: deque[str] = deque(maxlen=REMEMBERED)
        self.targets: deque[str] = deque(maxlen=REMEMBERED)
        """What reversals name: most of it can be reversed."""
        self.positions: deque[str] = deque(maxlen=REMEMBERED)


class Workload:
    """Makes the calls of one client."""

    def __init__(self, seed: int, client: int, memory: Memory):
        self._random = Random(f"{seed}/{client}")
        self._prefix = f"s{seed}c{client}"
        self._count = 0
        self._memory = memory

    def pause_s(self, mean_s: float) -> float:
        """How long to rest before the next call."""
        return self._random.uniform(0, 2 * mean_s)

    def next(self) -> list[Request]:
        """Return what to call next; several calls go out at once."""
        kinds = [self._singles] * 5 + [self._batch] * 3 + [self._chain] * 2 + [self._again] * 2
        kinds += [self._stream] * 2 + [self._reuse, self._read_strong, self._read_strong]
        kinds += [self._read_at_least] * 2 + [self._read_eventual]
        return self._random.choice(kinds)()

    def _singles(self) -> list[Request]:
        return [self._new([self._transfer()]) for _ in range(self._random.randint(1, 4))]

    def _batch(self) -> list[Request]:
        return [self._new(self._commands())]

    def _stream(self) -> list[Request]:
        """Stream new commands, and at times behind them what somebody sends or sent otherwise."""
        commands = self._new([each for _ in range(3) for each in self._commands()])
        if self._random.random() < 0.3:
            known = self._random.choice(self._memory.requests)
            taken = {command.id for command in commands}
            commands = commands if taken & {c.id for c in known} else [*commands, *known]
        return [Streamed(commands)]

    def _commands(self) -> list[Command]:
        commands = [self._command() for _ in range(self._random.randint(2, 20))]
        if self._random.random() < 0.3:
            commands += self._members()
        return commands

    def _chain(self) -> list[Request]:
        return [self._new(self._members())]

    def _members(self) -> list[Command]:
        return linked(*(self._command() for _ in range(self._random.randint(2, 5))))

    def _again(self) -> list[Request]:
        """Send what somebody sent before, or is sending at this moment."""
        known = self._memory.requests
        return [self._random.choice(known)] if known else self._singles()

    def _reuse(self) -> list[Request]:
        """Use an id again for something else."""
        known = [r[0] for r in self._memory.requests if isinstance(r[0], CreateTransfer)]
        known = [command for command in known if not command.linked]
        if not known:
            return self._singles()
        other = self._random.choice(known)
        return [[CreateTransfer(other.debit, other.credit, other.amount + 1, id=other.id)]]

    def _read_strong(self) -> list[Request]:
        return [Read(self._some_accounts())]

    def _read_at_least(self) -> list[Request]:
        known = self._memory.positions
        return [Read(self._some_accounts(), self._random.choice(known) if known else None)]

    def _read_eventual(self) -> list[Request]:
        return [Read(self._some_accounts(), eventual=True)]

    def _some_accounts(self) -> tuple[str, ...]:
        return tuple(self._random.sample([*ACCOUNTS, NOBODY], self._random.randint(1, 4)))

    def _new(self, commands: list[Command]) -> list[Command]:
        self._memory.requests.append(commands)
        for command in commands:
            match command:
                case CreateHold():
                    self._memory.holds.append(command.id)
                case CreatePayment():
                    self._memory.targets += [command.id, f"_leg:1:{command.id}"]
                case _:
                    self._memory.targets.append(command.id)
        return commands

    def _command(self) -> Command:
        kinds = [self._transfer] * 5 + [self._hold] * 3 + [self._capture] * 2 + [self._release]
        kinds += [self._payment] * 2 + [self._collection, self._reversal, self._reversal]
        kinds += [self._resolution]
        return self._random.choice(kinds)()

    def _transfer(self) -> Command:
        debit, credit = self._sides()
        return CreateTransfer(debit, credit, self._random.randint(0, 100), id=self._id())

    def _hold(self) -> Command:
        debit, credit = self._sides()
        after = self._random.choice([None, None, timedelta(hours=1), timedelta(seconds=2)])
        return CreateHold(
            debit,
            credit,
            self._random.randint(0, 100),
            expires_after=after,
            group=self._group() if self._random.random() < 0.5 else "",
            id=self._id(),
        )

    def _capture(self) -> Command:
        amount = self._random.choice([None, 1, 10, 50])
        final = self._random.random() < 0.3
        return CaptureHold(self._one_hold(), amount, final=final, id=self._id())

    def _release(self) -> Command:
        return ReleaseHold(self._one_hold(), id=self._id())

    def _payment(self) -> Command:
        """Pay several at once."""
        sides = [self._sides() for _ in range(self._random.randint(1, 4))]
        legs = [Leg(debit, credit, self._random.randint(0, 50)) for debit, credit in sides]
        return CreatePayment(legs, id=self._id())

    def _collection(self) -> Command:
        """Collect from some what they have, in their order, and give a part of it away."""
        users = self._random.sample(USERS, self._random.randint(1, 3))
        legs = [Leg(user, SHOP, collect=True) for user in users]
        return CreatePayment(
            [*legs, Leg(SHOP, WORLD, 1)],
            collect_amount=self._random.randint(1, 200),
            collect_partially=self._random.random() < 0.5,
            id=self._id(),
        )

    def _reversal(self) -> Command:
        known = self._memory.targets
        target = self._random.choice(known) if known else "nothing"
        amount = self._random.choice([None, None, 1, 10])
        force = self._random.random() < 0.2
        return ReverseTransfer(target, amount, force=force, id=self._id())

    def _resolution(self) -> Command:
        resolution = self._random.choice([Resolution.CAPTURE, Resolution.RELEASE])
        return ResolveGroup(self._group(), resolution, id=self._id())

    def _group(self) -> str:
        return f"group-{self._random.randrange(GROUPS)}"

    def _one_hold(self) -> str:
        known = self._memory.holds
        return self._random.choice(known) if known else "nothing"

    def _sides(self) -> tuple[str, str]:
        chance = self._random.random()
        if chance < 0.35:
            return WORLD, self._random.choice([SHOP, *USERS])
        if chance < 0.37:
            return self._random.choice(USERS), NOBODY
        debit, credit = self._random.sample([SHOP, *USERS, *USERS, WORLD], 2)
        return (debit, credit) if debit != credit else (debit, WORLD)

    def _id(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"
