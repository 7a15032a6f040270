"""What must come out, and whether it did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yupana_server.bench.percentiles import median, ratios
from yupana_server.bench.profiles import Baseline
from yupana_server.bench.results import OURS, GoalResult, Report, Run

MEGABYTE = 1_000_000

Measure = Callable[[Report], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound on something measured."""

    about: str
    profile: str
    """Which profile has to be measured for it."""
    measure: Measure
    bound: float
    form: str
    """How values are shown."""
    is_ceiling: bool = False
    """Whether the bound may not be passed; otherwise it has to be reached."""

    def held_against(self, report: Report) -> GoalResult:
        """Return what was measured beside what is wanted."""
        measured = self.measure(report)
        met = None
        if measured is not None:
            met = measured <= self.bound if self.is_ceiling else measured >= self.bound
        return GoalResult(
            goal=self.about,
            wanted=f"{'at most' if self.is_ceiling else 'at least'} {self.form.format(self.bound)}",
            measured=measured,
            shown="not measured" if measured is None else self.form.format(measured),
            met=met,
            profile=self.profile,
        )


def rate(profile: str) -> Measure:
    """Return the median rate."""
    return lambda report: median(list(_rates(report, profile).values()))


def rate_ratio(profile: str, other: str, series: str = OURS) -> Measure:
    """Return the median over the rounds of a profile's rate to that of another, or a baseline."""
    return lambda report: median(ratios(_rates(report, profile), _rates(report, other, series)))


def latency_ms(profile: str, percentile: str, load: int = 0) -> Measure:
    """Return the median over the rounds of a percentile of a load's latency."""
    return lambda report: median(list(_latencies(report, profile, percentile, load).values()))


def latency_ratio(profile: str, percentile: str, baseline: str) -> Measure:
    """Return the median over the rounds of the ratio of a percentile to that of a baseline."""
    return lambda report: median(
        ratios(
            _latencies(report, profile, percentile),
            _latencies(report, profile, percentile, series=baseline),
        )
    )


def least_share(profile: str) -> Measure:
    """Return the median over the rounds of the smaller part of the commits."""

    def measure(report: Report) -> float | None:
        runs = _runs(report, profile)
        return median([min(run.commits.shares, default=0.0) for run in runs if run.commits])

    return measure


def resident_megabytes(profile: str) -> Measure:
    """Return the most memory that the server had in use after a round."""

    def measure(report: Report) -> float | None:
        used = [run.server_resident_bytes for run in _runs(report, profile)]
        return max((each / MEGABYTE for each in used if each), default=None)

    return measure


def _rates(report: Report, profile: str, series: str = OURS) -> dict[int, float]:
    found = report.profile(profile)
    return found.series[series].rates() if found and series in found.series else {}


def _latencies(
    report: Report, profile: str, percentile: str, load: int = 0, series: str = OURS
) -> dict[int, float]:
    found = report.profile(profile)
    if found is None or series not in found.series:
        return {}
    return found.series[series].latencies_ms(percentile, load)


def _runs(report: Report, profile: str) -> Sequence[Run]:
    found = report.profile(profile)
    return found.series[OURS].runs if found else []


GOALS: Sequence[Goal] = (
    Goal(
        about="batches of 1,000 against the bare COPY loop",
        profile="batches-1000",
        measure=rate_ratio("batches-1000", "batches-1000", Baseline.LIMIT),
        bound=0.80,
        form="{:.2f}",
    ),
    Goal(
        about="batches of 1,000, 10,000 accounts, one book",
        profile="batches-1000",
        measure=rate("batches-1000"),
        bound=30_000,
        form="{:,.0f}/s",
    ),
    Goal(
        about="one hot account against uniform",
        profile="hot",
        measure=rate_ratio("hot", "batches-1000"),
        bound=0.95,
        form="{:.2f}",
    ),
    Goal(
        about="four books against one",
        profile="four-books",
        measure=rate_ratio("four-books", "batches-1000"),
        bound=1.2,
        form="{:.2f}",
    ),
    Goal(
        about="1,024 concurrent transfer() of one gathered client",
        profile="gathered-1024",
        measure=rate("gathered-1024"),
        bound=12_000,
        form="{:,.0f}/s",
    ),
    Goal(
        about="the same with 12,000 due a second: p99",
        profile="gathered-paced",
        measure=latency_ms("gathered-paced", "p99"),
        bound=150,
        form="{:,.0f} ms",
        is_ceiling=True,
    ),
    Goal(
        about="unary calls, 128 in flight, against the empty handler",
        profile="unary-128",
        measure=rate_ratio("unary-128", "unary-128", Baseline.EMPTY),
        bound=0.65,
        form="{:.2f}",
    ),
    Goal(
        about="one transfer at a time: p50 against the empty handler's",
        profile="single",
        measure=latency_ratio("single", "p50", Baseline.EMPTY),
        bound=2.5,
        form="{:.2f} x",
        is_ceiling=True,
    ),
    Goal(
        about="batches of 1,000 against a stored procedure a transfer",
        profile="batches-1000",
        measure=rate_ratio("batches-1000", "batches-1000", Baseline.PROCEDURE),
        bound=25,
        form="{:.1f} x",
    ),
    Goal(
        about="two servers writing one book against one",
        profile="two-servers",
        measure=rate_ratio("two-servers", "batches-1000"),
        bound=0.6,
        form="{:.2f}",
    ),
    Goal(
        about="the part of the commits that the lesser of two servers gets",
        profile="two-servers",
        measure=least_share("two-servers"),
        bound=1 / 3,
        form="{:.2f}",
    ),
    Goal(
        about="a journal of 20 million entries against an empty one",
        profile="history-20m",
        measure=rate_ratio("history-20m", "batches-1000"),
        bound=0.8,
        form="{:.2f}",
    ),
    Goal(
        about="strong reads of 100 accounts, 200 a second, while 5,000 transfers/s: p99",
        profile="read-while-written",
        measure=latency_ms("read-while-written", "p99"),
        bound=15,
        form="{:.1f} ms",
        is_ceiling=True,
    ),
    Goal(
        about="memory of the server with a million accounts touched",
        profile="accounts-1m",
        measure=resident_megabytes("accounts-1m"),
        bound=400,
        form="{:,.0f} MB",
        is_ceiling=True,
    ),
)


def hold_against(report: Report) -> list[GoalResult]:
    """Return every goal beside what was measured."""
    return [goal.held_against(report) for goal in GOALS]
