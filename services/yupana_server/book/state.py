"""What a book looks like at one entry of its journal, as far as it is in memory.

A state is a stack of layers. The lowest holds what is committed; each one above it holds only what
a batch (or a chain) changes. So a batch can be decided on top of one that is still being written,
and thrown away by dropping its layer.
"""

from typing import NamedTuple

from yupana_server.book.commands import NormalSide
from yupana_server.book.entries import ZERO, Entry, Totals


class NotLoadedError(Exception):
    """Something was looked up that nobody loaded: a bug, never a fact about the book."""


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


class Account(NamedTuple):
    """An account at one entry of the journal."""

    facts: AccountFacts
    totals: Totals = ZERO
    last_seq: int = 0
    """The newest entry that changed it."""


class Asset(NamedTuple):
    """An asset of the book."""

    id: str
    scale: int
    opened_at: int


class State:
    """A layer of a book's state.

    `accounts` and `assets` hold None for what is known not to exist; what they do not hold at all
    must be loaded before it is looked up. `outcomes` holds the entries of recently decided ids.
    """

    __slots__ = ("accounts", "assets", "outcomes", "parent", "recorded_at", "seq")

    def __init__(self, *, seq: int = 0, recorded_at: int = 0, parent: "State | None" = None):
        self.seq = seq
        self.recorded_at = recorded_at
        self.parent = parent
        self.accounts: dict[str, Account | None] = {}
        self.assets: dict[str, Asset | None] = {}
        self.outcomes: dict[str, Entry] = {}

    def layer(self) -> "State":
        """Return a new layer on top of this one."""
        return State(seq=self.seq, recorded_at=self.recorded_at, parent=self)

    def absorb(self, layer: "State") -> None:
        """Take over what the layer directly above this one changed."""
        self.seq = layer.seq
        self.recorded_at = layer.recorded_at
        self.accounts.update(layer.accounts)
        self.assets.update(layer.assets)
        self.outcomes.update(layer.outcomes)

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
            entry = layer.outcomes.get(command_id)
            if entry is not None:
                return entry
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

    def knows_asset(self, asset_id: str) -> bool:
        """Tell whether `asset` can be asked for it."""
        layer: State | None = self
        while layer is not None:
            if asset_id in layer.assets:
                return True
            layer = layer.parent
        return False
