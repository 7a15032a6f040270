"""Sums up the calls of a run: rates, latencies, throughput over time."""

from collections.abc import Iterable, Iterator, Sequence

from yupana_server.bench.driving import Tally
from yupana_server.bench.percentiles import curve, summary
from yupana_server.bench.results import LoadRun
from yupana_server.bench.schedule import Window

BUCKET_S = 0.1


def summed_up(tally: Tally, *, is_open_loop: bool = False, reads: bool = False) -> LoadRun:
    """Return rates and latencies of what was measured."""
    window = tally.window
    latencies_ms = [latency_s * 1000 for latency_s in tally.latencies_s]
    if is_open_loop:  # Waiting for a free caller is no work under way.
        commands, calls = float(tally.outcomes.total()), float(tally.calls)
    else:
        parts = list(parts_within(window, zip(tally.counted_from, tally.done_at, strict=True)))
        commands = sum(p * n for p, n in zip(parts, tally.commands, strict=True))
        calls = sum(parts)
    return LoadRun(
        commands_per_s=commands / window.duration_s,
        calls_per_s=calls / window.duration_s,
        outcomes=dict(tally.outcomes),
        errors=tally.errors,
        first_error=tally.first_error,
        is_open_loop=is_open_loop,
        reads=reads,
        latency_ms=summary(latencies_ms),
        curve_ms=curve(latencies_ms),
        per_bucket=buckets(window, tally.done_at, tally.commands),
    )


def parts_within(window: Window, calls: Iterable[tuple[float, float]]) -> Iterator[float]:
    """Yield which part of each call's time lies in the measured time.

    Of four callers with 1,000 commands each, twenty calls end in a second, four at a time: to count
    whole calls would be wrong by up to a fifth, by where the second happens to begin.
    """
    for began, ended in calls:
        within = min(ended, window.ends_at) - max(began, window.measured_from)
        yield max(0.0, within) / (ended - began) if ended > began else 0.0


def buckets(window: Window, done_at: Sequence[float], commands: Sequence[int]) -> list[float]:
    """Return commands per second over the measured time, in buckets of BUCKET_S, by their end."""
    counts = [0] * max(1, round(window.duration_s / BUCKET_S))
    for moment, count in zip(done_at, commands, strict=True):
        if window.measures(moment):
            place = int((moment - window.measured_from) / BUCKET_S)
            counts[min(place, len(counts) - 1)] += count
    return [count / BUCKET_S for count in counts]
