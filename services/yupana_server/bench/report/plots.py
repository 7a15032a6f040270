"""The plots of the page."""

from collections.abc import Callable, Sequence
from math import log10
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from yupana_server.bench.percentiles import median
from yupana_server.bench.profiles import BY_NAME, WRITES, Baseline
from yupana_server.bench.report.svg import FAINT, INK, SERIES, drawing
from yupana_server.bench.results import OURS, ProfileResult, Report, Run, Series

CHIEF = "batches-1000"
BATCHES = ("unary-64", "batches-10", "batches-100", CHIEF, "batches-8000")
CALLERS = ("single", "unary-64", "unary-128", "unary-1024")
LATENCIES = ("single", "unary-paced", "unary-128", "gathered-paced", "read-while-written")
GATHERED = "gathered-1024"
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
SMOOTHED_S = 0.5
"""Over which time the throughput over time is averaged."""
ROW_INCHES = 0.26
LEGEND_COLUMNS = 3
DECADES_MIN = 1.5
"""Less is drawn on a linear axis."""
NINES = (0.0, 50.0, 90.0, 99.0, 99.9)


class Plot(NamedTuple):
    """A plot with what it shows."""

    title: str
    about: str
    svg: str


def plots(report: Report) -> list[Plot]:
    """Draw what there is to draw."""
    makers: Sequence[Callable[[Report], Plot | None]] = (
        _overview,
        _over_time,
        _latencies,
        _by_batch,
        _by_callers,
        _by_entries,
    )
    return [plot for make in makers if (plot := make(report)) is not None]


