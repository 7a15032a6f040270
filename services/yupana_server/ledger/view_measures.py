"""What the ledger measures of reads that may be served from the view."""

from collections import Counter
from enum import StrEnum

from yupana_server.runtime.metrics import Counts, Gauge, observe_count

RESULT = ("yupana.view.result",)
READS = Gauge(
    "yupana.view.reads",
    "{read}",
    "Reads that the view could have served, by what came of it.",
    RESULT,
)
FILLS = Gauge(
    "yupana.view.fills", "{account}", "Accounts that were to be filled, by result.", RESULT
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


_reads: Counts = Counter({(served.value,): 0 for served in Served})
_fills: Counts = Counter({("stored",): 0, ("refused",): 0})


def begin() -> None:
    """Have all counters there from the begin, so that the first thing they count shows."""
    observe_count(READS, lambda: _reads)
    observe_count(FILLS, lambda: _fills)


def note_read(served: Served) -> None:
    """Note a read."""
    _reads[served.value,] += 1


def note_fill(stored: int, refused: int) -> None:
    """Note accounts that were read in order to be stored."""
    _fills["stored",] += stored
    _fills["refused",] += refused
