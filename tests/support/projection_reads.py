"""Everything that can be read of a book by projections, held against the naive way."""

from collections.abc import Sequence
from random import Random

from support.databases import Database
from support.journals import execute
from support.naive import NaiveHistory, naive_history
from support.random_book import ACCOUNTS, GROUPS, LABELS, PREFIXES, RandomBook
from yupana_server.book.entries import Entry, Totals
from yupana_server.journal.account_lists import AccountLists, AccountSpan
from yupana_server.journal.effective import effective_accounts
from yupana_server.journal.entry_lines import COLUMNS
from yupana_server.journal.hold_lists import HoldLists
from yupana_server.journal.listed import ListedRow, PlainRow
from yupana_server.journal.prefixes import prefix_sums
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.transfer_lists import Span, TransferLists

FAR = 2**62
ALL = Span(FAR, 100_000)
SECOND = 1_000_000


def check_rows(rows: Sequence[ListedRow], expected: Sequence[Entry]) -> None:
    """Check that a list has just these entries."""
    for row, entry in zip(rows, expected, strict=True):
        if not isinstance(row, PlainRow):
            assert row.entry == entry
            continue
        columns = dict(zip(COLUMNS, row.columns, strict=True))
        assert (int(columns["seq"]), columns["id"]) == (entry.seq, entry.id)
        assert columns["debit_account"] == entry.debit_account
        assert (columns["code"] or None) == entry.code
        assert entry.credit_account is not None
        assert row.change(entry.credit_account) == entry.amount
        assert row.totals(entry.credit_account) == entry.credit_totals
        assert row.totals(columns["debit_account"]) == entry.debit_totals


class Reads:
    """Everything that can be read of a book's history, held against the naive way."""

    def __init__(self, database: Database, reader: JournalReader, book: int = 1):
        self.database = database
        self.reader = reader
        self.book = book
        self.lists = TransferLists(reader)
        self.holds = HoldLists(reader)
        self.accounts = AccountLists(reader)

    async def history(self) -> NaiveHistory:
        return await naive_history(self.reader, self.book, self.database.admin_url)

    async def check(self, effects: list[int]) -> None:
        # As autovacuum does within a minute: until then lists of a few thousand take seconds.
        execute(self.database.admin_url, "ANALYZE yupana.journal")
        history = await self.history()
        await self.check_tags(history)
        await self.check_lists(history)
        await self.check_holds(history)
        await self.check_sums(history)
        await self.check_effects(history, effects)

    async def check_tags(self, history: NaiveHistory) -> None:
        for code in ("sale", "fee", "none"):
            page = await self.lists.with_code(self.book, ALL, code=code)
            check_rows(page.rows, history.with_code(code))
            assert page.seq == history.seq
        for key, value in LABELS:
            page = await self.lists.with_label(self.book, ALL, key=key, value=value)
            check_rows(page.rows, history.with_label(key, value))
            span = AccountSpan("", "", 100)
            found = await self.accounts.with_label(self.book, span, key=key, value=value)
            names = [account.facts.id for account in found.items]
            assert names == history.accounts_with_label(key, value)

    async def check_lists(self, history: NaiveHistory) -> None:
        lists, book = self.lists, self.book
        pages = [
            (await lists.everything(book, ALL), history.listed()),
            (await lists.rejected(book, ALL, reason=None), history.rejected(None)),
            (await lists.rejected(book, ALL, reason=1), history.rejected(1)),
            (await lists.of_prefix(book, ALL, prefix="users:1"), history.of_prefix("users:1")),
            (await lists.of_prefix(book, ALL, prefix=""), history.of_prefix("")),
            (await lists.of_account(book, ALL, account="shop"), history.of_accounts(["shop"])),
            *[
                (await lists.of_group(book, ALL, group=group), history.of_group(group))
                for group in GROUPS
                if group
            ],
        ]
        for page, expected in pages:
            check_rows(page.rows, expected)

    async def check_holds(self, history: NaiveHistory) -> None:
        expected = list(history.open_holds())
        page = await self.holds.open(self.book, after=0, limit=100_000)
        assert [row.hold.id for row in page.rows] == expected
        loaded = await self.reader.open_holds(self.book, list(ACCOUNTS))
        assert set(loaded.facts) == set(expected)
        assert loaded.seq == history.seq
        page = await self.holds.open_of(
            self.book, ["shop", "users:1:wallet"], after=0, limit=100_000
        )
        mine = {e.hold for e in history.of_accounts(["shop", "users:1:wallet"])}
        assert [row.hold.id for row in page.rows] == [hold for hold in expected if hold in mine]

    async def check_rows(self) -> None:
        """Check what lists would not show: words that were erased, deadlines for the sweep."""
        history = await self.history()
        tagged = {
            seq
            for table in ("tags", "account_tags")
            for (seq,) in execute(
                self.database.admin_url, f"SELECT seq FROM yupana.{table} WHERE tag ~ '^label:'"
            )
        }
        assert tagged <= set(history.labels)
        deadlines = execute(
            self.database.admin_url,
            "SELECT hold, (extract(epoch FROM expires_at) * 1000000)::bigint "
            "FROM yupana.open_holds",
        )
        assert dict(deadlines) == history.open_holds()

    async def check_sums(self, history: NaiveHistory) -> None:
        for prefix in PREFIXES:
            found = await prefix_sums(self.reader, self.book, prefix)
            sums = {each.asset: (each.accounts, each.totals) for each in found.sums}
            assert sums == history.sums(prefix)
            assert found.seq == history.seq

    async def check_effects(self, history: NaiveHistory, moments: list[int]) -> None:
        for at in moments:
            found = await effective_accounts(self.reader, self.book, list(ACCOUNTS), at=at)
            assert found.seq == await self.reader.seq_at(self.book, at)
            for account in ACCOUNTS:
                past = history.recorded_at(account, at) or Totals(0, 0, 0, 0)
                debited, credited = history.posted_at(account, at)
                later = Totals(debited - past[0], credited - past[1], 0, 0)
                assert found.changes[account] == later, (account, at)


def moments(book: RandomBook, history: NaiveHistory, random: Random, count: int) -> list[int]:
    """Choose effective times of interest: those given, just before and after, and any."""
    recorded = [entry.recorded_at for entry in history.entries]
    given = random.choices(book.effects or recorded, k=count)
    between = [random.randint(min(given), recorded[-1] + SECOND) for _ in range(count)]
    return [*given, *(at - 1 for at in given), *between, *random.choices(recorded, k=count)]


def add_entries(database: Database, count: int) -> None:
    """Append entries that mean nothing, faster than a writer would."""
    execute(
        database.admin_url,
        """
        INSERT INTO yupana.journal (book, seq, epoch, format, rules, kind, id, recorded_at, hash)
        SELECT 1, seq + number, 1, 2, 2, 17, 'x' || seq + number,
            recorded_at + number * interval '1 us', sha256((seq + number)::text::bytea)
        FROM (
            SELECT seq, recorded_at FROM yupana.journal WHERE book = 1 ORDER BY seq DESC LIMIT 1
        ) newest, generate_series(1, %s) number
        """,
        count,
    )
