"""What a load is: which commands or reads, how many at a time, through which client."""

from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """What the requests of a load ask for."""

    TRANSFERS = "transfers"
    CHAINS = "chains of 3"
    HOLDS = "hold + capture"
    REPLAYS = "10 % replays"
    REJECTIONS = "50 % rejections"
    MIXED = "mixed"
    STRONG_READS = "strong reads"
    EVENTUAL_READS = "eventual reads"

    @property
    def reads(self) -> bool:
        """Whether it reads and records nothing."""
        return self in (What.STRONG_READS, What.EVENTUAL_READS)


class Spread(StrEnum):
    """How the accounts are chosen."""

    UNIFORM = "uniform"
    ZIPF = "Zipf"
    HOT = "one hot account"


class Through(StrEnum):
    """Which client sends the requests."""

    STUBS = "stubs"
    """grpc.aio with requests that were encoded before the clock started: next to no client."""
    CLIENT = "client"
    """The published client: one `execute` a request."""
    GATHERED = "gathered client"
    """One published client that all callers share: one `transfer` a caller at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Requests of one kind, from one client process."""

    size: int
    """Commands in a request, or accounts in a read."""
    callers: int
    """How many requests are in flight at most."""
    what: What = What.TRANSFERS
    spread: Spread = Spread.UNIFORM
    through: Through = Through.STUBS
    calls_per_s: float | None = None
    """None: a closed loop, every caller sends when it was answered. Otherwise an open loop: calls
    are due at a random rate of this mean, and latency counts from when they were due."""
    server: int = 0
    """Which of the servers it goes to."""
    pool: int = 64
    """How many different requests are made before the clock starts, then sent again and again
    with new ids."""

    @property
    def is_open_loop(self) -> bool:
        """Whether its latency is free of coordinated omission."""
        return self.calls_per_s is not None


@dataclass(frozen=True, slots=True)
class Books:
    """Books of one make, opened for a profile. Profiles that name the same share them."""

    name: str
    accounts: int = 10_000
    count: int = 1
    poor_accounts: int = 0
    """Accounts with nothing in them and a floor of 0: every debit is rejected."""
    filled: int = 0
    """Entries that are written into them by COPY before, without their ledger."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a load goes."""

    address: str
    books: tuple[str, ...]
    accounts: int
    poor_accounts: int
