"""What the feed measures of the view; observability/metrics.yaml tells what each number means."""

from enum import StrEnum

from opentelemetry import metrics

from yupana_server.runtime.metrics import LATENCY_S, Gauge

BEHIND = Gauge(
    "yupana.view.behind", "{entry}", "Entries that the view lacks which is furthest behind."
)


class Why(StrEnum):
    """Why a view began anew."""

    MISSING = "missing"
    HISTORY = "history"
    FAR_BEHIND = "far behind"


_meter = metrics.get_meter("yupana.feed")
_lag = _meter.create_histogram(
    "yupana.view.lag",
    unit="s",
    description="From an entry's time to the view that shows it, of the oldest of each page.",
    explicit_bucket_boundaries_advisory=LATENCY_S,
)
_entries = _meter.create_counter(
    "yupana.view.entries", unit="{entry}", description="Entries that were folded into views."
)
_begun = _meter.create_counter(
    "yupana.view.begun", unit="{view}", description="Views that began anew, by why."
)


def begin() -> None:
    """Have all counters there from the begin, so that the first thing they count shows."""
    _entries.add(0)
    for why in Why:
        _begun.add(0, {"yupana.view.cause": why.value})


def note_fold(entries: int, lag_s: float) -> None:
    """Note a page that was folded, and how long ago its oldest entry was recorded."""
    _entries.add(entries)
    _lag.record(max(0.0, lag_s))


def note_begun(why: Why) -> None:
    """Note that a view began anew."""
    _begun.add(1, {"yupana.view.cause": why.value})
