"""What clients did and what they were told: the one side that the checker compares."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from yupana import Command, Outcome

Totals: TypeAlias = tuple[int, int, int, int]
"""Debits posted, credits posted, debits pending, credits pending."""


class Read(NamedTuple):
    """Accounts that were asked for."""

    accounts: tuple[str, ...]
    at_least: str | None = None
    """None: a strong read, which sees every answer that was given before it began."""
    eventual: bool = False
    """It may show any entry that there ever was."""


class Streamed(NamedTuple):
    """Commands that go out on a stream."""

    commands: list[Command]


class CallRecord(NamedTuple):
    """One call of one client. Times are `time.monotonic()` of the process of all clients."""

    client: int
    method: Literal["execute", "stream", "read"]
    began: float
    ended: float
    request: Sequence[Command] | Read
    outcomes: Sequence[Outcome] = ()
    """One for each command, in their order."""
    balances: Mapping[str, Totals | None] | None = None
    """What a read showed; None for an account that is not open."""
    error: BaseException | None = None
    """Why there is no answer."""
    position: str | None = None
    """Where a read was answered."""

    @property
    def commands(self) -> Sequence[Command]:
        """The commands of an execute."""
        return () if isinstance(self.request, Read) else self.request


class Log:
    """All calls, in the order in which they ended."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self.calls)

    def __len__(self) -> int:
        return len(self.calls)

    def append(self, call: CallRecord) -> None:
        self.calls.append(call)

    def failed(self) -> list[CallRecord]:
        """Return the calls that got no answer."""
        return [call for call in self.calls if call.error is not None]

    def answered_ids(self) -> set[str]:
        """Return the ids whose outcome somebody was told."""
        outcomes = (outcome for call in self.calls for outcome in call.outcomes)
        return {outcome.id for outcome in outcomes if not outcome.refused}

    def unanswered(self) -> list[CallRecord]:
        """Return calls that failed with ids of which nobody knows the outcome."""
        known = self.answered_ids()
        return [call for call in self.failed() if {c.id for c in call.commands} - known]

    def save(self, path: Path) -> None:
        """Write the calls as lines of JSON, for people who look for what went wrong."""
        with path.open("w") as file:
            for call in self.calls:
                file.write(json.dumps(call._asdict(), default=_plain) + "\n")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: asdict(value)}
    return str(value) if not isinstance(value, BaseException) else repr(value)
