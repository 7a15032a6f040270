"""How much of a request a command takes up."""

from yupana.commands.command import Command
from yupana.commands.holds import ResolveGroup
from yupana.commands.payments import CreatePayment

GROUP_WEIGHT = 1_001


def weight_of(command: Command) -> int:
    """Return as how many a command counts for the contract's bound of 10,000."""
    if isinstance(command, CreatePayment):
        return 1 + len(command.legs)
    return GROUP_WEIGHT if isinstance(command, ResolveGroup) else 1
