"""What can be asked of a book."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, cast

from yupana.ids import derived_id, uuid7

OPEN_ACCOUNT = "open-account"
OPEN_ASSET = "open-asset"

# Stands for an id that is not given. An empty one is given, and wrong: the ledger refuses it.
_DERIVED = cast("str", None)


class NormalSide(StrEnum):
    """On which side an account's balance is shown as positive in reports."""

    CREDIT = "credit"
    DEBIT = "debit"


@dataclass(frozen=True, slots=True)
class CreateTransfer:
    """Moves an amount from a debit account to a credit account.

    The id makes it happen once: build the command once, keep it, send it as often as needed.
    """

    debit: str
    credit: str
    amount: int
    """In the asset's smallest unit, 0 to 2^128 - 1."""
    _: KW_ONLY
    asset: str = ""
    """The asset that is meant. When given, it must be that of both accounts."""
    effective_at: datetime | None = None
    """When it took effect for the business, if not now. Aware, not in the future."""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    id: str = field(default_factory=uuid7)
    linked: bool = False
    """Stands and falls with the next command; `linked()` sets it."""


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Opens an account for one asset.

    The id defaults to `open-account:{account}`, so that opening it again in the same way is a
    replay. A rejection replays too: after ASSET_NOT_FOUND give an id of your own, or use
    `BookClient.open_account`, which does.
    """

    account: str
    asset: str
    _: KW_ONLY
    normal_side: NormalSide = NormalSide.CREDIT
    min_balance: int | None = None
    """The floor of the available balance. None: no floor."""
    max_balance: int | None = None
    """The ceiling of the balance with pending credits. None: no ceiling."""
    id: str = _DERIVED
    linked: bool = False

    def __post_init__(self) -> None:
        if self.id is _DERIVED:
            object.__setattr__(self, "id", derived_id(OPEN_ACCOUNT, self.account))


@dataclass(frozen=True, slots=True)
class OpenAsset:
    """Opens an asset in a book.

    The id defaults to `open-asset:{asset}`, so that opening it again in the same way is a replay.
    """

    asset: str
    _: KW_ONLY
    scale: int
    """How many decimal places the smallest unit has, 0 to 38. Only for display."""
    id: str = _DERIVED
    linked: bool = False

    def __post_init__(self) -> None:
        if self.id is _DERIVED:
            object.__setattr__(self, "id", derived_id(OPEN_ASSET, self.asset))


Command: TypeAlias = CreateTransfer | OpenAccount | OpenAsset


def linked(*commands: Command) -> list[Command]:
    """Return the commands as a chain: they stand or fall together, each sees those before it.

    At most 1,000 members.
    """
    if not commands:
        return []
    return [
        *(replace(each, linked=True) for each in commands[:-1]),
        replace(commands[-1], linked=False),
    ]
