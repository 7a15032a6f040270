"""What traces tell of requests and batches.

A batch is no part of any request: its span begins a trace of its own, and links lead from it to the
requests that it carries and from each of them to it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.book.decide import Outcome
from yupana_server.journal.errors import ConflictError
from yupana_server.ledger.batch import Batch
from yupana_server.ledger.measures import what_became
from yupana_server.ledger.submission import Submission
from yupana_server.runtime.telemetry import TAKEN

LINKS_MAX = 128
"""What the SDK keeps of a span's links; requests beyond are still linked to their batch."""

REASONS_MAX = 5

tracer = trace.get_tracer("yupana.ledger")


def note_commands(span: trace.Span, request: ledger_service_pb2.ExecuteRequest) -> None:
    """Note how much is asked for."""
    if span.is_recording():
        span.set_attribute("yupana.commands", len(request.commands))


def note_outcomes(span: trace.Span, outcomes: Sequence[Outcome]) -> None:
    """Note what became of a request's commands."""
    if not span.is_recording():
        return
    names, reasons = _summary(outcomes)
    if outcomes:
        span.set_attribute("yupana.outcome", next(iter(names)) if len(names) == 1 else "mixed")
    _note(span, names, reasons)


@contextmanager
def batch_span(book: str, batch: Batch) -> Iterator[None]:
    """Begin the span of one try to record a batch, linked with the requests that it carries.

    It is recorded when one of them is. Another server that was first is no error: the batch is
    decided again, and the next try has a span of its own.
    """
    links = _links(batch.submissions)
    if not links:
        yield
        return
    with tracer.start_as_current_span(
        "batch",
        TAKEN,
        links=links,
        attributes={"yupana.book": book, "yupana.batch.conflicts": batch.conflicts},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        _link_back(batch.submissions, span.get_span_context())
        result = "unfinished"
        try:
            yield
            result = "recorded"
        except Exception as error:
            result = _failure(span, error)
            raise
        finally:
            _note_batch(span, batch, result)


def link_joined(submissions: Sequence[Submission]) -> None:
    """Link requests with the batch that they joined, whose span is the current one."""
    span = trace.get_current_span()
    if span.is_recording():
        for link in _links(submissions):
            span.add_link(link.context)
        _link_back(submissions, span.get_span_context())


def _links(submissions: Iterable[Submission]) -> list[trace.Link]:
    recorded = [s.span.get_span_context() for s in submissions if s.span.is_recording()]
    return [trace.Link(context) for context in recorded[:LINKS_MAX]]


def _link_back(submissions: Iterable[Submission], batch: trace.SpanContext) -> None:
    for submission in submissions:
        if submission.span.is_recording():
            submission.span.add_link(batch)


def _failure(span: trace.Span, error: Exception) -> str:
    """Note why a try failed, without the message: Postgres' may quote rows."""
    if isinstance(error, ConflictError):
        return "conflict"
    name = type(error).__name__
    span.set_attribute("error.type", name)
    span.set_status(trace.StatusCode.ERROR, name)
    return "failed"


def _note_batch(span: trace.Span, batch: Batch, result: str) -> None:
    names, reasons = _summary([outcome for _, each in batch.outcomes for outcome in each])
    span.set_attribute("yupana.batch.result", result)
    span.set_attribute("yupana.batch.requests", len(batch.submissions))
    span.set_attribute("yupana.batch.entries", len(batch.entries))
    _note(span, names, reasons)


def _summary(outcomes: Iterable[Outcome]) -> tuple[Counter[str], list[str]]:
    names: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for (name, _, reason), count in Counter(map(what_became, outcomes)).items():
        names[name] += count
        if reason is not None:
            reasons[reason] += count
    return names, [reason for reason, _ in reasons.most_common(REASONS_MAX)]


def _note(span: trace.Span, names: Counter[str], reasons: list[str]) -> None:
    for outcome, name in (("replayed", "replays"), ("rejected", "rejections")):
        span.set_attribute(f"yupana.{name}", names[outcome])
    if reasons:
        span.set_attribute("yupana.reason", ",".join(reasons))
