"""What the naive book is made of."""

from dataclasses import dataclass, field
from typing import NamedTuple

from faults.history.log import Totals

from yupana import Command


class NoError(Exception):
    """A reason against a command."""

    def __init__(self, reason: str, **facts: object):
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = {name: str(value) for name, value in facts.items()}


@dataclass
class Account:
    """An account and its sums."""

    floor: int | None
    ceiling: int | None
    debits: int = 0
    credits: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def totals(self) -> Totals:
        return self.debits, self.credits, self.debits_pending, self.credits_pending

    @property
    def available(self) -> int:
        return self.credits - self.debits - self.debits_pending

    @property
    def standing(self) -> int:
        return self.credits - self.debits + self.credits_pending


@dataclass
class Hold:
    """A hold and what is left of it."""

    debit: str
    credit: str
    left: int
    expires_at: int | None
    ended: str | None = None


class Moved(NamedTuple):
    """What can be reversed."""

    debit: str
    credit: str
    amount: int


@dataclass
class Done:
    """What a command did."""

    amount: int | None = None
    remaining: int | None = None
    expires_at: int | None = None
    touched: list[str] = field(default_factory=list)
    more: object = ()
    """As a row has it."""
    parts: list[Command] = field(default_factory=list)
    """What is done in further entries, which follow: legs, and what becomes of a group's holds."""
