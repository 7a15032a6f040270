"""The figures of `yupana top`, from metrics pages as servers write them."""

import pytest
from rich.console import Console

from yupana_server.cli.top_figures import Page, figures_of, quantile, read_page
from yupana_server.cli.top_screen import as_json, screen

COUNTERS = """
# TYPE yupana_outcomes_total counter
yupana_outcomes_total{{yupana_book="shop",yupana_outcome="done",yupana_command="transfer"}} {done}
yupana_outcomes_total{{yupana_book="shop",yupana_outcome="rejected",yupana_reason="FROZEN"}} {no}
# TYPE yupana_journal_entries_total counter
yupana_journal_entries_total{{yupana_book="shop"}} {done}
yupana_journal_entries_total{{yupana_book="bar"}} {no}
# TYPE yupana_queue_commands gauge
yupana_queue_commands{{yupana_book="shop"}} 7
# TYPE yupana_append_duration_seconds histogram
yupana_append_duration_seconds_bucket{{le="0.01",yupana_book="shop"}} {done}
yupana_append_duration_seconds_bucket{{le="+Inf",yupana_book="shop"}} {done}
yupana_append_duration_seconds_count{{yupana_book="shop"}} {done}
yupana_append_duration_seconds_sum{{yupana_book="shop"}} {done}
yupana_append_duration_seconds_bucket{{le="+Inf",yupana_book="shop",error_type="StuckError"}} {no}
yupana_append_duration_seconds_count{{yupana_book="shop",error_type="StuckError"}} {no}
yupana_append_duration_seconds_sum{{yupana_book="shop",error_type="StuckError"}} {no}
# TYPE rpc_server_call_duration_seconds histogram
{rpc}_bucket{{le="0.1",{execute},rpc_response_status_code="OK"}} {done}
{rpc}_bucket{{le="+Inf",{execute},rpc_response_status_code="OK"}} {done}
{rpc}_count{{{execute},rpc_response_status_code="OK"}} {done}
{rpc}_count{{{execute},rpc_response_status_code="UNAVAILABLE"}} {no}
"""


def page(at: float, *, done: int, no: int) -> Page:
    names = {"rpc": "rpc_server_call_duration_seconds", "execute": 'rpc_method="a/Execute"'}
    return read_page(COUNTERS.format(done=done, no=no, **names), at)


def test_figures_when_two_looks_are_compared_then_rates_are_a_second() -> None:
    figures = figures_of([(page(10, done=100, no=5), page(12, done=300, no=9))])
    assert figures.commands_per_s == 102
    assert figures.outcomes == {"done": 100, "rejected": 2}
    assert figures.reasons == {"FROZEN": 2}
    assert [(b.book, b.entries_per_s, b.queued) for b in figures.books] == [
        ("shop", 100, 7),
        ("bar", 2, 0),
    ]
    assert figures.failed_appends == {"StuckError": 2}
    assert figures.appends.per_s == 100  # Without those that went wrong.
    (call,) = figures.calls
    assert (call.method, call.took.per_s, call.failed_per_s) == ("Execute", 102, 2)


def test_figures_when_there_are_several_servers_then_they_are_added_up() -> None:
    pair = (page(10, done=100, no=0), page(11, done=150, no=0))
    figures = figures_of([pair, pair])
    assert figures.servers == 2
    assert figures.commands_per_s == 100
    assert figures.queued == 14


def test_figures_when_a_server_started_anew_then_it_counts_from_nothing() -> None:
    figures = figures_of([(page(10, done=1_000, no=9), page(11, done=40, no=0))])
    assert figures.outcomes == {"done": 40}


def test_figures_when_nothing_happened_then_they_say_so() -> None:
    same = page(10, done=5, no=0)
    figures = figures_of([(same, same._replace(at=12))])
    assert figures.commands_per_s == 0
    assert figures.calls == ()
    assert figures.appends.p99 is None


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 0.0), (0.5, 1.0), (0.75, 1.5), (0.99, 2.0), (1.0, 2.0)]
)
def test_quantile_when_values_are_in_buckets_then_spread_evenly(
    share: float, expected: float
) -> None:
    buckets = [(1.0, 50.0), (2.0, 98.0 if share == 0.99 else 100.0), (float("inf"), 100.0)]
    found = quantile(buckets, share)
    assert found is not None
    assert found == pytest.approx(expected, abs=0.05)


def test_quantile_when_there_is_nothing_then_none() -> None:
    assert quantile([], 0.5) is None
    assert quantile([(1.0, 0.0), (float("inf"), 0.0)], 0.5) is None


def test_screen_when_shown_then_it_has_what_matters() -> None:
    figures = figures_of([(page(10, done=100, no=5), page(12, done=300, no=9))])
    console = Console(width=120, record=True, file=None, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(screen(figures, silent=("10.0.0.9:9464",)))
    text = captured.get()
    for word in ("102 commands/s", "Execute", "FROZEN", "StuckError", "shop", "10.0.0.9:9464"):
        assert word in text
    assert as_json(figures)["commands_per_s"] == 102
