"""Transfers and their reversal."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime

from yupana.commands.command import DescribedCommand
from yupana.conditions import Condition
from yupana.enums import UpTo


@dataclass(frozen=True, slots=True)
class CreateTransfer(DescribedCommand):
    """Moves an amount from a debit account to a credit account."""

    debit: str
    credit: str
    amount: int
    """In the asset's smallest unit, 0 to 2^128 - 1."""
    _: KW_ONLY
    asset: str = ""
    """The asset that is meant. When given, it must be that of both accounts."""
    effective_at: datetime | None = None
    """When it took effect for the business, if not now. Aware, not in the future."""
    up_to: UpTo | None = None
    """Move as much of the amount as these limits allow, instead of rejecting it."""
    conditions: Sequence[Condition] = field(default=(), hash=False)
    """What must hold, or else it is rejected. At most 16."""


@dataclass(frozen=True, slots=True)
class ReverseTransfer(DescribedCommand):
    """Moves back what a transfer, capture or payment leg moved, in full or in parts."""

    transfer: str
    """The id of what is reversed. Reversals themselves cannot be."""
    amount: int | None = None
    """At most what is not reversed yet. None: all of that."""
    _: KW_ONLY
    force: bool = False
    """Ignore freezes, floors, ceilings and windows; a closed account still rejects it."""
    effective_at: datetime | None = None
