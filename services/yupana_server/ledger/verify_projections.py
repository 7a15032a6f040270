"""Holds projections against the entries that they are folded from."""

from collections import defaultdict
from collections.abc import Iterator

from yupana_server.book.commands import Kind
from yupana_server.book.entries import ZERO, Entry, Totals
from yupana_server.journal.points import BookRow
from yupana_server.journal.projection_rows import ProjectionRows, projection_rows
from yupana_server.journal.reads import JournalReader

Sums = dict[tuple[str, str], tuple[int, Totals]]


class ProjectionCheck:
    """Takes the entries of a book in order; compares when it comes to where a projection stands."""

    def __init__(self, rows: ProjectionRows):
        self._rows = rows
        self._assets: dict[str, str] = {}
        self._totals: dict[str, Totals] = {}
        self._open: set[str] = set()

    @classmethod
    async def begin(cls, reader: JournalReader, book: BookRow) -> "ProjectionCheck":
        """Read what the projections say now."""
        return cls(await projection_rows(reader, book.number))

    @property
    def seq(self) -> int:
        """The last entry that has to be taken."""
        return max(self._rows.holds_seq, self._rows.sums_seq)

    def take(self, entry: Entry) -> Iterator[str]:
        """Take the next entry; returns what differs, in words."""
        if entry.reason is None:
            self._fold(entry)
        if entry.seq == self._rows.holds_seq and self._open != self._rows.holds:
            different = sorted(self._open ^ self._rows.holds)
            yield f"open_holds differs from the journal at {entry.seq}, first in {different[0]}"
        if entry.seq == self._rows.sums_seq:
            sums = self._sums()
            for key in sorted(self._rows.sums):
                if sums.get(key) != self._rows.sums[key]:
                    yield (
                        f"prefix_sums has {self._rows.sums[key]} for {key} at {entry.seq}, "
                        f"the journal gives {sums.get(key)}"
                    )

    def _fold(self, entry: Entry) -> None:
        if entry.kind == Kind.OPEN_ACCOUNT and entry.account and entry.asset:
            self._assets[entry.account] = entry.asset
        for account, totals in (
            (entry.debit_account, entry.debit_totals),
            (entry.credit_account, entry.credit_totals),
        ):
            if account is not None and totals is not None:
                self._totals[account] = totals
        if entry.hold is not None:
            (self._open.add if entry.hold_remaining else self._open.discard)(entry.hold)

    def _sums(self) -> Sums:
        """Sum up all accounts under the prefixes that have sums."""
        prefixes = {prefix for prefix, _ in self._rows.sums}
        counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        totals: defaultdict[tuple[str, str], Totals] = defaultdict(lambda: ZERO)
        for account, asset in self._assets.items():
            for prefix in _prefixes(account):
                if prefix in prefixes:
                    counts[prefix, asset] += 1
                    mine = self._totals.get(account, ZERO)
                    both = zip(totals[prefix, asset], mine, strict=True)
                    totals[prefix, asset] = Totals(*(some + more for some, more in both))
        return {key: (count, totals[key]) for key, count in counts.items()}


def _prefixes(account: str) -> Iterator[str]:
    yield ""
    for place, character in enumerate(account):
        if character == ":":
            yield account[:place]
