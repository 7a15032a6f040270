"""What is measured: a table of profiles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from yupana_server.bench.baselines.usual import Way
from yupana_server.bench.loads import Books, Load, Spread, Through, What


class Baseline(StrEnum):
    """What a profile is compared with, in the same rounds."""

    LIMIT = "limit"
    """(a) The very rows that it wrote, in the very commits, by a bare COPY loop."""
    PROCEDURE = "procedure"
    """(b) The usual way: a stored procedure a transfer, rows locked in order, 20 connections."""
    EACH = "batched"
    """(c) The usual way, 1,000 transfers in a call, each decided after the one before."""
    SUMS = "summed"
    """(c) The same, but added up by account first: no transfer is decided by itself."""
    EMPTY = "empty"
    """(d) The same requests to an empty grpc.aio handler with the same messages."""

    @property
    def needs_database(self) -> bool:
        """Whether it writes into Postgres itself."""
        return self is not Baseline.EMPTY


READS, WRITES = "accounts/s", "commands/s"
WAYS = {Baseline.PROCEDURE: Way.ONE, Baseline.EACH: Way.EACH, Baseline.SUMS: Way.SUMS}
CONNECTIONS = {Way.ONE: 20, Way.EACH: 1, Way.SUMS: 1}
"""One connection is the fastest for batches: several wait for each other's accounts."""
USUAL_BATCH = 1_000


class When(StrEnum):
    """In which benchmarks a profile is."""

    QUICK = "quick"
    """In all of them, `--quick` too."""
    ALWAYS = "always"
    """In all but `--quick`."""
    FULL = "full"
    """Only with `--full`, or when it is named: takes minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Loads that run at the same time, each from a client process of its own."""

    name: str
    about: str
    loads: Sequence[Load]
    books: Books
    baselines: Sequence[Baseline] = ()
    when: When = When.ALWAYS
    own_server: bool = False
    """A server of its own, so that its memory holds nothing of other profiles."""

    @property
    def unit(self) -> str:
        """What the rates count."""
        return READS if self.loads[0].what.reads else WRITES


CHIEF = Books("chief")
SMALL = Books("small")
FOUR = Books("four", accounts=2_500, count=4)
POOR = Books("poor", poor_accounts=1_000)
MILLION = Books("million", accounts=1_000_000)
LONG = Books("long", filled=2_000_000)
LONGEST = Books("longest", filled=20_000_000)

# Four callers keep one batch in the making while another one is written.
THOUSAND = Load(size=1_000, callers=4)
# Of single commands it takes more, because each commit gathers what came meanwhile.
ONE = Load(size=1, callers=64)
GATHERED = Load(size=1, callers=1_024, through=Through.GATHERED)
READ = Load(size=100, callers=16, what=What.STRONG_READS)

GATHERED_GOAL_PER_S = 12_000.0
READS_PER_S = 200.0
WRITES_PER_S = 5_000.0
WRITE_SIZE = 100
MIXED_CALLS_PER_S = 20.0