def _overview(report: Report) -> Plot | None:
    rows = [profile for profile in report.profiles if profile.unit == WRITES][::-1]
    if not rows:
        return None
    with drawing("overview", 0.8 + ROW_INCHES * len(rows)) as drawn:
        axes = drawn.axes
        middles = [_middle(profile) or 0.0 for profile in rows]
        axes.barh([profile.name for profile in rows], middles, color=SERIES[OURS], height=0.62)
        for place, profile in enumerate(rows):
            rates = list(profile.series[OURS].rates().values())
            axes.plot([min(rates), max(rates)], [place, place], color=INK, linewidth=1.2)
            axes.annotate(
                f"{middles[place]:,.0f}",
                (max(rates), place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        _thousands(axes, "x")
    about = (
        "Medians of the rounds; the thin lines reach from the slowest round to the fastest. Of the "
        "paced profiles no more than their pace can be seen; reads are in the table below."
    )
    return Plot("Commands per second", about, drawn.svg)


def _over_time(report: Report) -> Plot | None:
    profile = report.profile(CHIEF) or next(iter(report.profiles), None)
    if profile is None:
        return None
    with drawing("over-time") as drawn:
        for name, series in profile.series.items():
            if name == Baseline.EMPTY:
                continue
            _draw_over_time(drawn.axes, report, series)
        for number in range(1, report.runs):
            drawn.axes.axvline(number * report.duration_s, color=FAINT, linewidth=0.8, ls=":")
        drawn.axes.set_ylim(bottom=0)
        drawn.axes.set_xlabel("seconds measured, round after round")
        _thousands(drawn.axes, "y")
        _legend(drawn.axes)
    about = (
        f"{profile.name}: {profile.about}. Averages over {SMOOTHED_S:g} s; the limit ends when all "
        "rows of the run are written."
    )
    return Plot("Throughput over time, per second", about, drawn.svg)


def _draw_over_time(axes: Axes, report: Report, series: Series) -> None:
    width = max(1, round(SMOOTHED_S / report.bucket_s))
    for run in series.runs:
        smooth = smoothed(run.loads[0].per_bucket, width)
        begins_at = (run.round - 1) * report.duration_s
        times = [begins_at + (place + 0.5) * report.bucket_s for place in range(len(smooth))]
        label = series.name if run.round == 1 else None
        axes.plot(times, smooth, color=SERIES[series.name], label=label)


def smoothed(values: Sequence[float], width: int) -> list[float]:
    """Return the average of the values around each, `width` of them where there are so many."""
    half = width // 2
    windows = (values[max(0, at - half) : at + half + 1] for at in range(len(values)))
    return [sum(window) / len(window) for window in windows]


def _latencies(report: Report) -> Plot | None:
    profiles = [found for name in LATENCIES if (found := report.profile(name)) is not None]
    if not profiles:
        return None
    with drawing("latencies") as drawn:
        axes = drawn.axes
        for profile, dash in zip(profiles, DASHES, strict=False):
            for series in profile.series.values():
                curve = _middle_curve(series)
                places = [nines(percent) for percent in report.curve_percentiles[: len(curve)]]
                label = f"{profile.name}{'' if series.name == OURS else ', ' + series.name}"
                axes.plot(places, curve, color=SERIES[series.name], ls=dash, label=label)
        axes.set_yscale("log")
        axes.set_xticks([nines(each) for each in NINES], [f"{each:g} %" for each in NINES])
        axes.set_xlim(0, nines(99.97))
        axes.set_xlabel("so many calls were no slower")
        _plain(axes, "y")
        _legend(axes)
    about = (
        "Milliseconds, medians of the rounds. The paced profiles and read-while-written are open "
        "loops: latency counts from when a call was due. The others are closed loops, in which "
        "callers wait for each answer before they send again."
    )
    return Plot("Latency", about, drawn.svg)


def nines(percent: float) -> float:
    """Return where a percentile stands on an axis on which every further nine takes as much."""
    return -log10(max(1e-4, 1 - percent / 100))


def _by_batch(report: Report) -> Plot | None:
    return _by_size(
        report,
        BATCHES,
        Plot("Throughput by commands in a request", "Medians, per second.", ""),
        lambda name: BY_NAME[name].loads[0].size,
    )


def _by_callers(report: Report) -> Plot | None:
    about = "One transfer in a request; medians, per second. The dot is the gathered client."
    return _by_size(
        report,
        CALLERS,
        Plot("Throughput by concurrent callers", about, ""),
        lambda name: BY_NAME[name].loads[0].callers,
    )


def _by_size(
    report: Report, names: Sequence[str], plot: Plot, size: Callable[[str], int]
) -> Plot | None:
    found = [profile for name in names if (profile := report.profile(name)) is not None]
    if len(found) < 2:  # A line has two ends.
        return None
    with drawing(plot.title.rpartition(" ")[2]) as drawn:
        axes = drawn.axes
        for series in SERIES:
            points = [
                (size(profile.name), middle)
                for profile in found
                if (middle := _middle(profile, series)) is not None
                # Whatever it stands beside, it has one transfer in a call.
                and (series != Baseline.PROCEDURE or BY_NAME[profile.name].loads[0].size == 1)
            ]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=SERIES[series], label=series)
        sizes = {size(profile.name) for profile in found}
        gathered = report.profile(GATHERED)
        if gathered is not None and names is CALLERS:
            sizes.add(size(GATHERED))
            point = [size(GATHERED)], [_middle(gathered) or 0.0]
            axes.plot(*point, "D", color=SERIES[OURS], label="gathered")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(sorted(sizes))
        axes.minorticks_off()
        _thousands(axes, "x")
        _thousands(axes, "y")
        _legend(axes)
    return plot._replace(svg=drawn.svg)


def _by_entries(report: Report) -> Plot | None:
    points = [
        (run.entries_before, run.commands_per_s)
        for name in (CHIEF, "hot", "zipf", "history-2m", "history-20m")
        for run in _runs(report, name)
        if run.entries_before
    ]
    if not points:
        return None
    with drawing("entries") as drawn:
        axes = drawn.axes
        axes.plot(*zip(*points, strict=True), "o", color=SERIES[OURS], label="a round")
        if log10(max(points)[0] / min(points)[0]) > DECADES_MIN:
            axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("entries that the book had before")
        _thousands(axes, "x")
        _thousands(axes, "y")
    about = "Batches of 1,000, one book: every round of batches-1000, hot, zipf and history."
    return Plot("Throughput by number of entries, per second", about, drawn.svg)


def _middle(profile: ProfileResult, series: str = OURS) -> float | None:
    found = profile.series.get(series)
    return median(list(found.rates().values())) if found else None


def _middle_curve(series: Series) -> list[float]:
    curves = [run.loads[0].curve_ms for run in series.runs if run.loads[0].curve_ms]
    return [median(at) or 0.0 for at in zip(*curves, strict=True)]


def _runs(report: Report, name: str) -> Sequence[Run]:
    profile = report.profile(name)
    return profile.series[OURS].runs if profile else ()


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=LEGEND_COLUMNS)


def _thousands(axes: Axes, which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _plain(axes: Axes, which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
