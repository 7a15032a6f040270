"""Goals held against results, and results as JSON, as a page and at a terminal."""

import io
import json
import re
from dataclasses import asdict, replace

import pytest
from rich.console import Console

from yupana_server.bench.command import Options, chosen, plan_of
from yupana_server.bench.goals import GOALS, hold_against
from yupana_server.bench.percentiles import CURVE, curve, summary
from yupana_server.bench.profiles import BY_NAME, PROFILES, Baseline, When
from yupana_server.bench.report.as_json import to_json
from yupana_server.bench.report.page import to_page
from yupana_server.bench.report.plots import nines, smoothed
from yupana_server.bench.report.terminal import print_profiles, print_report
from yupana_server.bench.results import (
    OURS,
    Commits,
    GoalResult,
    LoadRun,
    ProfileResult,
    Report,
    Run,
    Series,
    Verified,
)
from yupana_server.cli.bench import _exit_code
from yupana_server.runtime.config import ConfigError

LATENCIES_MS = [float(each) for each in range(1, 201)]


def load_run(rate: float, **more: object) -> LoadRun:
    found = LoadRun(
        commands_per_s=rate,
        calls_per_s=rate / 1_000,
        outcomes={"transfer_posted": int(rate)},
        latency_ms=summary(LATENCIES_MS),
        curve_ms=curve(LATENCIES_MS),
        per_bucket=[rate] * 20,
    )
    return replace(found, **more)  # type: ignore[arg-type]


def series(name: str, *rates: float, **more: object) -> Series:
    runs = [
        Run(
            round=number,
            loads=[load_run(rate, **more)],
            entries_before=10_000 * number,
            commits=Commits(2_000, 2),
        )
        for number, rate in enumerate(rates, 1)
    ]
    return Series(name, runs)


def profile(name: str, *all_series: Series) -> ProfileResult:
    described = BY_NAME[name]
    return ProfileResult(
        name, described.about, described.unit, {each.name: each for each in all_series}
    )


def report(*profiles: ProfileResult, **more: object) -> Report:
    made = Report(
        began_at="2026-01-02T03:04:05+00:00",
        took_s=12.0,
        command="yupana bench <quick>",
        environment={
            "machine": {"processor": "A & B", "cores": "2", "memory": "4 GiB"},
            "software": {"yupana-server": "1", "Python": "CPython 3", "grpcio": "1"},
        },
        runs=2,
        duration_s=2.0,
        bucket_s=0.1,
        curve_percentiles=CURVE,
        profiles=profiles,
        verifications=[Verified("bench-1", ["batches-1000"], 30_000, 10_000, 1.0, [])],
    )
    made = replace(made, **more)  # type: ignore[arg-type]
    return replace(made, goals=hold_against(made))


CHIEF = profile(
    "batches-1000", series(OURS, 20_000, 30_000), series(Baseline.LIMIT, 40_000, 20_000)
)


def goal(made: Report, about: str) -> GoalResult:
    [found] = [each for each in made.goals if about in each.goal]
    return found


def test_goal_when_rounds_differ_then_the_median_of_their_ratios_is_held_against_it() -> None:
    found = goal(report(CHIEF), "bare COPY loop")
    assert found.measured == pytest.approx(1.0)  # Of 0.5 and 1.5.
    assert found.met is True
    assert found.wanted == "at least 0.80"


def test_goal_when_too_slow_then_missed_and_when_not_measured_then_neither() -> None:
    made = report(CHIEF)
    assert goal(made, ", one book").met is False
    assert goal(made, ", one book").shown == "25,000/s"
    assert goal(made, "hot account").met is None
    assert goal(made, "stored procedure").met is None


def test_goal_when_a_ceiling_then_less_is_met() -> None:
    runs = [replace(run, server_resident_bytes=399_000_000) for run in series(OURS, 1.0).runs]
    made = report(profile("accounts-1m", Series(OURS, runs)))
    assert goal(made, "memory").met is True
    assert goal(made, "memory").shown == "399 MB"


def test_goal_when_of_latency_then_the_first_load_counts() -> None:
    reads = series(OURS, 100.0, is_open_loop=True, reads=True)
    made = report(profile("read-while-written", reads))
    assert goal(made, "strong reads").measured == 198.0
    assert goal(made, "strong reads").met is False


def test_goal_when_two_servers_then_the_lesser_share_counts() -> None:
    run = replace(series(OURS, 1.0).runs[0], commits=Commits(10, 10, [0.7, 0.3]))
    made = report(profile("two-servers", Series(OURS, [run])))
    assert goal(made, "lesser").measured == 0.3
    assert goal(made, "lesser").met is False


def test_goals_when_listed_then_each_has_its_profile() -> None:
    assert {each.profile for each in GOALS} <= set(BY_NAME)
    quick = {each.name for each in PROFILES if each.when is When.QUICK}
    assert {each.profile for each in GOALS} - quick == {"accounts-1m", "history-20m"}


