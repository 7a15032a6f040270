"""A request's commands on their way through the writer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from opentelemetry.trace import INVALID_SPAN, Span

from yupana_server.book.commands import Command
from yupana_server.book.decide import Outcome
from yupana_server.book.entries import Entry

TO_BE_CHECKED = -1

Unit = tuple[Command, ...]
"""One command, or all members of a chain."""


class Answer(NamedTuple):
    """What became of a submission."""

    outcomes: list[Outcome]
    seq: int
    """The newest entry that the outcomes rest on; it has committed."""
    epoch: int


class NotAnsweredError(Exception):
    """The submission was not executed, or nobody knows; see the subclasses."""


class OverloadedError(NotAnsweredError):
    """The queue is full."""

    def __init__(self, queued_commands: int):
        super().__init__(f"{queued_commands} commands are waiting")
        self.queued_commands = queued_commands


class ClockSkewError(NotAnsweredError):
    """R8: the clocks do not agree well enough to decide."""

    def __init__(self, skew_ms: int):
        super().__init__(f"the clocks differ by {skew_ms} ms")
        self.skew_ms = skew_ms


class OutcomeUnknownError(NotAnsweredError):
    """R3: a commit that carried it may or may not have happened."""


class PoisonedError(NotAnsweredError):
    """R6: the database refuses what passed validation."""


class DrainingError(NotAnsweredError):
    """The writer takes no more work."""


class BookGoneError(NotAnsweredError):
    """The book is no longer in the database."""


@dataclass(eq=False, slots=True)
class Submission:
    """The commands of one request, in order; without commands it expires what is due."""

    units: Sequence[Unit]
    deadline: float
    """By the event loop's clock. After it, nothing of this is decided any more."""
    validate_only: bool = False
    holds: Sequence[str] = ()
    """Holds that may be due, to be looked at beside those in memory."""
    actor: str | None = None
    """Who sent it, as the journal names them; None where nobody is asked."""
    span: Span = INVALID_SPAN
    """The request's. It may have ended when nobody waits any more."""
    answer: "asyncio.Future[Answer]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    checked_seq: int = 0
    """R7: the ids were looked up in the journal as of this entry, or are TO_BE_CHECKED."""
    checked_in: int | None = None
    """R1: in which of the histories that memory has seen; None when they were not looked up."""
    taken_for_new: bool = False
    """R7: nobody looked the ids up; what rests on it is recorded, and so meets their key."""
    found: dict[str, Entry] = field(default_factory=dict)
    """R7: those of its ids that the journal has already, as far as memory does not."""
    weight: int = 0
    """How many entries the commands become at most; 0 when each becomes one."""
    unknown: bool = False
    """R3: a commit that carried it may or may not have happened."""
    decided: bool = False
    queued_at: float = 0.0
    """By the event loop's clock."""
    taken: bool = False
    """Out of the queue."""

    @property
    def commands_count(self) -> int:
        """How many commands there are, those that become several entries counted as such."""
        return self.weight or sum(len(unit) for unit in self.units)

    def open(self, now: float) -> bool:
        """Tell whether somebody still waits for the answer and can get it in time."""
        return not self.answer.done() and now < self.deadline

    def fail(self, error: NotAnsweredError) -> None:
        """Tell whoever waits that there is no outcome, or that nobody knows (R3)."""
        if not self.answer.done():
            self.answer.set_exception(OutcomeUnknownError() if self.unknown else error)
