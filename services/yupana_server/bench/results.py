"""What a benchmark found: what is written as JSON, and what tables and plots are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

OURS = "yupana"
"""The series that is the ledger's own; the others are named like their baselines."""


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What one load did in one run. Rates are of the measured part, without the lead-in."""

    commands_per_s: float
    """Of a read: accounts."""
    calls_per_s: float
    outcomes: Mapping[str, int]
    """How many commands came to what."""
    reads: bool = False
    """Whether it read accounts; otherwise it wrote commands."""
    errors: int = 0
    first_error: str = ""
    is_open_loop: bool = False
    """Whether latencies count from when calls were due. Otherwise from when they were sent."""
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    curve_ms: Sequence[float] = ()
    """Latencies at the percentiles that the report lists as `curve_percentiles`."""
    per_bucket: Sequence[float] = ()
    """Commands per second over time, in buckets of the width that the report says."""


@dataclass(frozen=True, slots=True)
class Commits:
    """The commits behind a run, as the journal tells."""

    entries: int
    count: int
    shares: Sequence[float] = ()
    """Of two servers that write the same book: which part of the commits is whose. Else empty."""

    @property
    def entries_each(self) -> float:
        """How many entries a commit has on average."""
        return self.entries / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """One round of a series."""

    round: int
    loads: Sequence[LoadRun]
    """In the order of the profile; a baseline has one."""
    entries_before: int | None = None
    """How many entries the book had; of several books, together."""
    commits: Commits | None = None
    server_resident_bytes: int | None = None
    """The ledger's process afterwards. None: it cannot be looked at."""

    @property
    def commands_per_s(self) -> float:
        """The first load, and all others that do the like: reads and writes do not add up."""
        return sum(load.commands_per_s for load in self.loads if load.reads == self.loads[0].reads)


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of the ledger, or of a baseline beside it."""

    name: str
    runs: Sequence[Run]

    def rates(self) -> dict[int, float]:
        """Return commands per second by round."""
        return {run.round: run.commands_per_s for run in self.runs}

    def latencies_ms(self, percentile: str, load: int = 0) -> dict[int, float]:
        """Return a percentile of a load's latency by round, where it was measured."""
        return {
            run.round: run.loads[load].latency_ms[percentile]
            for run in self.runs
            if percentile in run.loads[load].latency_ms
        }


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """What was measured of a profile."""

    name: str
    about: str
    unit: str
    """What its rates count."""
    series: Mapping[str, Series]
    left_out: Sequence[str] = ()
    """Baselines that were not measured, each with the reason."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verification of a book found."""

    book: str
    profiles: Sequence[str]
    entries: int
    accounts: int
    took_s: float
    differences: Sequence[str]
    """Empty: the book balances and its history is whole."""


@dataclass(frozen=True, slots=True)
class GoalResult:
    """A goal beside what was measured."""

    goal: str
    wanted: str
    measured: float | None
    shown: str
    met: bool | None
    """None: it was not measured."""
    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it."""

    version: int = 1
    """Of this format."""
    began_at: str
    took_s: float
    command: str
    environment: Mapping[str, Mapping[str, str]]
    runs: int
    duration_s: float
    bucket_s: float
    curve_percentiles: Sequence[float]
    profiles: Sequence[ProfileResult]
    verifications: Sequence[Verified]
    not_verified: Sequence[str] = ()
    """Why books were not verified."""
    left_out: Sequence[str] = ()
    """Profiles that were asked for and could not be measured, each with the reason."""
    goals: Sequence[GoalResult] = ()

    @property
    def good(self) -> bool:
        """Whether every book that was verified is good."""
        return not any(each.differences for each in self.verifications)

    def profile(self, name: str) -> ProfileResult | None:
        """Return what was measured of a profile."""
        return next((each for each in self.profiles if each.name == name), None)
