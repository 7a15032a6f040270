"""Grants: what a key may do, and whether that covers what a call needs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

ALL_BOOKS = "*"


class Action(StrEnum):
    """A kind of thing that a key may do; see `yupana.access.v1.Action`."""

    READ = "read"
    WRITE = "write"
    HOLD = "hold"
    LIMITS = "limits"
    FORCE = "force"
    ADMIN = "admin"


class Grant(NamedTuple):
    """Allows actions in a book or all, on accounts that begin so."""

    book: str
    prefix: str
    actions: frozenset[Action]

    def covers(self, other: "Grant") -> bool:
        """Tell whether whoever administers all of this also administers the other one."""
        books = self.book in (ALL_BOOKS, other.book)
        return books and other.prefix.startswith(self.prefix)


class Need(NamedTuple):
    """What a call needs."""

    action: Action
    accounts: Sequence[str] = ()
    """Accounts, or beginnings of their ids, that have to be covered all; with neither these nor
    commands the whole book has to be."""
    commands: Sequence[str] = ()
    """Commands whose accounts have to be covered all."""


class Scope:
    """What a key may do in one book."""

    def __init__(self, grants: Iterable[Grant]):
        whole: set[Action] = set()
        self._prefixes: dict[Action, tuple[str, ...]] = {}
        for grant in grants:
            for action in grant.actions:
                if grant.prefix:
                    known = self._prefixes.get(action, ())
                    self._prefixes[action] = (*known, grant.prefix)
                else:
                    whole.add(action)
        self.whole = frozenset(whole)
        """What is allowed on all accounts, and on what concerns none."""

    def __bool__(self) -> bool:
        """Whether it allows anything."""
        return bool(self.whole or self._prefixes)

    def covers(self, action: Action, account: str) -> bool:
        """Tell whether the action is allowed on an account, or on all that begin so."""
        return action in self.whole or account.startswith(self._prefixes.get(action, ()))

    def some(self, action: Action) -> bool:
        """Tell whether the action is allowed on anything."""
        return action in self.whole or action in self._prefixes


def scope(grants: Sequence[Grant], book: str) -> Scope:
    """Return what grants allow in a book; in what concerns no single one for ALL_BOOKS."""
    return Scope(grant for grant in grants if grant.book in (ALL_BOOKS, book))


def read_grants(stored: Iterable[Mapping[str, Any]]) -> tuple[Grant, ...]:
    """Read grants as they are stored."""
    return tuple(
        Grant(
            each["book"],
            each.get("accountPrefix", ""),
            frozenset(
                Action(name.removeprefix("ACTION_").lower()) for name in each.get("actions", ())
            ),
        )
        for each in stored
    )
