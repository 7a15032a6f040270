"""What a book can be asked to do."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple, TypeAlias


class Kind(IntEnum):
    """The kinds of commands and of the entries that record them. Numbers are stored for ever."""

    OPEN_ASSET = 1
    OPEN_ACCOUNT = 2
    TRANSFER = 3
    HOLD = 4
    CAPTURE = 5
    RELEASE = 6
    HOLD_UPDATE = 7
    EXPIRY = 8
    RESOLVE_GROUP = 9
    REVERSAL = 10
    PAYMENT = 11
    LEG = 12
    SET_LIMITS = 13
    FREEZE_ACCOUNT = 14
    CLOSE_ACCOUNT = 15
    REOPEN_ACCOUNT = 16
    CLOSE_PERIOD = 17
    ERASE = 18


class NormalSide(IntEnum):
    """On which side reports show an account's balance as positive."""

    CREDIT = 1
    DEBIT = 2


class Side(IntEnum):
    """One of the two accounts of a transfer, or one direction of an account's movements."""

    DEBIT = 1
    CREDIT = 2


class UpTo(IntEnum):
    """Whose limits lower an amount instead of rejecting it. A sum of `Side` numbers, or none."""

    NONE = 0
    DEBIT_LIMITS = 1
    CREDIT_LIMITS = 2
    BOTH_LIMITS = 3


class Quantity(IntEnum):
    """What a condition looks at."""

    BALANCE = 1
    AVAILABLE = 2
    LAST_POSITION = 3


class Operator(IntEnum):
    """How two numbers are compared."""

    AT_LEAST = 1
    AT_MOST = 2
    EQUAL = 3
    NOT_EQUAL = 4


class Measure(IntEnum):
    """What a window measures."""

    AMOUNT = 1
    COUNT = 2


class Resolution(IntEnum):
    """How holds are resolved."""

    CAPTURE = 1
    RELEASE = 2


class Chain(NamedTuple):
    """A command's place in a chain of linked commands; part of its content."""

    first_id: str
    place: int
    """From 1."""
    length: int


class Condition(NamedTuple):
    """What must hold of one of a transfer's accounts."""

    side: Side
    quantity: Quantity
    operator: Operator = Operator.EQUAL
    value: int = 0
    """What to compare with; for LAST_POSITION the seq."""
    epoch: int = 0
    """Of a LAST_POSITION."""


class WindowLimit(NamedTuple):
    """At most `max` within any stretch of `length_s` seconds."""

    side: Side
    measure: Measure
    length_s: int
    max: int


class Words(NamedTuple):
    """What people call a command by. It stands outside the journal and can be erased."""

    labels: Mapping[str, str] | None = None
    description: str = ""
    reference: str = ""
    sealed: bytes | None = None
    """`seal(words, salt)`: what the journal keeps of them. None when there are none."""


class Deadline(NamedTuple):
    """Until when a hold reserves: at a time, or for a while after it is recorded, or for ever."""

    at: int | None = None
    after: int | None = None
    """Microseconds."""


# Tuples, not frozen dataclasses: one is built for every transfer, in 0.26 instead of 0.96 us.


class CreateTransfer(NamedTuple):
    """Moves `amount` from `debit_account` to `credit_account`."""

    id: str
    debit_account: str
    credit_account: str
    amount: int
    asset: str | None = None
    """The asset that the caller means; None takes that of the accounts."""
    effective_at: int | None = None
    words: Words | None = None
    chain: Chain | None = None
    code: str | None = None
    up_to: UpTo = UpTo.NONE
    conditions: tuple[Condition, ...] = ()


class CreateHold(NamedTuple):
    """Reserves `amount` until it is captured, released or expired."""

    id: str
    debit_account: str
    credit_account: str
    amount: int
    asset: str | None = None
    deadline: Deadline | None = None
    """None: no deadline."""
    group: str | None = None
    words: Words | None = None
    chain: Chain | None = None
    code: str | None = None
    up_to: UpTo = UpTo.NONE
    conditions: tuple[Condition, ...] = ()


class CaptureHold(NamedTuple):
    """Moves what a hold reserves, or part of it."""

    id: str
    hold: str
    amount: int | None = None
    """None: all that remains."""
    final: bool = False
    """Release what then remains."""
    effective_at: int | None = None
    words: Words | None = None
    chain: Chain | None = None
    code: str | None = None


class ReleaseHold(NamedTuple):
    """Gives back what a hold still reserves."""

    id: str
    hold: str
    chain: Chain | None = None


class UpdateHold(NamedTuple):
    """Changes how much a hold reserves, or until when."""

    id: str
    hold: str
    amount: int | None = None
    """The new amount of the whole hold, what was captured included. None: unchanged."""
    deadline: Deadline | None = None
    """None: unchanged. `Deadline()`: no deadline any more."""
    chain: Chain | None = None


