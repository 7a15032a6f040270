"""Percentiles, due times, and what is counted of a run."""

import random

import pytest

from yupana_server.bench.driving import Tally
from yupana_server.bench.percentiles import CURVE, curve, percentile, ratios, spread, summary
from yupana_server.bench.schedule import Window, arrivals
from yupana_server.bench.summing import BUCKET_S, buckets, parts_within, summed_up

WINDOW = Window(starts_at=100.0, warmup_s=1.0, duration_s=2.0)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.1, 100), (100, 100)]
)
def test_percentile_when_of_a_hundred_values_then_the_nearest_rank(
    percent: float, expected: int
) -> None:
    assert percentile(list(range(1, 101)), percent) == expected


def test_percentile_when_of_nothing_then_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_summary_when_values_are_out_of_order_then_it_sorts_them() -> None:
    found = summary([float(value) for value in (*range(999, -1, -1),)])
    assert found == {"p50": 499.0, "p90": 899.0, "p99": 989.0, "p99.9": 998.0, "max": 999.0}
    assert summary([]) == {}


def test_curve_when_drawn_then_it_rises_to_the_slowest() -> None:
    found = curve([random.Random(1).random() for _ in range(500)])
    assert len(found) == len(CURVE)
    assert found == sorted(found)
    assert list(CURVE) == sorted(set(CURVE))


def test_ratios_when_rounds_differ_then_each_is_compared_with_its_own() -> None:
    assert ratios({1: 10.0, 2: 30.0, 3: 5.0}, {1: 20.0, 2: 30.0}) == [0.5, 1.0]


def test_spread_when_rounds_differ_then_it_is_a_part_of_the_median() -> None:
    assert spread([90.0, 100.0, 120.0]) == 0.3


def test_arrivals_when_drawn_then_they_are_in_order_and_of_the_wanted_rate() -> None:
    due = list(arrivals(Window(50.0, 1.0, 99.0), 200.0, random.Random(3)))
    assert due == sorted(due)
    assert due[0] >= 50.0
    assert due[-1] < 150.0
    assert len(due) == pytest.approx(20_000, rel=0.05)


def test_parts_within_when_calls_reach_over_the_ends_then_only_what_is_inside_counts() -> None:
    calls = [(100.0, 101.0), (100.5, 101.5), (101.0, 103.0), (102.0, 106.0), (103.0, 104.0)]
    assert list(parts_within(WINDOW, calls)) == [0.0, 0.5, 1.0, 0.25, 0.0]


def test_summed_up_when_calls_come_in_clusters_then_the_rate_does_not_depend_on_the_edge() -> None:
    rates = set()
    for shift in (0.0, 0.1, 0.3, 0.49):
        tally = Tally(WINDOW)
        for start in range(12):  # Four callers whose calls all take half a second.
            for _ in range(4):
                tally.counted_from.append(99.0 + shift + start / 2)
                tally.done_at.append(99.5 + shift + start / 2)
                tally.commands.append(1_000)
        rates.add(round(summed_up(tally).commands_per_s))
    assert rates == {8_000}


def test_buckets_when_calls_end_outside_then_they_are_not_counted() -> None:
    found = buckets(WINDOW, [100.9, 101.0, 101.05, 102.99, 103.0], [1, 2, 3, 4, 5])
    assert len(found) == round(WINDOW.duration_s / BUCKET_S)
    assert found[0] == 5 / BUCKET_S
    assert found[-1] == 4 / BUCKET_S
    assert sum(found) * BUCKET_S == pytest.approx(9)
