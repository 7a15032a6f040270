"""What commands have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from yupana.ids import uuid7

# Stands for an id that is not given. An empty one is given, and wrong: the ledger refuses it.
DERIVED = cast("str", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Asks a book for one change; the base of all commands.

    The id makes it happen once: build the command once, keep it, send it as often as needed.
    """

    id: str = field(default_factory=uuid7)
    linked: bool = False
    """Stands and falls with the next command; `linked()` sets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedCommand(Command):
    """A command with words of its own."""

    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Words that it can be found by: at most 16, values of at most 512 bytes. Can be erased."""
    code: str = ""
    """Which kind of business event it is, such as `payout`: an id. Never erased."""
    description: str = ""
    """What it is, for people: at most 1,024 bytes. Can be erased."""
    reference: str = ""
    """What it is called elsewhere: at most 256 bytes. Can be erased."""
