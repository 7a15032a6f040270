"""What the feed measures; observability/metrics.yaml tells what each number means."""

import time

from opentelemetry import metrics

from yupana_server.runtime.metrics import LATENCY_S, Gauge

SUBSCRIBERS = Gauge("yupana.feed.subscribers", "{subscriber}", "Subscriptions under way.")
FOLLOWED = Gauge("yupana.feed.followed", "{book}", "Books whose journal is followed in memory.")

_meter = metrics.get_meter("yupana.feed")
_lag = _meter.create_histogram(
    "yupana.feed.lag",
    unit="s",
    description="From an entry's time to when it is sent to a subscriber that is not behind.",
    explicit_bucket_boundaries_advisory=LATENCY_S,
)
_sent = _meter.create_counter(
    "yupana.feed.events", unit="{event}", description="Events that were sent to subscribers."
)
_read = _meter.create_counter(
    "yupana.feed.entries",
    unit="{entry}",
    description="Entries read from the journal, as they came or afterwards.",
)
_wake_ups = _meter.create_counter(
    "yupana.feed.wake_ups",
    unit="{look}",
    description="How often a book was looked at, by what said that there is something new.",
)
_published = _meter.create_counter(
    "yupana.feed.published", unit="{event}", description="Events added to Redis Streams."
)


def note_read(way: str, count: int) -> None:
    """Note entries that were read from the journal: `live` or `backlog`."""
    _read.add(count, {"yupana.way": way})


def note_sent(count: int, recorded_at: int | None) -> None:
    """Note events that are sent; with the newest one's time if they are told as they come."""
    _sent.add(count)
    if recorded_at is not None:
        _lag.record(max(0.0, time.time() - recorded_at / 1e6))


def note_wake_ups(source: str, count: int) -> None:
    """Note looks that an `announcement` or a `poll` asked for."""
    _wake_ups.add(count, {"yupana.source": source})


def note_published(count: int) -> None:
    """Note events that were added to a stream."""
    _published.add(count)


def begin() -> None:
    """Have all counters there from the begin, so that the first thing they count shows."""
    _sent.add(0)
    _published.add(0)
    for way in ("live", "backlog"):
        note_read(way, 0)
    for source in ("announcement", "poll"):
        note_wake_ups(source, 0)
