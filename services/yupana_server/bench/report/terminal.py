"""The report for people at a terminal."""

from collections.abc import Sequence

from rich.bar import Bar
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from yupana_server.bench.percentiles import median, ratios, spread
from yupana_server.bench.profiles import PROFILES, Baseline, When
from yupana_server.bench.results import OURS, GoalResult, ProfileResult, Report, Series

NUMBERS_WIDTH = 73
"""What the table takes without its bars."""
BAR_WIDTH_MAX = 28
WHEN = {When.QUICK: "--quick too", When.ALWAYS: "", When.FULL: "--full only"}
_EXPLAINED = (
    "[dim]ratio: the profile to what stands there, median of the rounds. ±: half the spread of the "
    "rounds. Latencies with * are of a closed loop, others count from when calls were due.[/dim]"
)


def print_profiles(console: Console) -> None:
    """Print which profiles there are."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("profile", no_wrap=True)
    table.add_column("what")
    table.add_column("when", no_wrap=True)
    for profile in PROFILES:
        about = Text(profile.about)
        if profile.baselines:
            about.append(f"; beside {', '.join(profile.baselines)}", "dim")
        table.add_row(profile.name, about, WHEN[profile.when])
    console.print(table)


def print_report(console: Console, report: Report, *, with_goals: bool) -> None:
    """Print a table with bars: every profile, its baselines below it."""
    console.print(_environment(report))
    console.print(_rates(report, min(BAR_WIDTH_MAX, max(0, console.width - NUMBERS_WIDTH))))
    console.print(_EXPLAINED, soft_wrap=True)
    if with_goals:
        print_goals(console, report.goals)
    for line in [*report.left_out, *report.not_verified]:
        console.print(f"[yellow]left out[/yellow] {line}", soft_wrap=True)
    _print_verification(console, report)


def print_goals(console: Console, goals: Sequence[GoalResult]) -> None:
    """Print each goal beside what was measured."""
    table = Table("goal", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("wanted", "measured"):
        table.add_column(name, justify="right")
    table.add_column("")
    for goal in goals:
        verdict = {True: "[green]met[/green]", False: "[red]missed[/red]", None: "[dim]-[/dim]"}
        shown = goal.shown if goal.met is not None else f"[dim]{goal.shown}[/dim]"
        table.add_row(goal.goal, goal.wanted, shown, verdict[goal.met])
    console.print(table)
    missing = dict.fromkeys(goal.profile for goal in goals if goal.met is None)
    if missing:
        names = " ".join(dict.fromkeys(["batches-1000", *missing]))
        console.print(f"[dim]for the rest: yupana bench --check {names}[/dim]", soft_wrap=True)


def _environment(report: Report) -> RenderableType:
    machine, software = report.environment["machine"], report.environment["software"]
    postgres = report.environment.get("Postgres", {})
    facts = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}",
        f"yupana {software['yupana-server']}, {software['Python']}, grpcio {software['grpcio']}",
        f"Postgres {postgres['server_version']}, fsync {postgres['fsync']}" if postgres else "",
        f"{report.runs} rounds of {report.duration_s:g} s",
    ]
    return Text(" · ".join(filter(None, facts)), style="dim")


def _rates(report: Report, bar_width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("profile", no_wrap=True)
    for name in ("per second", "±", "ratio", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", width=bar_width)
    scale = _scale(report)
    for profile in report.profiles:
        for series in profile.series.values():
            table.add_row(*_row(profile, series, scale))
    return table


def _scale(report: Report) -> float:
    """Return what a whole bar stands for: an empty server's rates would leave nothing to see."""
    rates = (
        median(list(series.rates().values())) or 0.0
        for profile in report.profiles
        for name, series in profile.series.items()
        if name != Baseline.EMPTY
    )
    return max(rates, default=0.0) or 1.0


def _row(profile: ProfileResult, series: Series, scale: float) -> list[RenderableType]:
    rates = list(series.rates().values())
    middle = median(rates) or 0.0
    ours = series.name == OURS
    ratio = median(ratios(profile.series[OURS].rates(), series.rates()))
    errors = sum(load.errors for run in series.runs for load in run.loads)
    name = Text(profile.name if ours else f"  to {series.name}", "bold" if ours else "dim")
    if errors:
        name.append(f" {errors:,} errors", "red")
    return [
        name,
        f"{middle:,.0f}",
        Text(f"{(spread(rates) or 0.0) / 2:.0%}", "dim"),
        "" if ours or ratio is None else f"{ratio:.2f}",
        *(_latency(series, percentile) for percentile in ("p50", "p99")),
        Bar(scale, 0, min(middle, scale), color="green" if ours else "cyan"),
    ]


def _latency(series: Series, percentile: str) -> str:
    found = median(list(series.latencies_ms(percentile).values()))
    mark = "" if series.runs and series.runs[0].loads[0].is_open_loop else "*"
    return "" if found is None else f"{found:,.1f}{mark}"


def _print_verification(console: Console, report: Report) -> None:
    for each in report.verifications:
        for difference in each.differences:
            console.print(f"[red]✗ {each.book}[/red] {difference}", soft_wrap=True)
    if report.verifications and report.good:
        entries = sum(each.entries for each in report.verifications)
        books = len(report.verifications)
        console.print(f"[green]✓[/green] verified: {books} books, {entries:,} entries, all good")
