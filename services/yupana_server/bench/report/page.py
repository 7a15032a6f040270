"""The report as one HTML page that needs nothing else: no script, no network."""

from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files

from yupana_server.bench.percentiles import median, ratios, spread
from yupana_server.bench.report.plots import Plot, plots
from yupana_server.bench.results import OURS, GoalResult, ProfileResult, Report, Series

RATIO = "The profile's rate to that of what stands in the row: the median of the rounds' ratios."


def to_page(report: Report) -> str:
    """Write the report as HTML."""
    style = files("yupana_server.bench.report").joinpath("page.css").read_text("utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>yupana bench, {escape(report.began_at)}</title>
<style>
{style}</style>
</head>
<body>
<h1>yupana bench</h1>
<p class="faint">{escape(report.began_at)} · {report.runs} rounds of {report.duration_s:g} s ·
{report.took_s:,.0f} s in all · <code>{escape(report.command)}</code></p>
{_verdict(report)}
<h2>Goals</h2>
<div class="card wide">{_goals(report.goals)}</div>
<h2>Plots</h2>
<div class="plots">{"".join(map(_figure, plots(report)))}</div>
<h2>Profiles</h2>
<div class="card wide">{_profiles(report)}</div>
{_left_out(report)}
<h2>Measured on</h2>
<div class="card facts">{_environment(report.environment)}</div>
</body>
</html>
"""


def _verdict(report: Report) -> str:
    differences = [
        f"{each.book}: {difference}"
        for each in report.verifications
        for difference in each.differences
    ]
    if differences:
        lines = "".join(f"<br>{escape(each)}" for each in differences)
        return f'<p class="bad">✗ Books do not verify; the numbers are worth nothing.{lines}</p>'
    if not report.verifications:
        return f'<p class="bad">{escape("; ".join(report.not_verified))}</p>'
    entries = sum(each.entries for each in report.verifications)
    return (
        f'<p class="good">✓ {len(report.verifications)} books with {entries:,} entries were '
        "verified afterwards: every outcome decided again, every balance and hash compared.</p>"
    )


def _goals(goals: Iterable[GoalResult]) -> str:
    rows = "".join(
        f'<tr><td>{escape(goal.goal)}</td><td class="number">{escape(goal.wanted)}</td>'
        f'<td class="number">{escape(goal.shown)}</td><td>{_met(goal)}</td></tr>'
        for goal in goals
    )
    return (
        '<table><thead><tr><th></th><th class="number">wanted</th><th class="number">measured</th>'
        f"<th></th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _met(goal: GoalResult) -> str:
    if goal.met is None:
        return f'<span class="faint">yupana bench {escape(goal.profile)}</span>'
    return '<span class="good">met</span>' if goal.met else '<span class="bad">missed</span>'


def _figure(plot: Plot) -> str:
    return (
        f"<figure><h3>{escape(plot.title)}</h3>{plot.svg}"
        f"<figcaption>{escape(plot.about)}</figcaption></figure>"
    )


def _profiles(report: Report) -> str:
    rows = "".join(
        _row(profile, series) for profile in report.profiles for series in profile.series.values()
    )
    heads = ("per second", "spread", "ratio", "p50 ms", "p99 ms", "max ms", "entries a commit")
    columns = "".join(f'<th class="number">{head}</th>' for head in heads)
    return (
        f"<table><thead><tr><th></th>{columns}</tr></thead><tbody>{rows}</tbody></table>"
        f'<p class="faint">Ratio: {RATIO} Spread: the fastest round less the slowest, as a part of '
        "the median. Latencies with * are of a closed loop; the others count from when calls were "
        "due.</p>"
    )


def _row(profile: ProfileResult, series: Series) -> str:
    ours = series.name == OURS
    rates = list(series.rates().values())
    ratio = None if ours else median(ratios(profile.series[OURS].rates(), series.rates()))
    name = f"beside: {escape(series.name)}"
    if ours:
        name = f"{escape(profile.name)}<small>{escape(profile.about)}</small>"
    commits = median([run.commits.entries_each for run in series.runs if run.commits])
    numbers = (
        f"{median(rates) or 0:,.0f}",
        f"{spread(rates) or 0:.0%}",
        "" if ratio is None else f"{ratio:.2f}",
        *(_latency(series, percentile) for percentile in ("p50", "p99", "max")),
        f"{commits:,.0f}" if commits else "",
    )
    errors = sum(load.errors for run in series.runs for load in run.loads)
    if errors:
        first = next(load.first_error for run in series.runs for load in run.loads if load.errors)
        name += f'<small class="bad">{errors:,} errors: {escape(first)}</small>'
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return f"<tr{'' if ours else ' class=beside'}><td>{name}</td>{cells}</tr>"


def _latency(series: Series, percentile: str) -> str:
    found = median(list(series.latencies_ms(percentile).values()))
    mark = "" if series.runs and series.runs[0].loads[0].is_open_loop else "*"
    return "" if found is None else f"{found:,.1f}{mark}"


def _left_out(report: Report) -> str:
    lines = [*report.left_out, *report.not_verified]
    lines += [f"{p.name}, {each}" for p in report.profiles for each in p.left_out]
    if not lines:
        return ""
    items = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f"<h2>Left out</h2>{items}"


def _environment(found: Mapping[str, Mapping[str, str]]) -> str:
    return "".join(
        f"<section><h3>{escape(name)}</h3><dl>{_pairs(facts)}</dl></section>"
        for name, facts in found.items()
    )


def _pairs(facts: Mapping[str, str]) -> str:
    return "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