class ResolveGroup(NamedTuple):
    """Captures or releases all open holds of a group, in the order of their creation."""

    id: str
    group: str
    resolution: Resolution
    effective_at: int | None = None
    chain: Chain | None = None


class ReverseTransfer(NamedTuple):
    """Moves back what a transfer, capture or leg moved, or part of it."""

    id: str
    transfer: str
    amount: int | None = None
    """None: all that is not reversed yet."""
    force: bool = False
    """Ignore freezes, floors, ceilings and windows."""
    effective_at: int | None = None
    words: Words | None = None
    chain: Chain | None = None
    code: str | None = None


class Leg(NamedTuple):
    """A transfer of a payment."""

    debit_account: str
    credit_account: str
    amount: int | None = None
    """None for a leg that collects what is still missing."""
    asset: str | None = None
    up_to: UpTo = UpTo.NONE
    conditions: tuple[Condition, ...] = ()
    rate: str | None = None

    @property
    def collects(self) -> bool:
        """Whether it takes what is still missing of the payment's `collect_amount`."""
        return self.amount is None


class CreatePayment(NamedTuple):
    """Makes several transfers with one outcome."""

    id: str
    legs: tuple[Leg, ...]
    collect_amount: int | None = None
    collect_partially: bool = False
    effective_at: int | None = None
    words: Words | None = None
    chain: Chain | None = None
    code: str | None = None


class OpenAccount(NamedTuple):
    """Opens an account."""

    id: str
    account: str
    asset: str
    normal_side: NormalSide = NormalSide.CREDIT
    min_balance: int | None = None
    max_balance: int | None = None
    chain: Chain | None = None
    windows: tuple[WindowLimit, ...] = ()
    code: str | None = None
    words: Words | None = None


class SetLimits(NamedTuple):
    """Sets all limits of an account anew."""

    id: str
    account: str
    min_balance: int | None = None
    max_balance: int | None = None
    windows: tuple[WindowLimit, ...] = ()
    chain: Chain | None = None


class FreezeAccount(NamedTuple):
    """Sets which movements of an account are frozen."""

    id: str
    account: str
    debits: bool = False
    credits: bool = False
    chain: Chain | None = None


class CloseAccount(NamedTuple):
    """Closes an account."""

    id: str
    account: str
    chain: Chain | None = None


class ReopenAccount(NamedTuple):
    """Opens a closed account again."""

    id: str
    account: str
    chain: Chain | None = None


class OpenAsset(NamedTuple):
    """Opens an asset."""

    id: str
    asset: str
    scale: int
    chain: Chain | None = None


class ClosePeriod(NamedTuple):
    """Refuses effective times before `before` from now on."""

    id: str
    before: int
    chain: Chain | None = None


class Erase(NamedTuple):
    """Erases the words of an earlier command."""

    id: str
    command: str
    chain: Chain | None = None


class Malformed(NamedTuple):
    """A command whose content no release ever accepted, under an id that is known already.

    It can only be answered with ID_REUSED; without a recorded id the whole request is refused.
    """

    id: str
    field: str
    """The first field that is wrong."""
    chain: Chain | None = None


WellFormed: TypeAlias = (
    CreateTransfer
    | CreateHold
    | CaptureHold
    | ReleaseHold
    | UpdateHold
    | ResolveGroup
    | ReverseTransfer
    | CreatePayment
    | OpenAccount
    | SetLimits
    | FreezeAccount
    | CloseAccount
    | ReopenAccount
    | OpenAsset
    | ClosePeriod
    | Erase
)
Command: TypeAlias = WellFormed | Malformed


def kind_of(command: WellFormed) -> Kind:
    """Return the kind of entry that records the command."""
    return _KINDS[type(command)]


def words_of(command: Command) -> Words | None:
    """Return the words that come with the command; None when there are none."""
    return getattr(command, "words", None)


_KINDS: dict[type, Kind] = {
    CreateTransfer: Kind.TRANSFER,
    CreateHold: Kind.HOLD,
    CaptureHold: Kind.CAPTURE,
    ReleaseHold: Kind.RELEASE,
    UpdateHold: Kind.HOLD_UPDATE,
    ResolveGroup: Kind.RESOLVE_GROUP,
    ReverseTransfer: Kind.REVERSAL,
    CreatePayment: Kind.PAYMENT,
    OpenAccount: Kind.OPEN_ACCOUNT,
    SetLimits: Kind.SET_LIMITS,
    FreezeAccount: Kind.FREEZE_ACCOUNT,
    CloseAccount: Kind.CLOSE_ACCOUNT,
    ReopenAccount: Kind.REOPEN_ACCOUNT,
    OpenAsset: Kind.OPEN_ASSET,
    ClosePeriod: Kind.CLOSE_PERIOD,
    Erase: Kind.ERASE,
}
