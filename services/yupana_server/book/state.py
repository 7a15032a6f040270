"""What a book looks like at one entry of its journal, as far as it is in memory.

A state is a stack of layers. The lowest holds what is committed; each one above it holds only what
a batch (or a chain) changes. So a batch can be decided on top of one that is still being written,
and thrown away by dropping its layer.
"""

from bisect import bisect_right
from enum import IntEnum
from heapq import merge
from itertools import groupby, islice
from typing import Any, NamedTuple, TypeAlias

from yupana_server.book.commands import NormalSide, WindowLimit
from yupana_server.book.entries import ZERO, Entry, Totals, Usage

Due: TypeAlias = tuple[int, str]
"""When a hold expires, and its id."""

NO_DUE: Due = (-(2**63), "")
"""Before any other."""


def all_until(at: int) -> Due:
    """Return what comes after all deadlines up to a time: no id contains a byte as high as DEL."""
    return at, "\x7f"


DEADLINES_SPARE = 1_000
"""How many deadlines that no longer count may stand among the others, at least."""


class NotLoadedError(Exception):
    """Something is needed that nobody loaded: load it and decide again. No fact about the book."""


class AccountFacts(NamedTuple):
    """What holds for an account between the entries that set it."""

    id: str
    asset: str
    normal_side: NormalSide
    min_balance: int | None
    max_balance: int | None
    opened_at: int
    opened_by: str
    """The id of the command that opened it."""
    opened_seq: int = 0
    windows: tuple[WindowLimit, ...] = ()
    debits_frozen: bool = False
    credits_frozen: bool = False
    closed: bool = False
    code: str | None = None
    has_words: bool = False
    """It was opened with labels, which may have been erased since."""


class Account(NamedTuple):
    """An account at one entry of the journal."""

    facts: AccountFacts
    totals: Totals = ZERO
    last_seq: int = 0
    """The newest entry that changed it."""
    usage: Usage = ()
    """What is used of its windows, in their order."""


class HoldState(IntEnum):
    """How a hold stands."""

    OPEN = 1
    CAPTURED = 2
    RELEASED = 3
    EXPIRED = 4


class Hold(NamedTuple):
    """A hold at one entry of the journal."""

    id: str
    debit_account: str
    credit_account: str
    asset: str
    captured: int
    remaining: int
    """0: it is closed, for ever."""
    expires_at: int | None
    state: HoldState
    last_seq: int
    """The newest entry that changed it."""


class Asset(NamedTuple):
    """An asset of the book."""

    id: str
    scale: int
    opened_at: int


