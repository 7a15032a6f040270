"""Holds a book's journal against the pure heart: nothing in it may be taken on trust."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from yupana_server.book.audit import Auditor, target_of, whole_state
from yupana_server.book.evolve import DivergedError, UnknownVersionError
from yupana_server.journal.checks import wrong_ids, wrong_words
from yupana_server.journal.points import BookRow
from yupana_server.journal.projection_rows import NO_ROWS
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import StoredEntry, chain_hash, encode, genesis
from yupana_server.ledger.verify_projections import ProjectionCheck

PAGE_ENTRIES = 5_000

DIFFERENCES_MAX = 100
"""After so many there is no use in going on."""


@dataclass
class Findings:
    """What a verification saw."""

    book: str
    entries: int = 0
    posted: int = 0
    rejected: int = 0
    accounts: int = 0
    sums: dict[str, int] = field(default_factory=dict)
    """Credits less debits over all accounts, by asset: each must be zero."""
    differences: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the book balances and its history is whole."""
        return not self.differences


class Verifier:
    """Folds a book's journal from its first entry and looks for differences."""

    def __init__(self, reader: JournalReader, book: BookRow, progress: Callable[[int], None]):
        self._reader = reader
        self._book = book
        self._progress = progress
        self._state = whole_state()
        self._auditor = Auditor(self._state)
        self._hash = genesis(book.id).hash
        self._seqs: dict[str, int] = {}
        self._projections = ProjectionCheck(NO_ROWS)
        self.findings = Findings(book.id)

    async def run(self) -> Findings:
        """Fold everything that was recorded up to now and compare.

        Checked: no gap in seq, time strictly increasing, the hash chain, every balance that an
        entry carries, that every outcome is what the rules give, one entry an id, the ids table,
        the words' seals, that debits equal credits in every asset, and what projections say of open
        holds and sums.
        """
        self._projections = await ProjectionCheck.begin(self._reader, self._book)
        # Projections may have come further since the book was looked up.
        self._book = self._book._replace(seq=max(self._book.seq, self._projections.seq))
        async for page in self._pages():
            await self._load_targets(page)
            for stored in page:
                self._check_entry(stored)
                if len(self.findings.differences) >= DIFFERENCES_MAX:
                    return self.findings
            for check in (wrong_ids, wrong_words):
                for beside in await check(self._reader, self._book.number, page):
                    self._differs(beside.detail)
            self._progress(self.findings.entries)
        self.findings.differences.extend(self._auditor.end())
        await self._check_no_strays()
        self._check_conservation()
        return self.findings

    async def _pages(self) -> AsyncIterator[list[StoredEntry]]:
        after = 0
        while after < self._book.seq:
            page = await self._reader.entries(self._book.number, after=after, limit=PAGE_ENTRIES)
            page = [stored for stored in page if stored.entry.seq <= self._book.seq]
            if not page:
                self._differs(f"the journal ends at {after}, before {self._book.seq}")
                return
            after = page[-1].entry.seq
            yield page

    def _check_entry(self, stored: StoredEntry) -> None:
        entry = stored.entry
        self.findings.entries += 1
        if entry.reason is None:
            self.findings.posted += 1
        else:
            self.findings.rejected += 1
        if entry.id in self._seqs:
            self._differs(f"{entry.id} is recorded at {self._seqs[entry.id]} and {entry.seq}")
        self._seqs[entry.id] = entry.seq
        if chain_hash(self._hash, encode(entry)) != stored.hash:
            self._differs(f"entry {entry.seq} does not have the hash of its content and history")
        self._hash = stored.hash
        self.findings.differences.extend(self._projections.take(entry))
        try:
            self.findings.differences.extend(self._auditor.take(entry))
        except (DivergedError, UnknownVersionError) as error:
            self._differs(str(error))
            self._auditor.skip(entry)
        except (KeyError, TypeError, ValueError) as error:
            self._differs(f"entry {entry.seq} does not say what it must: {error!r}")
            self._auditor.skip(entry)

    async def _load_targets(self, page: list[StoredEntry]) -> None:
        """Bring in the outcomes that entries of the page refer to, and let go of all others."""
        self._state.outcomes.clear()
        entries = [*self._auditor.unit, *(stored.entry for stored in page)]
        targets = {target for entry in entries if (target := target_of(entry)) is not None}
        for stored in await self._reader.entries_at(
            self._book.number, await self._seqs_of(targets)
        ):
            if stored.entry.seq < entries[0].seq:
                self._state.outcomes[stored.entry.id] = stored.entry

    async def _seqs_of(self, ids: set[str]) -> list[int]:
        return list((await self._reader.ids(self._book.number, list(ids))).values()) if ids else []

    async def _check_no_strays(self) -> None:
        count = await self._reader.ids_count(self._book.number, up_to=self._book.seq)
        if count != self.findings.entries:
            self._differs(f"ids has {count} rows for {self.findings.entries} entries")

    def _check_conservation(self) -> None:
        sums: defaultdict[str, int] = defaultdict(int)
        pending: defaultdict[str, int] = defaultdict(int)
        for account in self._state.accounts.values():
            if account is not None:
                self.findings.accounts += 1
                totals = account.totals
                sums[account.facts.asset] += totals.balance
                pending[account.facts.asset] += totals.credits_pending - totals.debits_pending
        self.findings.sums = dict(sums)
        for asset in sums:
            if sums[asset] or pending[asset]:
                self._differs(f"credits less debits of {asset} are {sums[asset]}, not 0")

    def _differs(self, difference: str) -> None:
        self.findings.differences.append(difference)
