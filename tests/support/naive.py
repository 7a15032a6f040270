"""A book's history recomputed from its entries, in the plainest way, to compare reads with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from support.journals import execute
from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry, Totals
from yupana_server.journal.reads import JournalReader

POSTED = {Kind.TRANSFER, Kind.CAPTURE, Kind.REVERSAL, Kind.LEG}
LISTED = POSTED | {Kind.HOLD, Kind.RELEASE, Kind.HOLD_UPDATE, Kind.EXPIRY, Kind.PAYMENT}


class NaiveHistory:
    """All entries of a book, and the labels that were not erased."""

    def __init__(self, entries: Sequence[Entry], labels: Mapping[int, Mapping[str, str]]):
        self.entries = entries
        self.labels = labels

    @property
    def seq(self) -> int:
        return self.entries[-1].seq if self.entries else 0

    def listed(self) -> list[Entry]:
        return [entry for entry in reversed(self.entries) if entry.kind in LISTED]

    def with_code(self, code: str) -> list[Entry]:
        return [entry for entry in self.listed() if entry.code == code]

    def with_label(self, key: str, value: str) -> list[Entry]:
        return [e for e in self.listed() if self.labels.get(e.seq, {}).get(key) == value]

    def rejected(self, reason: int | None) -> list[Entry]:
        rejected = [entry for entry in self.listed() if entry.reason is not None]
        return [entry for entry in rejected if reason in (None, entry.reason)]

    def of_accounts(self, accounts: Iterable[str]) -> list[Entry]:
        wanted = set(accounts)
        return [e for e in self.listed() if e.reason is None and wanted & set(_sides(e))]

    def of_prefix(self, prefix: str) -> list[Entry]:
        return self.of_accounts(a for a in self.accounts() if a.startswith(prefix))

    def of_group(self, group: str) -> list[Entry]:
        holds = {e.hold for e in self.done() if e.kind == Kind.HOLD and e.group == group}
        return [e for e in self.listed() if e.reason is None and e.hold in holds]

    def done(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.reason is None]

    def accounts(self) -> dict[str, Entry]:
        opened = [entry for entry in self.done() if entry.kind == Kind.OPEN_ACCOUNT]
        return {entry.account or "": entry for entry in opened}

    def accounts_with_label(self, key: str, value: str) -> list[str]:
        opened = sorted(self.accounts().items())
        return [a for a, e in opened if self.labels.get(e.seq, {}).get(key) == value]

    def open_holds(self) -> dict[str, int | None]:
        """Return the deadlines of open holds, in the order of their creation."""
        created = [entry.hold for entry in self.done() if entry.kind == Kind.HOLD]
        newest = {entry.hold: entry for entry in self.done()}
        return {h: newest[h].hold_expires_at for h in created if h and newest[h].hold_remaining}

    def sums(self, prefix: str) -> dict[str, tuple[int, Totals]]:
        """Return accounts and totals by asset of what begins with the prefix and a colon."""
        found: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 5)
        for entry in self.done():
            opened = [entry.account] if entry.kind == Kind.OPEN_ACCOUNT else []
            posted = entry.amount or 0 if entry.kind in POSTED else 0
            pending = entry.hold_change or 0
            sides = zip(_sides(entry), ((1, 3), (2, 4)), strict=True)
            for account in opened:
                found[entry.asset or ""][0] += _under(account or "", prefix)
            for account, (of_posted, of_pending) in sides:
                if account is not None and _under(account, prefix):
                    found[entry.asset or ""][of_posted] += posted
                    found[entry.asset or ""][of_pending] += pending
        return {asset: (n[0], Totals(*n[1:])) for asset, n in found.items() if n[0]}

    def posted_at(self, account: str, at: int) -> tuple[int, int]:
        """Return what was debited and credited by an effective time."""
        debited = credited = 0
        for entry in self.done():
            if entry.kind in POSTED and effect(entry) <= at:
                debited += (entry.amount or 0) * (entry.debit_account == account)
                credited += (entry.amount or 0) * (entry.credit_account == account)
        return debited, credited

    def recorded_at(self, account: str, at: int) -> Totals | None:
        """Return the totals of an account as its newest entry by a time carries them."""
        totals = None
        for entry in self.done():
            if entry.recorded_at <= at and account in _sides(entry):
                mine = entry.debit_account == account
                totals = entry.debit_totals if mine else entry.credit_totals
        return totals

    def by_effect(self, account: str) -> list[Entry]:
        mine = [e for e in self.done() if e.kind in POSTED and account in _sides(e)]
        return sorted(mine, key=lambda entry: (effect(entry), entry.seq))


def effect(entry: Entry) -> int:
    return entry.recorded_at if entry.effective_at is None else entry.effective_at


def _sides(entry: Entry) -> tuple[str | None, str | None]:
    return entry.debit_account, entry.credit_account


def _under(account: str, prefix: str) -> bool:
    return not prefix or account.startswith(f"{prefix}:")


async def naive_history(reader: JournalReader, book: int, url: str) -> NaiveHistory:
    """Read all entries of a book, and the labels that are there."""
    entries: list[Entry] = []
    while page := await reader.entries(book, after=len(entries), limit=10_000):
        entries += [stored.entry for stored in page]
    rows = execute(url, "SELECT seq, labels FROM yupana.labels WHERE book = %s", book)
    return NaiveHistory(entries, {int(str(row[0])): dict(row[1]) for row in rows})  # type: ignore[call-overload]
