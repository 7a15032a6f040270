"""Payments: several transfers with one outcome."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime

from yupana.commands.command import DescribedCommand
from yupana.conditions import Condition
from yupana.enums import UpTo


@dataclass(frozen=True, slots=True)
class Leg:
    """A transfer of a payment."""

    debit: str
    credit: str
    amount: int | None = None
    """In the asset's smallest unit, 0 to 2^128 - 1. None if and only if it collects."""
    _: KW_ONLY
    asset: str = ""
    collect: bool = False
    """Take what is still missing of the payment's `collect_amount`, as far as the limits of the
    debit account allow."""
    up_to: UpTo | None = None
    conditions: Sequence[Condition] = field(default=(), hash=False)
    rate: str = ""
    """The rate that it was exchanged at, such as `1.0832`. Only recorded: the amounts count."""


@dataclass(frozen=True, slots=True)
class CreatePayment(DescribedCommand):
    """Makes several transfers with one outcome: a split, a collection, a fee, an exchange.

    The legs are decided in their order. When one fails, none is executed.
    """

    legs: Sequence[Leg] = field(hash=False)
    """1 to 256. Each becomes a transfer with the id `_leg:{n}:{payment id}`, n from 1."""
    _: KW_ONLY
    collect_amount: int | None = None
    """How much the legs that collect bring in together. Given if and only if there are any."""
    collect_partially: bool = False
    """Be content with less than `collect_amount`."""
    effective_at: datetime | None = None
