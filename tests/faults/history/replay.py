"""Does what the journal says was done once more, in the naive book, and compares every entry."""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

from faults.history.asked import Asked, asked_by_id, records
from faults.history.journal import Journal, Row
from faults.history.log import Log, Totals
from faults.history.naive import NaiveBook
from faults.history.naive_state import Done, NoError
from faults.history.report import Report

from yupana import Command

EXPIRY = "_expiry:"


class Replay:
    """What the entries and the callers' wishes give."""

    def __init__(self, log: Log, journal: Journal, report: Report):
        self.recorded: dict[str, Asked] = {}
        """What was asked that the entry of each id records, as the first call had it."""
        self._report = report
        self._asked = asked_by_id(log)
        self._book = NaiveBook()
        self._parts: deque[tuple[Command, int]] = deque()
        """What has to follow, and the time that it was decided for."""
        self._balances: defaultdict[str, tuple[list[int], list[Totals]]]
        self._balances = defaultdict(lambda: ([], []))
        for row in journal.rows:
            self._find(row)
        for unit in units(journal.rows):
            self._take(unit)
        self._check_complete()
        self._check_sums()

    def balance_at(self, account: str, seq: int) -> Totals | None:
        """Return an account's totals after an entry; None before it was opened."""
        seqs, totals = self._balances[account]
        place = bisect_right(seqs, seq)
        return totals[place - 1] if place else None

    def asked_for(self, id_: str) -> Sequence[Asked]:
        """Return what was asked under an id."""
        return self._asked.get(id_, [])

    def _find(self, row: Row) -> None:
        """Find who asked for what the entry records."""
        if row.id.startswith(EXPIRY) or is_part(row):
            return
        mine = [asked for asked in self.asked_for(row.id) if records(row, asked)]
        able = [asked for asked in mine if asked.may_be_recorded]
        if able:
            self.recorded[row.id] = min(able, key=lambda asked: asked.call.began)
        elif mine:
            self._report.wrong(f"entry {row.seq} records {row.id}, which callers were told is not")
        else:
            self._report.double(f"entry {row.seq} records {row.id}, which nobody asked for so")

    def _take(self, unit: Sequence[Row]) -> None:
        own = [row for row in unit if row.kind != "expiry" and not is_part(row)]
        if any(row.id not in self.recorded for row in own):
            return  # Said already.
        if len(unit) > 1 and unit[-1].reason is not None:
            self._take_failed_chain(unit)
            return
        for row in unit:
            self._compare(row, *self._outcome(self._book, row))

    def _outcome(self, book: NaiveBook, row: Row) -> tuple[Done | None, NoError | None]:
        try:
            if row.kind == "expiry":
                return book.expire(row.id.removeprefix(EXPIRY), row.recorded_at), None
            if is_part(row):
                return book.execute(*self._part(row)), None
            return book.execute(self.recorded[row.id].command, row.recorded_at), None
        except NoError as no:
            book.reject(row.id)
            return None, no

    def _part(self, row: Row) -> tuple[Command, int]:
        if not self._parts or self._parts[0][0].id != row.id:
            raise NoError("that it is part of nothing that was decided")
        return self._parts.popleft()

    def _take_failed_chain(self, unit: Sequence[Row]) -> None:
        """One member must fail; the others fail because of it, and nothing changes."""
        expired = [row for row in unit if row.kind == "expiry"]
        for row in expired:
            self._compare(row, *self._outcome(self._book, row))
        members = [row for row in unit if row.kind != "expiry" and not is_part(row)]
        if len(members) + len(expired) < len(unit):
            self._report.wrong(f"some of the chain of {members[0].id}, which failed, was done")
        book = self._book.copy_for([self.recorded[row.id].command for row in members])
        culprit: tuple[Row, NoError] | None = None
        for row in members:
            if culprit is None and (no := self._failure(book, row)) is not None:
                culprit = row, no
        if culprit is None:
            self._report.wrong(f"the chain of {members[0].id} failed without a reason")
            return
        failed, no = culprit
        linked = NoError("LINKED_FAILED", failed_id=failed.id)
        for row in members:
            self._book.reject(row.id)
            self._compare(row, None, no if row is failed else linked)

    def _failure(self, book: NaiveBook, row: Row) -> NoError | None:
        """Return what speaks against a member of a chain or one of its parts."""
        done, no = self._outcome(book, row)
        try:
            for part in done.parts if done is not None else ():
                book.execute(part, row.recorded_at)
        except NoError as part_no:
            return part_no
        return no

    def _compare(self, row: Row, done: Done | None, no: NoError | None) -> None:
        for difference in self._differences(row, done, no):
            self._report.wrong(f"entry {row.seq} ({row.kind} {row.id}): {difference}")
        if not is_part(row):
            self._check_complete()
        if done is not None:
            self._parts += [(part, row.recorded_at) for part in done.parts]
        for account in done.touched if done is not None else ():
            seqs, totals = self._balances[account]
            seqs.append(row.seq)
            totals.append(self._book.accounts[account].totals)

    def _differences(self, row: Row, done: Done | None, no: NoError | None) -> Iterator[str]:
        if no is not None:
            if row.reason != no.reason:
                yield f"was decided as {row.reason}, the rules say {no.reason} {no.facts}"
            else:
                yield from _unlike(row.facts, no.facts)
            return
        assert done is not None
        if row.reason is not None:
            yield f"was rejected as {row.reason}, nothing speaks against it"
            return
        said = (row.amount, row.remaining, row.expires_at, row.more)
        rules = (done.amount, done.remaining, done.expires_at, done.more)
        if said != rules and row.kind != "account":
            yield f"says {said}, the rules {rules}"
        for name, totals in ((row.debit, row.debit_totals), (row.credit, row.credit_totals)):
            mine = self._book.accounts[name].totals if name is not None else None
            if totals != mine:
                yield f"leaves {name} at {totals}, the sum of what was done is {mine}"
        overdue = self._book.overdue(done.touched, row.recorded_at)
        if overdue and row.kind != "expiry" and not is_part(row):
            yield f"was decided before {overdue} expired, whose time had come"

    def _check_complete(self) -> None:
        """Legs and members follow at once."""
        if self._parts:
            self._report.wrong(f"the entry of {self._parts[0][0].id} is not where it must be")
            self._parts.clear()

    def _check_sums(self) -> None:
        accounts = self._book.accounts.values()
        posted = sum(account.credits - account.debits for account in accounts)
        pending = sum(account.credits_pending - account.debits_pending for account in accounts)
        if posted or pending:
            self._report.wrong(f"credits less debits are {posted} posted, {pending} pending, not 0")


def is_part(row: Row) -> bool:
    """Tell whether it is a leg of a payment, or what became of a hold with its group."""
    return row.payment is not None


def units(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield entries that stand alone, and chains whole, with what expired in the midst of them."""
    unit: list[Row] = []
    for row in rows:
        begins = row.chain is None or row.chain[1] == 1
        if unit and begins and row.kind != "expiry" and not is_part(row):
            yield unit  # The chain has no end: its members are compared as they are.
            unit = []
        unit.append(row)
        chain = next((each.chain for each in reversed(unit) if each.chain is not None), None)
        if chain is None or (row.chain is not None and chain[1] == chain[2]):
            yield unit
            unit = []
    if unit:
        yield unit


def _unlike(said: Mapping[str, str], facts: Mapping[str, str]) -> Iterator[str]:
    for name, value in facts.items():
        if said.get(name) != value:
            yield f"gives {name} as {said.get(name)}, the rules {value}"