def test_run_when_loads_read_and_write_then_they_are_not_added_up() -> None:
    loads = [load_run(100.0, reads=True), load_run(5_000.0)]
    assert Run(1, loads).commands_per_s == 100.0
    assert Run(1, [load_run(1.0), load_run(2.0)]).commands_per_s == 3.0


def test_exit_code_when_a_goal_is_missed_then_1_only_with_check() -> None:
    made = report(CHIEF)
    assert _exit_code(made, check=True) == 1
    assert _exit_code(made, check=False) == 0


def test_exit_code_when_a_book_does_not_verify_then_2() -> None:
    bad = Verified("bench-1", ["hot"], 1, 1, 1.0, ["entry 1 is not what it was"])
    assert _exit_code(report(CHIEF, verifications=[bad]), check=False) == 2


def test_exit_code_when_no_goal_was_measured_then_2() -> None:
    assert _exit_code(report(profile("zipf", series(OURS, 1.0))), check=True) == 2


def test_json_when_read_again_then_it_has_everything() -> None:
    made = report(CHIEF)
    found = json.loads(to_json(made))
    assert set(found) == set(asdict(made))
    [first, second] = found["profiles"][0]["series"]["limit"]["runs"]
    assert (first["round"], first["loads"][0]["commands_per_s"]) == (1, 40_000)
    assert len(second["loads"][0]["curve_ms"]) == len(found["curve_percentiles"])
    assert [each["met"] for each in found["goals"]].count(None) == len(GOALS) - 2


def test_page_when_written_then_it_needs_nothing_else() -> None:
    page = to_page(report(CHIEF))
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["'](?!#)""", page)
    assert not re.search(r"url\((?!#)|@import", page)
    assert page.count("<svg") >= 3
    assert "#0102" not in page  # Every colour of a plot became the page's.


def test_page_when_texts_have_markup_then_it_is_escaped() -> None:
    page = to_page(report(CHIEF))
    assert "A &amp; B" in page
    assert "yupana bench &lt;quick&gt;" in page


def test_page_when_a_book_does_not_verify_then_it_says_so_first() -> None:
    bad = Verified("bench-1", ["hot"], 1, 1, 1.0, ["entry 1 is not what it was"])
    page = to_page(report(CHIEF, verifications=[bad]))
    assert "worth nothing" in page.partition("<h2>")[0]
    assert "entry 1 is not what it was" in page


@pytest.mark.parametrize("name", ["batches-1000", "single", "read-while-written"])
def test_page_when_calls_failed_then_it_tells_how_many_and_why(name: str) -> None:
    failed = series(OURS, 5.0, errors=3, first_error="Overloaded: full")
    assert "3 errors: Overloaded: full" in to_page(report(profile(name, failed)))


def test_page_when_every_profile_was_measured_then_all_plots_are_there() -> None:
    measured = [
        profile(
            each.name, series(OURS, 1_000.0, 1_100.0), *(series(b, 500.0) for b in each.baselines)
        )
        for each in PROFILES
    ]
    assert to_page(report(*measured)).count("<figure") == 6


def test_terminal_when_printed_then_profiles_baselines_and_goals_are_there() -> None:
    written = io.StringIO()
    console = Console(file=written, width=110)
    print_report(console, report(CHIEF, left_out=["two-servers: no"]), with_goals=True)
    text = written.getvalue()
    assert re.search(r"batches-1000 +25,000", text)
    assert re.search(r"to limit +30,000 .* 1\.00", text)
    assert "two-servers: no" in text
    assert "missed" in text
    assert "verified: 1 books, 30,000 entries" in text


def test_profiles_when_listed_then_all_are_there() -> None:
    written = io.StringIO()
    print_profiles(Console(file=written, width=150))
    assert all(each.name in written.getvalue() for each in PROFILES)


def test_chosen_when_quick_or_full_or_named_then_these() -> None:
    quick, usual, full = (
        {each.name for each in chosen(options)}
        for options in (Options(quick=True), Options(), Options(full=True))
    )
    assert quick < usual < full == set(BY_NAME)
    assert [each.name for each in chosen(Options(names=["hot", "batches-1000"]))] == [
        "batches-1000",
        "hot",
    ]
    with pytest.raises(ConfigError, match="no profile warm"):
        chosen(Options(names=["warm"]))


def test_plan_when_given_then_it_wins_over_quick() -> None:
    assert plan_of(Options(quick=True, runs=7)).runs == 7
    assert plan_of(Options(quick=True)).duration_s < plan_of(Options()).duration_s


def test_nines_when_drawn_then_each_nine_takes_as_much() -> None:
    assert [round(nines(each), 6) for each in (0, 90, 99, 99.9)] == [0, 1, 2, 3]


def test_smoothed_when_at_an_end_then_the_average_is_of_what_there_is() -> None:
    assert smoothed([0.0, 3.0, 6.0], 3) == [1.5, 3.0, 4.5]
