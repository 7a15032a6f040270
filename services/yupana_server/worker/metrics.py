"""What the audit measures; observability/metrics.yaml tells what each number means."""

from opentelemetry import metrics

from yupana_server.runtime.metrics import Gauge, observe
from yupana_server.worker.auditor import Auditor

_meter = metrics.get_meter("yupana.worker")

LAG = Gauge(
    "yupana.audit.lag",
    "{entry}",
    "Entries not audited yet of the book that is furthest behind.",
)
DIFFERENCES = Gauge(
    "yupana.audit.differences",
    "{difference}",
    "Differences that nobody acknowledged, over all books.",
)
DIFFERENT_BOOKS = Gauge(
    "yupana.audit.books", "{book}", "Books with differences that nobody acknowledged."
)
FAILING = Gauge("yupana.audit.failing", "{book}", "Books that this worker cannot audit at all.")
SEQ = Gauge(
    "yupana.audit.seq", "{entry}", "The newest entry of a book that was audited.", ("yupana.book",)
)


def report_audit(auditor: Auditor) -> None:
    """Have the numbers of an auditor asked for whenever metrics are exported."""
    observe(LAG, lambda: {(): auditor.lag_max})
    observe(DIFFERENCES, lambda: {(): auditor.counts.differences})
    observe(DIFFERENT_BOOKS, lambda: {(): auditor.counts.books})
    observe(FAILING, lambda: {(): auditor.failing})
    observe(SEQ, lambda: {(book,): seq for book, seq in auditor.books.seqs.items()})
    _meter.create_observable_counter(
        "yupana.audit.entries",
        [lambda _: [metrics.Observation(auditor.entries)]],
        unit="{entry}",
        description="Entries that this worker audited.",
    )
