"""What can be read from the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from yupana.commands import NormalSide
from yupana.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Book:
    """The unit of order, atomicity and trust: a tenant, a product, a region."""

    id: str
    created_at: datetime
    epoch: int
    """How often the book's history was cut, from 1."""
    position: str
    """Its newest entry."""


@dataclass(frozen=True, slots=True)
class Asset:
    """What is counted: a currency, a stock unit, a seat."""

    id: str
    scale: int
    """How many decimal places the smallest unit has. Only for display."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """An account as of one moment. Amounts are in its asset's smallest unit."""

    id: str
    asset: str
    normal_side: NormalSide
    min_balance: int | None
    max_balance: int | None
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int
    balance: int
    """credits_posted - debits_posted."""
    available: int
    """balance - debits_pending: what can be spent."""
    created_at: datetime
    last_position: str
    """The newest entry that changed it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A member's place in a chain of linked commands."""

    first_id: str
    place: int
    """From 1."""
    length: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer as it was asked for, and what became of it."""

    id: str
    debit: str
    credit: str
    amount: int
    """How much was asked for, in the asset's smallest unit."""
    asset: str
    effective_at: datetime
    labels: Mapping[str, str] = field(hash=False)
    """Empty once they were erased."""
    chain: Chain | None
    outcome: Outcome
