"""Accounts and what they allow."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

from yupana.commands.command import DERIVED, Command
from yupana.enums import NormalSide
from yupana.ids import derived_id
from yupana.limits import WindowLimit

OPEN_ACCOUNT = "open-account"


@dataclass(frozen=True, slots=True)
class OpenAccount(Command):
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
    windows: Sequence[WindowLimit] = field(default=(), hash=False)
    """At most 8, no two of the same side, measure and length."""
    code: str = ""
    """Which kind of account it is, such as `wallet`: an id. Never erased."""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Words that it can be found by. Erased by naming the id of this command."""
    id: str = DERIVED

    def __post_init__(self) -> None:
        if self.id is DERIVED:
            object.__setattr__(self, "id", derived_id(OPEN_ACCOUNT, self.account))


@dataclass(frozen=True, slots=True)
class SetLimits(Command):
    """Sets all limits of an account anew: every one has to be said, so that none is lost.

    A limit that the account already breaks may be set; the outcome says so.
    """

    account: str
    _: KW_ONLY
    min_balance: int | None
    """The floor of the available balance. None: no floor from now on."""
    max_balance: int | None
    """The ceiling of the balance with pending credits. None: no ceiling from now on."""
    windows: Sequence[WindowLimit] = field(hash=False)
    """At most 8, no two of the same side, measure and length. Empty: none from now on."""


@dataclass(frozen=True, slots=True)
class FreezeAccount(Command):
    """Sets which movements of an account are frozen. Captures, releases and expiry go on."""

    account: str
    _: KW_ONLY
    debits: bool
    """Reject debits from now on. False: allow them."""
    credits: bool
    """Reject credits from now on. False: allow them."""


@dataclass(frozen=True, slots=True)
class CloseAccount(Command):
    """Closes an account without open holds: it takes part in nothing any more."""

    account: str


@dataclass(frozen=True, slots=True)
class ReopenAccount(Command):
    """Opens a closed account again, with its limits and freezes as they were."""

    account: str
