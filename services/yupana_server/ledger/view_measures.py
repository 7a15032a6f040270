"""What the ledger measures of reads that may be served from the view."""

from enum import StrEnum

from opentelemetry import metrics

_meter = metrics.get_meter("yupana.ledger")
_reads = _meter.create_counter(
    "yupana.view.reads",
    unit="{read}",
    description="Reads that the view could have served, by what came of it.",
)
_fills = _meter.create_counter(
    "yupana.view.fills", unit="{account}", description="Accounts that were to be filled, by result."
)


class Served(StrEnum):
    """What came of a read that the view could have served."""

    HIT = "hit"
    FILLED = "filled"
    """This read had what was missing read from the journal, and stored."""
    AWAITED = "awaited"
    """It waited for what somebody else filled: a stampede avoided."""
    BEHIND = "behind"
    """The view has not got there, or is of another epoch than the book."""
    WAITED_IN_VAIN = "waited in vain"
    NONE = "none"
    """There is no view, or Redis is away."""


def begin() -> None:
    """Have all counters there from the begin, so that the first thing they count shows."""
    for served in Served:
        _reads.add(0, {"yupana.view.result": served.value})
    for result in ("stored", "refused"):
        _fills.add(0, {"yupana.view.result": result})


def note_read(served: Served) -> None:
    """Note a read."""
    _reads.add(1, {"yupana.view.result": served.value})


def note_fill(stored: int, refused: int) -> None:
    """Note accounts that were read in order to be stored."""
    if stored:
        _fills.add(stored, {"yupana.view.result": "stored"})
    if refused:
        _fills.add(refused, {"yupana.view.result": "refused"})
