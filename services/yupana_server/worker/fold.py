"""Folds a book's journal page by page, from anywhere, and looks for differences.

It holds a bounded part of the book in memory. What it does not have it reads as of the last entry
that it folded, so the answer is the same however little it keeps.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from yupana_server.book.evolve import DivergedError, evolve
from yupana_server.book.state import State
from yupana_server.journal.as_of import FactsAsOf
from yupana_server.journal.audit_rows import Difference, Stand, Unreadable
from yupana_server.journal.checks import wrong_ids, wrong_words
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link, StoredEntry, chain_hash, encode
from yupana_server.worker.entries import inconsistencies, needs_of

UNREADABLE = (DivergedError, KeyError, TypeError, ValueError, OverflowError)
"""What reading, writing or folding an entry raises that does not say what it must.

Not UnknownVersionError (R10): what a later release wrote is no difference.
"""


class Fold:
    """A book as far as it is audited."""

    def __init__(self, reader: JournalReader, book: int, at: Link, stand: Stand):
        self._reader = reader
        self._book = book
        self.link = at
        """The last entry that was folded."""
        self._state = State(
            seq=stand.seq,
            recorded_at=stand.recorded_at,
            epoch=0,
            closed_before=stand.closed_before,
        )

    @property
    def facts(self) -> int:
        """How many facts it holds in memory."""
        return sum(len(known) for known in self._known)

    @property
    def _known(self) -> Sequence[dict[str, Any]]:
        state = self._state
        return (state.accounts, state.holds, state.assets, state.reversed)

    async def take(self, page: Sequence[StoredEntry]) -> list[Difference]:
        """Fold the entries that come next and return what is wrong with them."""
        await self._load(stored.entry for stored in page)
        found: list[Difference] = []
        for stored in page:
            wrong = list(self._check(stored))
            found += wrong
            if wrong:
                await self._accept(stored)
        for what, check in (("ids", wrong_ids), ("words", wrong_words)):
            beside = await check(self._reader, self._book, page)
            found += [Difference(each.seq, what, each.detail) for each in beside]
        self._tidy()
        return found

    def keep(self, facts_max: int) -> None:
        """Let go of what was not needed for longest until at most so many facts are left."""
        for known in self._known:
            excess = min(len(known), self.facts - facts_max)
            for name in list(islice(known, max(excess, 0))):
                del known[name]

    def _check(self, stored: StoredEntry) -> Iterator[Difference]:
        entry, state = stored.entry, self._state
        try:
            yield from self._check_chain(stored)
            for detail in inconsistencies(state, entry):
                yield Difference(entry.seq, "content", detail)
            evolve(state, entry)
        except DivergedError as error:
            yield Difference(entry.seq, "fold", str(error))
        except UNREADABLE as error:
            detail = f"entry {entry.seq} does not say what it must: {error!r}"
            yield Difference(entry.seq, "fold", detail)
        self.link = Link(entry.seq, stored.hash)

    def _check_chain(self, stored: StoredEntry) -> Iterator[Difference]:
        """R1: look at seq, time, epoch and hash; afterwards nothing of that keeps from folding."""
        entry, state = stored.entry, self._state
        if entry.seq != state.seq + 1:
            yield Difference(entry.seq, "gap", f"entry {entry.seq} follows entry {state.seq}")
        elif chain_hash(self.link.hash, encode(entry)) != stored.hash:
            detail = f"entry {entry.seq} does not have the hash of its content and history"
            yield Difference(entry.seq, "hash", detail)
        if entry.recorded_at <= state.recorded_at:
            detail = f"entry {entry.seq} is not later than the one before it"
            yield Difference(entry.seq, "time", detail)
        if entry.epoch < state.epoch:
            detail = f"entry {entry.seq} is of epoch {entry.epoch}, after one of {state.epoch}"
            yield Difference(entry.seq, "epoch", detail)
        state.seq, state.epoch = entry.seq - 1, entry.epoch
        state.recorded_at = min(state.recorded_at, entry.recorded_at - 1)

    def skip(self, unreadable: Unreadable) -> Difference:
        """Go on after an entry that cannot be read."""
        state, seq = self._state, unreadable.link.seq
        state.seq, state.recorded_at, state.epoch = seq, unreadable.recorded_at, unreadable.epoch
        self.link = unreadable.link
        self.keep(0)  # Nobody knows what it changed.
        return Difference(seq, "unreadable", f"entry {seq} cannot be read")

    async def _accept(self, stored: StoredEntry) -> None:
        """Go on from what an entry says that differs, so that it is said once and not for ever."""
        entry = stored.entry
        self._state.seq, self._state.recorded_at = entry.seq, entry.recorded_at
        for known, names in zip(self._known, needs_of([entry]), strict=True):
            for name in names:
                known.pop(name, None)
        await self._load([entry])

    async def _load(self, entries: Iterable[Any]) -> None:
        """Bring in what these entries need, as of the last one that was folded."""
        facts = FactsAsOf(self._reader, self._book, self._state.seq)
        loads: Any = (facts.accounts, facts.holds, facts.assets, facts.reversed_amounts)
        for known, names, load in zip(self._known, needs_of(entries), loads, strict=True):
            missing = _touch(known, names)
            try:
                known.update(await load(missing))
            except UNREADABLE:
                for name in missing:
                    known.update(await _load_one(load, name))

    def _tidy(self) -> None:
        """Let go of what the rules need and an audit does not."""
        state = self._state
        state.outcomes.clear()
        state.deadlines.clear()


async def _load_one(load: Any, name: str) -> Any:
    """Load one of several facts of which some cannot be read; such a one counts as absent."""
    try:
        return await load([name])
    except UNREADABLE:
        return {name: None}


def _touch(known: dict[str, Any], names: Iterable[str]) -> list[str]:
    """Move what is needed to the end, which is let go of last; return what is not known."""
    missing: list[str] = []
    for name in names:
        if name in known:
            known[name] = known.pop(name)
        else:
            missing.append(name)
    return missing
