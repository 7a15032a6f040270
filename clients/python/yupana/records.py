"""What can be read from the ledger. Amounts are in the asset's smallest unit, times in UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from yupana.enums import HoldState, NormalSide, TransferKind
from yupana.limits import WindowUsage
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
class Balances:
    """The four running totals of an account, or of several, and what follows from them."""

    debits_posted: int
    credits_posted: int
    debits_pending: int
    """Reserved by open holds."""
    credits_pending: int
    balance: int
    """credits_posted - debits_posted."""
    available: int
    """balance - debits_pending: what can be spent."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as of one moment."""

    id: str
    asset: str
    normal_side: NormalSide
    min_balance: int | None
    """The floor of what is available."""
    max_balance: int | None
    """The ceiling of the balance with pending credits."""
    windows: Sequence[WindowUsage]
    """The windowed limits, with what is used of them."""
    debits_posted: int
    credits_posted: int
    debits_pending: int
    """Reserved by open holds."""
    credits_pending: int
    balance: int
    """credits_posted - debits_posted."""
    available: int
    """balance - debits_pending: what can be spent."""
    debits_frozen: bool
    credits_frozen: bool
    closed: bool
    code: str
    """Which kind of account it is; empty when none was given."""
    labels: Mapping[str, str] = field(hash=False)
    """Empty once they were erased."""
    created_at: datetime
    last_position: str
    """The newest entry that changed it, for `Condition.unchanged`."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A member's place in a chain of linked commands."""

    first_id: str
    place: int
    """From 1."""
    length: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """What moves, reserves or frees an amount, as it was asked for, and what became of it."""

    id: str
    kind: TransferKind
    """What it does."""
    debit: str
    """Empty when a rejected command did not name it."""
    credit: str
    """Empty when a rejected command did not name it."""
    amount: int | None
    """How much was asked for; what was moved is in the outcome. Where the command left it out, how
    much that turned out to be; None when such a one was rejected."""
    asset: str
    effective_at: datetime
    """When it took effect for the business."""
    labels: Mapping[str, str] = field(hash=False)
    """Empty once they were erased."""
    code: str
    """Which kind of business event it is; empty when none was given."""
    description: str
    """Empty once it was erased."""
    reference: str
    """Empty once it was erased."""
    chain: Chain | None
    outcome: Outcome
    hold: str
    """The hold that it creates, captures, releases or changes. Empty for others."""
    group: str
    """The group that a hold was created in."""
    reverses: str
    """The id of the transfer that it reverses. Empty for others."""
    payment: str
    """The payment, or the command that resolved a group, that it is part of. Empty for others."""
    rate: str
    """The rate of a payment's leg, as it was given."""
    debit_balances: Balances | None
    """The debit account's totals after it. None when rejected."""
    credit_balances: Balances | None
    """The credit account's totals after it. None when rejected."""
    reversed_amount: int | None
    """How much of it has been reversed. None when nothing; lists never tell it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands."""

    id: str
    """The id of the command that created it."""
    debit: str
    credit: str
    asset: str
    captured_amount: int
    """How much was captured so far."""
    remaining_amount: int
    """How much it still reserves."""
    expires_at: datetime | None
    """None: never."""
    state: HoldState
    group: str
    """Empty when none was given."""
    created_at: datetime
    last_position: str
    """The newest entry that changed it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Accounts and their open holds, all read at one position."""

    accounts: Mapping[str, Account] = field(hash=False)
    """By id, in the order asked for, without those that are not open."""
    missing: Sequence[str]
    """The ids that are not open."""
    open_holds: Sequence[Hold]
    """In the order of their creation."""
    more_open_holds: bool
    """There are more than were shown: list them instead."""
    position: str
    """Where it was read; as of an earlier moment, the position that it resolved to."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What changed an account, and the account's totals after it."""

    transfer: Transfer
    change: int
    """By how much the balance changed: credits less debits. 0 for holds and their release."""
    balances: Balances


@dataclass(frozen=True, slots=True)
class StatementPage:
    """A stretch of an account's statement."""

    opening: Balances
    """Before the first line of this page."""
    lines: Sequence[StatementLine]
    closing: Balances
    """After the last line of this page."""
    position: str
    """Where the page was read."""


@dataclass(frozen=True, slots=True)
class AssetSum:
    """The sum of the accounts that hold one asset."""

    asset: str
    accounts: int
    """How many there are."""
    balances: Balances
    """Sums may pass 2^128 - 1."""
