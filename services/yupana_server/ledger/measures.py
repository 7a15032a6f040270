"""What the ledger measures; observability/metrics.yaml tells what each number means.

No id of an account or a transfer is ever an attribute. Books are, up to BOOKS_MAX of them: who
looks for the busiest book wants to see its name.
"""

import time
from collections import Counter
from collections.abc import Sequence

from opentelemetry import metrics, trace
from opentelemetry.context import Context

from yupana_server.book.commands import Kind
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.runtime.metrics import LATENCY_S, Counts, Gauge, observe_count

BOOKS_MAX = 200
"""How many books are told apart; the rest are together one, `other`."""

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)

_tracer = trace.get_tracer("yupana.ledger")
_meter = metrics.get_meter("yupana.ledger")
OUTCOMES = Gauge(
    "yupana.outcomes",
    "{command}",
    "Commands that were answered, by outcome.",
    ("yupana.book", "yupana.outcome", "yupana.command", "yupana.reason"),
)
ENTRIES = Gauge(
    "yupana.journal.entries", "{entry}", "Entries that this server recorded.", ("yupana.book",)
)
CONFLICTS = Gauge(
    "yupana.batch.conflicts",
    "{conflict}",
    "How often a batch found that another server had been first.",
    ("yupana.book",),
)
EXPIRED = Gauge(
    "yupana.holds.expired", "{hold}", "Holds whose expiry this server recorded.", ("yupana.book",)
)
_queue_wait = _meter.create_histogram(
    "yupana.queue.wait",
    unit="s",
    description="How long a request waited until it was decided for the first time.",
    explicit_bucket_boundaries_advisory=LATENCY_S,
)
_batch_commands = _meter.create_histogram(
    "yupana.batch.entries",
    unit="{entry}",
    description="Entries of a batch.",
    explicit_bucket_boundaries_advisory=SIZES,
)
_batch_requests = _meter.create_histogram(
    "yupana.batch.requests",
    unit="{request}",
    description="Requests of a batch.",
    explicit_bucket_boundaries_advisory=SIZES,
)
_append_duration = _meter.create_histogram(
    "yupana.append.duration",
    unit="s",
    description="From asking for the book's lock to the commit, or to what went wrong.",
    explicit_bucket_boundaries_advisory=LATENCY_S,
)
_misses = _meter.create_counter(
    "yupana.memory.misses",
    unit="{fact}",
    description="Facts that had to be read before a decision, by kind.",
)
_outcomes: Counts = Counter()
_entries: Counts = Counter()
_conflicts: Counts = Counter()
_expired: Counts = Counter()
_books: set[str] = set()


def begin() -> None:
    """Have what is counted here leave with all that is measured."""
    observe_count(OUTCOMES, lambda: _outcomes)
    observe_count(ENTRIES, lambda: _entries)
    observe_count(CONFLICTS, lambda: _conflicts)
    observe_count(EXPIRED, lambda: _expired)


def book_label(book: str) -> str:
    """Return the book's id while there are few of them."""
    if book not in _books:
        if len(_books) >= BOOKS_MAX:
            return "other"
        _books.add(book)
    return book


def count_outcomes(book: str, outcomes: Sequence[Outcome]) -> None:
    """Count what was answered."""
    label = book_label(book)
    for (outcome, kind, reason), count in Counter(map(what_became, outcomes)).items():
        command = "" if kind is None else kind.name.lower()
        _outcomes[label, outcome, command, reason or ""] += count


def what_became(outcome: Outcome) -> tuple[str, Kind | None, str | None]:
    """Return what the outcome is called, of which kind of command, for which reason."""
    if isinstance(outcome, Entry):
        reason = outcome.reason
        if reason is None:
            return "done", outcome.kind, None
        return "rejected", outcome.kind, reason.name
    if isinstance(outcome, Replay):
        return "replayed", outcome.entry.kind, None
    return "refused", None, outcome.reason.name


def note_wait(wait_s: float, span: trace.Span) -> None:
    """Note how long a request waited, as a span below its own, which is the exemplar."""
    context = trace.set_span_in_context(span, Context()) if span.is_recording() else None
    _queue_wait.record(max(0.0, wait_s), context=context)
    if context is not None:
        ended_at_ns = time.time_ns()
        began_at_ns = ended_at_ns - max(0, int(wait_s * 1e9))
        _tracer.start_span("queue", context, start_time=began_at_ns).end(ended_at_ns)


def note_append(book: str, took_s: float, failed: str) -> None:
    """Note how long an append took, and what went wrong; nothing when it has committed."""
    attributes = {"yupana.book": book_label(book)}
    if failed:
        attributes["error.type"] = failed
    _append_duration.record(took_s, attributes)


def note_commit(book: str, entries: Sequence[Entry], *, requests: int) -> None:
    """Note a batch that was recorded."""
    label = book_label(book)
    _entries[label,] += len(entries)
    _conflicts[label,] += 0  # From the first batch on, so that the first conflict shows.
    _expired[label,] += sum(entry.kind == Kind.EXPIRY for entry in entries)
    _batch_commands.record(len(entries))
    _batch_requests.record(requests)


def note_conflict(book: str) -> None:
    """Note that another server recorded entries between a batch's decision and its lock (R4)."""
    _conflicts[book_label(book),] += 1


def note_misses(kind: str, count: int) -> None:
    """Note how many facts were not in memory."""
    if count:
        _misses.add(count, {"yupana.fact": kind})
