"""What concerns a book as a whole."""

from dataclasses import KW_ONLY, dataclass
from datetime import datetime

from yupana.commands.command import DERIVED, Command
from yupana.ids import derived_id

OPEN_ASSET = "open-asset"


@dataclass(frozen=True, slots=True)
class OpenAsset(Command):
    """Opens an asset in a book.

    The id defaults to `open-asset:{asset}`, so that opening it again in the same way is a replay.
    """

    asset: str
    _: KW_ONLY
    scale: int
    """How many decimal places the smallest unit has, 0 to 38. Only for display."""
    id: str = DERIVED

    def __post_init__(self) -> None:
        if self.id is DERIVED:
            object.__setattr__(self, "id", derived_id(OPEN_ASSET, self.asset))


@dataclass(frozen=True, slots=True)
class ClosePeriod(Command):
    """Closes the book's past: what took effect before is rejected from now on."""

    before: datetime
    """The first moment that stays open. Aware, not in the future, not before an earlier one."""


@dataclass(frozen=True, slots=True)
class Erase(Command):
    """Erases the labels, description and reference of an earlier command for good."""

    command: str
    """The id of that command."""
