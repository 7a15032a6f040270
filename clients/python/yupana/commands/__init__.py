"""What can be asked of a book."""

from dataclasses import replace

from yupana.commands.accounts import (
    CloseAccount,
    FreezeAccount,
    OpenAccount,
    ReopenAccount,
    SetLimits,
)
from yupana.commands.books import ClosePeriod, Erase, OpenAsset
from yupana.commands.command import Command, DescribedCommand
from yupana.commands.holds import CaptureHold, CreateHold, ReleaseHold, ResolveGroup, UpdateHold
from yupana.commands.payments import CreatePayment, Leg
from yupana.commands.transfers import CreateTransfer, ReverseTransfer

__all__ = [
    "CaptureHold",
    "CloseAccount",
    "ClosePeriod",
    "Command",
    "CreateHold",
    "CreatePayment",
    "CreateTransfer",
    "DescribedCommand",
    "Erase",
    "FreezeAccount",
    "Leg",
    "OpenAccount",
    "OpenAsset",
    "ReleaseHold",
    "ReopenAccount",
    "ResolveGroup",
    "ReverseTransfer",
    "SetLimits",
    "UpdateHold",
    "linked",
]


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
