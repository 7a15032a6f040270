"""Holds what a feed told against the journal: everything, in order, twice only after a fault."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from faults.history.journal import Journal, Row


class Told(NamedTuple):
    """An event as somebody heard it."""

    seq: int
    id: str
    subject: str


class Posted(NamedTuple):
    """An event as a receiver of webhooks was sent it, and when by `time.monotonic()`."""

    event: Told
    at: float
    taken: bool
    """Whether the receiver answered that it has it, in time and to the end of the answer."""


def told_wrongly(journal: Journal, told: Sequence[Told], *, after: int = 0) -> Iterator[str]:
    """Yield what is wrong with all that a subscriber was told of the entries behind `after`."""
    seqs = [event.seq for event in told]
    for earlier, later in pairwise([after, *seqs]):
        if later != earlier + 1:
            yield f"a subscriber was told {later} after {earlier}"
    if (newest := journal.rows[-1].seq) > (last := max(seqs, default=after)):
        yield f"a subscriber was told nothing beyond {last} of {newest}"
    yield from _unlike(journal, told)


def posted_wrongly(
    journal: Journal,
    posted: Sequence[Posted],
    *,
    prefixes: tuple[str, ...],
    faults: Sequence[tuple[float, float]],
) -> Iterator[str]:
    """Yield what is wrong with what was posted, in the order in which it came.

    An endpoint wants what happens to accounts whose ids begin with one of `prefixes`, each
    account's events in order. `faults` are from when to when feeds were away.
    """
    if missing := not_taken(journal, posted, prefixes):
        yield f"{len(missing)} events never came to be taken, such as {missing[:5]}"
    yield from _unlike(journal, [each.event for each in posted])
    yield from _out_of_order(journal, posted, prefixes)
    yield from _repeated(posted, faults)


def not_taken(journal: Journal, posted: Sequence[Posted], prefixes: tuple[str, ...]) -> list[int]:
    """Return the entries that an endpoint wants and has not taken."""
    taken = {each.event.seq for each in posted if each.taken}
    return [row.seq for row in journal.rows if _accounts(row, prefixes) and row.seq not in taken]


def _unlike(journal: Journal, told: Iterable[Told]) -> Iterator[str]:
    rows = {row.seq: row for row in journal.rows}
    for event in told:
        row = rows.get(event.seq)
        if row is None:
            yield f"{event} was told, and there is no such entry"
        elif (event.id, event.subject) != (f"{row.place[0]}-{row.seq}", row.id):
            yield f"{event} was told of entry {row.seq}, which is {row.id}"


def _out_of_order(
    journal: Journal, posted: Sequence[Posted], prefixes: tuple[str, ...]
) -> Iterator[str]:
    rows = {row.seq: row for row in journal.rows}
    newest: defaultdict[str, int] = defaultdict(int)
    seen: set[int] = set()
    for seq in (each.event.seq for each in posted):
        if seq in seen or seq not in rows:
            continue
        seen.add(seq)
        for account in _accounts(rows[seq], prefixes):
            if seq < newest[account]:
                yield f"of {account} {seq} came for the first time after {newest[account]}"
            newest[account] = max(newest[account], seq)


def _repeated(posted: Sequence[Posted], faults: Sequence[tuple[float, float]]) -> Iterator[str]:
    before: dict[int, Posted] = {}
    for each in posted:
        earlier = before.get(each.event.seq)
        before[each.event.seq] = each
        if earlier is None or not earlier.taken:
            continue
        if not any(earlier.at <= end and begin <= each.at for begin, end in faults):
            yield f"{each.event} came again, and nothing had gone wrong"


def _accounts(row: Row, prefixes: tuple[str, ...]) -> set[str]:
    named = (row.debit, row.credit, row.account)
    return {account for account in named if account is not None and account.startswith(prefixes)}