_BATCHES = (
    Profile(
        name="batches-1000",
        about="requests of 1,000 transfers, 4 callers, 10,000 accounts, one book",
        loads=[THOUSAND],
        books=CHIEF,
        baselines=list(Baseline),
        when=When.QUICK,
    ),
    Profile(
        name="hot",
        about="batches-1000 with one hot account: every transfer is out of it or into it",
        loads=[replace(THOUSAND, spread=Spread.HOT)],
        books=SMALL,
        when=When.QUICK,
    ),
    Profile(
        name="four-books",
        about="batches-1000 with one caller and 2,500 accounts in each of four books",
        loads=[THOUSAND],
        books=FOUR,
        when=When.QUICK,
    ),
    Profile(
        name="two-servers",
        about="batches-1000 with two servers that write the same book, 2 callers each",
        loads=[replace(THOUSAND, callers=2), replace(THOUSAND, callers=2, server=1)],
        books=Books("two"),
        when=When.QUICK,
    ),
    Profile(
        name="batches-10",
        about="requests of 10 transfers, 64 callers",
        loads=[replace(ONE, size=10)],
        books=SMALL,
    ),
    Profile(
        name="batches-100",
        about="requests of 100 transfers, 16 callers",
        loads=[Load(size=100, callers=16)],
        books=Books("hundred"),
        baselines=[Baseline.LIMIT, Baseline.EMPTY],
    ),
    Profile(
        name="batches-8000",
        about="requests of 8,000 transfers, 4 callers",
        loads=[replace(THOUSAND, size=8_000, pool=16)],
        books=Books("large"),
        baselines=[Baseline.LIMIT],
    ),
    Profile(
        name="zipf",
        about="batches-1000 with accounts chosen by Zipf's law",
        loads=[replace(THOUSAND, spread=Spread.ZIPF)],
        books=SMALL,
    ),
    Profile(
        name="client-1000",
        about="batches-1000 by the published client, whose own work is in the number",
        loads=[replace(THOUSAND, through=Through.CLIENT)],
        books=SMALL,
    ),
)
_SINGLE = (
    Profile(
        name="single",
        about="one caller, one transfer at a time",
        loads=[replace(ONE, callers=1)],
        books=SMALL,
        baselines=[Baseline.EMPTY],
        when=When.QUICK,
    ),
    Profile(
        name="unary-64",
        about="one transfer in a request, 64 callers",
        loads=[ONE],
        books=SMALL,
        baselines=[Baseline.PROCEDURE],
    ),
    Profile(
        name="unary-128",
        about="one transfer in a request, 128 callers, nothing gathered",
        loads=[replace(ONE, callers=128)],
        books=SMALL,
        baselines=[Baseline.EMPTY],
        when=When.QUICK,
    ),
    Profile(
        name="unary-1024",
        about="one transfer in a request, 1,024 callers, nothing gathered",
        loads=[replace(ONE, callers=1_024)],
        books=SMALL,
        baselines=[Baseline.EMPTY],
    ),
    Profile(
        name="unary-paced",
        about="one transfer in a request, 500 due a second: latency from when they were due",
        loads=[replace(ONE, callers=256, calls_per_s=500.0)],
        books=SMALL,
    ),
    Profile(
        name="gathered-1024",
        about="1,024 callers of transfer() of one published client",
        loads=[GATHERED],
        books=SMALL,
        when=When.QUICK,
    ),
    Profile(
        name="gathered-paced",
        about="the same with 12,000 calls due a second: latency from when they were due",
        loads=[replace(GATHERED, calls_per_s=GATHERED_GOAL_PER_S)],
        books=SMALL,
        when=When.QUICK,
    ),
)
_COMMANDS = (
    Profile(
        name="chains",
        about="requests of 333 chains of 3 linked transfers, 4 callers",
        loads=[replace(THOUSAND, what=What.CHAINS)],
        books=SMALL,
    ),
    Profile(
        name="holds",
        about="requests of 500 holds and their captures, 4 callers",
        loads=[replace(THOUSAND, what=What.HOLDS)],
        books=SMALL,
    ),
    Profile(
        name="replays",
        about="batches-1000 of which 10 % were sent before",
        loads=[replace(THOUSAND, what=What.REPLAYS)],
        books=SMALL,
    ),
    Profile(
        name="rejections",
        about="batches-1000 of which half debit an account that has nothing",
        loads=[replace(THOUSAND, what=What.REJECTIONS)],
        books=POOR,
    ),
    Profile(
        name="mixed",
        about="requests of 100 of all of these, 16 callers, beside 20 strong reads a second",
        loads=[
            Load(size=100, callers=16, what=What.MIXED),
            replace(READ, calls_per_s=MIXED_CALLS_PER_S),
        ],
        books=POOR,
    ),
)
_READS = (
    Profile(
        name="read-while-written",
        about="strong reads of 100 accounts, 200 due a second, while 5,000 transfers/s are written",
        loads=[
            replace(READ, callers=64, calls_per_s=READS_PER_S),
            Load(size=WRITE_SIZE, callers=64, calls_per_s=WRITES_PER_S / WRITE_SIZE),
        ],
        books=SMALL,
        when=When.QUICK,
    ),
    Profile(
        name="read-strong",
        about="strong reads of 100 accounts, 16 callers, nothing is written",
        loads=[READ],
        books=SMALL,
    ),
    Profile(
        name="read-eventual",
        about="the same, eventual",
        loads=[replace(READ, what=What.EVENTUAL_READS)],
        books=SMALL,
    ),
)
_LARGE = (
    Profile(
        name="accounts-1m",
        about="batches-1000 with a million accounts, all opened by a server of its own",
        loads=[replace(THOUSAND, pool=256)],
        books=MILLION,
        own_server=True,
        when=When.FULL,
    ),
    Profile(
        name="history-2m",
        about="batches-1000 in a book that has 2 million entries",
        loads=[THOUSAND],
        books=LONG,
        when=When.FULL,
    ),
    Profile(
        name="history-20m",
        about="batches-1000 in a book that has 20 million entries",
        loads=[THOUSAND],
        books=LONGEST,
        when=When.FULL,
    ),
)
PROFILES: Sequence[Profile] = (*_BATCHES, *_SINGLE, *_COMMANDS, *_READS, *_LARGE)
BY_NAME = {profile.name: profile for profile in PROFILES}