class State:
    """A layer of a book's state.

    `accounts` and `assets` hold None for what is known not to exist; what they do not hold at all
    must be loaded before it is looked up; so with `holds`, with `groups` (their holds in the order
    of creation) and with `reversed` (how much of a transfer is). `outcomes` holds the entries of
    recently decided ids. Of an account that is loaded, every open hold with a deadline must be
    loaded too.
    """

    __slots__ = (
        "_deadlines_max", "accounts", "assets", "closed_before", "deadlines", "epoch",
        "expired_until", "groups", "holds", "outcomes", "parent", "recorded_at", "reversed", "seq",
    )  # fmt: skip

    def __init__(
        self,
        *,
        seq: int = 0,
        recorded_at: int = 0,
        epoch: int = 1,
        closed_before: int | None = None,
        parent: "State | None" = None,
        outcomes: dict[str, Entry] | None = None,
    ):
        self.seq = seq
        self.recorded_at = recorded_at
        self.epoch = epoch
        self.closed_before = closed_before
        """The first moment of the book's past that is not closed; None while all of it is open."""
        self.parent = parent
        self.accounts: dict[str, Account | None] = {}
        self.assets: dict[str, Asset | None] = {}
        self.outcomes: dict[str, Entry] = {} if outcomes is None else outcomes
        self.holds: dict[str, Hold | None] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.reversed: dict[str, int] = {}
        self.deadlines: list[Due] = []
        """Deadlines and ids of holds, in order; some of them are closed or have another by now."""
        self._deadlines_max = DEADLINES_SPARE
        self.expired_until = NO_DUE
        """Whatever was due up to here in this layer and those below has been expired in it."""

    def layer(self) -> "State":
        """Return a new layer on top of this one."""
        return State(
            seq=self.seq,
            recorded_at=self.recorded_at,
            epoch=self.epoch,
            closed_before=self.closed_before,
            parent=self,
        )

    def absorb(self, layer: "State") -> None:
        """Take over what the layer directly above this one changed."""
        self.seq = layer.seq
        self.recorded_at = layer.recorded_at
        self.closed_before = layer.closed_before
        self.accounts.update(layer.accounts)
        self.assets.update(layer.assets)
        self.outcomes.update(layer.outcomes)
        self.holds.update(layer.holds)
        self.groups.update(layer.groups)
        self.reversed.update(layer.reversed)
        for deadline in layer.deadlines:
            self._note_deadline(deadline)
        self.forget_deadlines()

    def forget_deadlines(self) -> None:
        """Let go of deadlines that are past, and now and then of all that no longer count."""
        past = next((i for i, each in enumerate(self.deadlines) if self._waits(*each)), None)
        del self.deadlines[:past]
        if len(self.deadlines) > self._deadlines_max:
            self.deadlines = [each for each in self.deadlines if self._waits(*each)]
            self._deadlines_max = DEADLINES_SPARE + 2 * len(self.deadlines)

    def _waits(self, at: int, hold_id: str) -> bool:
        hold = self.hold(hold_id)
        return hold is not None and hold.remaining > 0 and hold.expires_at == at

    def store_hold(self, hold: Hold) -> None:
        """Take note of a hold as it is now."""
        self.holds[hold.id] = hold
        if hold.remaining and hold.expires_at is not None:
            self._note_deadline((hold.expires_at, hold.id))

    def _note_deadline(self, deadline: Due) -> None:
        place = bisect_right(self.deadlines, deadline)
        if place == 0 or self.deadlines[place - 1] != deadline:
            self.deadlines.insert(place, deadline)

    @property
    def has_deadlines(self) -> bool:
        """Whether there is any hold with a deadline."""
        layer: State | None = self
        while layer is not None:
            if layer.deadlines:
                return True
            layer = layer.parent
        return False

    def due(self, at: int, limit: int | None = None) -> list[str]:
        """Return the open holds whose deadline has come, in the order of deadlines, then ids.

        The first `limit` of them, if it is given: what comes later is not even looked at.
        """
        done, end = NO_DUE, all_until(at)
        passed: list[islice[Due]] = []
        layer: State | None = self
        while layer is not None:
            done = max(done, layer.expired_until)
            deadlines = layer.deadlines
            if deadlines and deadlines[0][0] <= at:
                begin = bisect_right(deadlines, done)
                passed.append(islice(deadlines, begin, bisect_right(deadlines, end)))
            layer = layer.parent
        if not passed:
            return []
        # A hold that was changed stands in several layers, once for each deadline that it had.
        each_once = (deadline for deadline, _ in groupby(merge(*passed)))
        waiting = (hold_id for when, hold_id in each_once if self._waits(when, hold_id))
        return list(islice(waiting, limit))

    def account(self, account_id: str) -> Account | None:
        """Return the account, None when it is not open; NotLoadedError when nobody knows."""
        layer: State | None = self
        while layer is not None:
            if account_id in layer.accounts:
                return layer.accounts[account_id]
            layer = layer.parent
        raise NotLoadedError(account_id)

    def asset(self, asset_id: str) -> Asset | None:
        """Return the asset, None when it is not open; NotLoadedError when nobody knows."""
        layer: State | None = self
        while layer is not None:
            if asset_id in layer.assets:
                return layer.assets[asset_id]
            layer = layer.parent
        raise NotLoadedError(asset_id)

    def outcome(self, command_id: str) -> Entry | None:
        """Return the entry that recorded the id, None when none is in memory."""
        layer: State | None = self
        while layer is not None:
            if command_id in layer.outcomes:
                return layer.outcomes[command_id]
            layer = layer.parent
        return None

    def knows_account(self, account_id: str) -> bool:
        """Tell whether `account` can be asked for it."""
        layer: State | None = self
        while layer is not None:
            if account_id in layer.accounts:
                return True
            layer = layer.parent
        return False

    def knows(self, kind: str, name: str) -> bool:
        """Tell whether a fact can be asked for; `kind` is the name of the dict that holds it."""
        layer: State | None = self
        while layer is not None:
            if name in getattr(layer, kind):
                return True
            layer = layer.parent
        return False

    def hold(self, hold_id: str) -> Hold | None:
        """Return the hold, None when there is none; NotLoadedError when nobody knows."""
        hold: Hold | None = self._find("holds", hold_id)
        return hold

    def group(self, group_id: str) -> tuple[str, ...]:
        """Return the holds of a group; NotLoadedError when nobody knows."""
        members: tuple[str, ...] = self._find("groups", group_id)
        return members

    def reversed_amount(self, transfer_id: str) -> int:
        """Return how much of a transfer is reversed; NotLoadedError when nobody knows."""
        amount: int = self._find("reversed", transfer_id)
        return amount

    def _find(self, kind: str, name: str) -> Any:
        layer: State | None = self
        while layer is not None:
            facts = getattr(layer, kind)
            if name in facts:
                return facts[name]
            layer = layer.parent
        raise NotLoadedError(name)
