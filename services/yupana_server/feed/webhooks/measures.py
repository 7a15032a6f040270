"""What deliveries measure; observability/metrics.yaml tells what each number means."""

from opentelemetry import metrics

from yupana_server.feed.webhooks.sending import Attempt
from yupana_server.journal.webhook_rows import DeliveryState
from yupana_server.runtime.metrics import LATENCY_S, Gauge

_meter = metrics.get_meter("yupana.webhooks")
_deliveries = _meter.create_counter(
    "yupana.webhook.deliveries", unit="{delivery}", description="Deliveries that ended, by result."
)
_attempts = _meter.create_histogram(
    "yupana.webhook.attempt.duration",
    unit="s",
    description="How long attempts to deliver took, by result.",
    explicit_bucket_boundaries_advisory=LATENCY_S,
)

LAG = Gauge(
    "yupana.webhook.lag",
    "{entry}",
    "Entries of a book that its endpoint which is furthest behind was not looked through.",
    ("yupana.book",),
)
WAITING = Gauge(
    "yupana.webhook.waiting",
    "{delivery}",
    "Deliveries of a book that wait for their first or next attempt.",
    ("yupana.book",),
)
ENDPOINTS = Gauge(
    "yupana.webhook.endpoints", "{endpoint}", "Endpoints, by state.", ("yupana.webhook.state",)
)
DEAD_LETTERS = Gauge(
    "yupana.webhook.dead_letters", "{delivery}", "Deliveries that were given up, as counted last."
)


def begin() -> None:
    """Have the counters be there before anything is counted."""
    for state in (DeliveryState.DELIVERED, DeliveryState.DEAD):
        _deliveries.add(0, {"yupana.webhook.result": state.value})


def note_attempt(attempt: Attempt) -> None:
    """Note what came of an attempt."""
    _attempts.record(attempt.took_s, {"yupana.webhook.result": attempt.error or "delivered"})


def note_ended(state: DeliveryState) -> None:
    """Note that a delivery was made, or given up."""
    _deliveries.add(1, {"yupana.webhook.result": state.value})
