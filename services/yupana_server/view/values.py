"""How accounts are written in Redis: as texts, in fields that change at different times.

Words are not among them. What was erased would have to be erased from Redis too, from its replicas
and its dumps; so labels are read from the database, where they are erased with their entry.
"""

import json
from functools import lru_cache
from typing import NamedTuple

from yupana_server.book.asked import windows_of
from yupana_server.book.commands import NormalSide
from yupana_server.book.entries import ZERO, Totals, Usage
from yupana_server.book.evolve import read_usage
from yupana_server.book.state import Account, AccountFacts


class Value(NamedTuple):
    """An account as its fields have it. In a change, an empty field stays as it is."""

    seq: int
    """The newest entry that changed the account; 0 for one that is not open."""
    facts: str
    """Empty for an account that is not open."""
    totals: str
    usage: str


NOT_OPEN = Value(0, "", "", "")
FACTS_KEPT = 16_384
"""So many facts are kept as they were read, about 1 kB each: they change seldom, and reading them
is most of the work, 6 of 8 us."""

NO_TOTALS = "0 0 0 0"


def write(account: Account | None) -> Value:
    """Write an account, or that there is none."""
    if account is None:
        return NOT_OPEN
    return Value(
        account.last_seq,
        write_facts(account.facts),
        " ".join(map(str, account.totals)),
        write_usage(account.usage),
    )


def read(seq: bytes, facts: bytes, totals: bytes, usage: bytes) -> Account | None:
    """Read an account; None for one that is not open.

    Raises:
        ValueError, TypeError, RecursionError: This was not written by `write`.
    """
    if not facts:
        return None
    spent = ZERO if totals == b"0 0 0 0" else Totals._make(map(int, totals.split()))
    used: Usage = () if usage == b"[]" else read_usage(json.loads(usage)) or ()
    return Account(_read_facts(facts), spent, int(seq), used)


def write_facts(facts: AccountFacts) -> str:
    """Write the facts of an account."""
    return json.dumps(facts, separators=(",", ":"))


def write_usage(usage: Usage) -> str:
    """Write what is used of windows."""
    return json.dumps(usage, separators=(",", ":")) if usage else "[]"


@lru_cache(maxsize=FACTS_KEPT)
def _read_facts(text: bytes) -> AccountFacts:
    facts = AccountFacts._make(json.loads(text))
    return facts._replace(
        normal_side=NormalSide(facts.normal_side), windows=windows_of(facts.windows)
    )
