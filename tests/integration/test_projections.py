"""Projections: strong reads are exact whatever is folded, and folding goes wrong in no way."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from random import Random

import psycopg
import pytest

from support.databases import Database
from support.journals import execute, verified
from support.naive import NaiveHistory, naive_history
from support.processes import FeedProcess, LedgerProcess
from support.projectors import projector_of, store_of
from support.random_book import ACCOUNTS, GROUPS, LABELS, PREFIXES, RandomBook
from support.writers import MakeWriter, send, writers
from yupana_server.book.commands import (
    CaptureHold,
    Command,
    CreateHold,
    CreateTransfer,
    OpenAccount,
    OpenAsset,
)
from yupana_server.book.entries import Totals
from yupana_server.feed.rebuild import Rebuild
from yupana_server.journal.account_lists import AccountLists, AccountSpan
from yupana_server.journal.effective import DENSE_ENTRIES, effective_accounts
from yupana_server.journal.errors import ProjectionBehindError
from yupana_server.journal.folds import TABLES
from yupana_server.journal.hold_lists import HoldLists
from yupana_server.journal.marks import LAG_MAX, Projection
from yupana_server.journal.prefixes import WIDE_ACCOUNTS, prefix_sums
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.transfer_lists import Span, TransferLists

FAR = 2**62
ALL = Span(FAR, 100_000)
SECOND = 1_000_000


@pytest.fixture
async def make_writer(database: Database) -> AsyncIterator[MakeWriter]:
    async with writers(database) as make:
        yield make


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[JournalReader]:
    reader = JournalReader(database.ledger_url, connections_max=3)
    await reader.open()
    yield reader
    await reader.close()


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
        history = await self.history()
        await self.check_tags(history)
        await self.check_lists(history)
        await self.check_holds(history)
        await self.check_sums(history)
        await self.check_effects(history, effects)

    async def check_tags(self, history: NaiveHistory) -> None:
        for code in ("sale", "fee", "none"):
            page = await self.lists.with_code(self.book, ALL, code=code)
            assert [row.entry for row in page.rows] == history.with_code(code)
            assert page.seq == history.seq
        for key, value in LABELS:
            page = await self.lists.with_label(self.book, ALL, key=key, value=value)
            assert [row.entry for row in page.rows] == history.with_label(key, value)
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
            assert [row.entry for row in page.rows] == expected

    async def check_holds(self, history: NaiveHistory) -> None:
        expected = list(history.open_holds())
        page = await self.holds.open(self.book, after=0, limit=100_000, at=0)
        assert [row.hold.id for row in page.rows] == expected
        loaded = await self.reader.open_holds(self.book, list(ACCOUNTS))
        assert set(loaded.facts) == set(expected)
        assert loaded.seq == history.seq
        page = await self.holds.open_of(
            self.book, ["shop", "users:1:wallet"], after=0, limit=100_000, at=0
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


@pytest.mark.parametrize("seed", range(3))
async def test_strong_reads_when_folded_now_and_then_then_they_are_what_the_entries_say(
    database: Database, make_writer: MakeWriter, reader: JournalReader, seed: int
) -> None:
    random, book, writer = Random(seed), RandomBook(seed), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    async with projector_of(database) as projector:
        for _ in range(6):
            await send(writer, *book.commands(random.randint(1, 120)))
            if random.random() < 0.6:
                await projector.catch_up()
                await reads.check_rows()
            if random.random() < 0.6:
                await send(writer, *book.commands(random.randint(1, 20)))
            history = await reads.history()
            await reads.check(moments(book, history, random, 4))


async def test_effective_sums_when_an_account_has_many_then_they_are_what_the_entries_say(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    random, book, writer = Random(7), RandomBook(7), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    async with projector_of(database) as projector:
        for round_ in range(5):
            await send(writer, *back_dated(random, round_, DENSE_ENTRIES * 2 // 5))
            if round_ != 3:  # What it lacks then is added by the read.
                await projector.catch_up()
            history = await reads.history()
            book.effects = [e.effective_at for e in history.entries if e.effective_at is not None]
            await reads.check_effects(history, moments(book, history, random, 6))
    [[dense]] = execute(
        database.admin_url,
        "SELECT count(*) FROM yupana.effective_sums WHERE level = 63 AND entries >= %s",
        DENSE_ENTRIES,
    )
    assert dense == 1
    [[running]] = execute(
        database.admin_url, "SELECT count(*) FROM yupana.effective_sums WHERE level = -1"
    )
    assert running == DENSE_ENTRIES * 2


def back_dated(random: Random, round_: int, count: int) -> list[CreateTransfer]:
    """Make transfers of one account, most of them days ago, some of them an instant ago."""
    now = time.time_ns() // 1000
    users = ["users:1:wallet", "users:1:savings", "users:10:wallet", "users:1", "odd::name"]
    ago = [1, 1000, SECOND, 3600 * SECOND, 24 * 3600 * SECOND]
    return [
        CreateTransfer(
            f"back:{round_}:{number}",
            *random.choice([("world", user), (user, "world")]),
            random.randint(1, 1000),
            effective_at=now - SECOND - random.choice(ago) * random.randint(0, 1000),
        )
        for number, user in enumerate(random.choices(users, k=count))
    ]


async def test_projectors_when_two_fold_at_once_then_nothing_is_folded_twice(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(11), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    async with projector_of(database) as one, projector_of(database) as other:
        for _ in range(4):
            writing = asyncio.create_task(send(writer, *book.commands(150)))
            await asyncio.gather(*(projector.catch_up() for projector in (one, other) * 3))
            await writing
        await one.catch_up()
        assert await other.poll() == 0
    await reads.check([])
    await reads.check_rows()


async def test_fold_when_two_begin_at_the_same_entry_then_one_of_them_does_it(
    database: Database, make_writer: MakeWriter
) -> None:
    book, writer = RandomBook(12), make_writer()
    await send(writer, *book.opening())
    async with projector_of(database) as projector, store_of(database) as store:
        await projector.catch_up()
        for projection in Projection:
            mark = await store.mark(1, projection, None)
            assert mark is not None
            await send(writer, *book.commands(20))
            folded = await asyncio.gather(*(store.fold(mark) for _ in range(4)))
            assert folded.count(None) == 3


async def test_feed_when_killed_again_and_again_then_projections_are_right(
    database: Database,
    make_writer: MakeWriter,
    reader: JournalReader,
    start_feed: Callable[..., FeedProcess],
) -> None:
    book, writer = RandomBook(13), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    feed = start_feed(database, environment={"YUPANA_FEED_POLL_S": "0.01"})
    for round_ in range(4):
        for _ in range(10):
            await send(writer, *book.commands(40))
        feed.kill()
        await reads.check([])
        if round_ < 3:
            feed = start_feed(database, environment={"YUPANA_FEED_POLL_S": "0.01"})
    async with projector_of(database) as projector:
        await projector.catch_up()
    await reads.check([])
    folded = execute(database.admin_url, "SELECT DISTINCT seq FROM yupana.projections")
    assert folded == [((await reads.history()).seq,)]


async def test_feed_when_told_to_stop_then_it_drains_and_the_next_one_goes_on(
    database: Database,
    make_writer: MakeWriter,
    reader: JournalReader,
    start_feed: Callable[..., FeedProcess],
) -> None:
    book, writer = RandomBook(17), make_writer()
    feed = start_feed(database)
    assert feed.serving("yupana.postgres")
    assert feed.serving("yupana.projections")
    await send(writer, *book.opening())
    assert feed.stop() == 0
    assert "fold_failed" not in feed.log()
    feed.restart()
    await send(writer, *book.commands(10))
    tail = (await Reads(database, reader).history()).seq
    async with asyncio.timeout(10):
        while execute(
            database.admin_url, "SELECT count(*) FROM yupana.projections WHERE seq = %s", tail
        ) != [(len(Projection),)]:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("projection", list(Projection))
async def test_rebuild_when_serving_and_followed_then_reads_stay_right(
    database: Database, make_writer: MakeWriter, reader: JournalReader, projection: Projection
) -> None:
    book, writer = RandomBook(19), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening(), *book.commands(300))
    told: list[tuple[int, int]] = []
    async with projector_of(database) as projector, store_of(database) as store:
        await projector.catch_up()
        rebuild = Rebuild(store, 1, projection, lambda *progress: told.append(progress))
        rebuilding = asyncio.create_task(rebuild.run())
        while not rebuilding.done():
            await reads.check([])
        assert await rebuilding == told[-1][0] == told[-1][1]
        await send(writer, *book.commands(50))
        await projector.catch_up()
    await reads.check([])
    versions = execute(
        database.admin_url,
        "SELECT version, state FROM yupana.projections WHERE projection = %s",
        projection.value,
    )
    assert versions == [(2, "live")]
    for table in TABLES[projection]:
        left = execute(database.admin_url, f"SELECT DISTINCT version FROM yupana.{table}")
        assert set(left) <= {(2,)}


async def test_rebuild_when_another_begins_later_then_that_one_goes_on(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(23), make_writer()
    await send(writer, *book.opening(), *book.commands(100))
    async with projector_of(database) as projector, store_of(database) as store:
        await projector.catch_up()

        async def interrupted() -> None:
            first = await store.begin_building(1, Projection.TAGS)
            await Rebuild(store, 1, Projection.TAGS).run()
            assert await store.mark(1, Projection.TAGS, first) is None

        await interrupted()
        await projector.catch_up()
    await Reads(database, reader).check([])
    versions = execute(
        database.admin_url,
        "SELECT version, state FROM yupana.projections WHERE projection = 'tags'",
    )
    assert versions == [(3, "live")]


async def test_r1_projections_when_the_tail_was_lost_then_reads_are_right_and_it_is_folded_again(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(29), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening(), *book.commands(200))
    async with projector_of(database) as projector:
        await projector.catch_up()
        cut_tail(database, (await reads.history()).seq - 100)
        await reads.check([])
        await send(make_writer(), *book.commands(30))  # Fewer than were lost.
        await reads.check([])
        await projector.catch_up()
        await reads.check([])
        await reads.check_rows()
        # Now the journal goes on beyond where it was, on another way.
        cut_tail(database, (await reads.history()).seq - 20)
        await send(make_writer(), *book.commands(100))
        await reads.check([])
        await projector.catch_up()
        await reads.check_rows()
    await reads.check([])
    states = execute(database.admin_url, "SELECT DISTINCT state FROM yupana.projections")
    assert states == [("live",)]
    folded = execute(database.admin_url, "SELECT DISTINCT seq FROM yupana.projections")
    assert folded == [((await reads.history()).seq,)]


def cut_tail(database: Database, after: int) -> None:
    """Lose entries, as a failover to a standby that lags would."""
    for table in ("journal", "ids", "labels"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > %s", after)


async def test_reads_when_the_projection_lacks_too_much_then_they_say_so(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(31), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening(), *book.commands(20))
    seq = (await reads.history()).seq
    async with projector_of(database) as projector:
        await projector.catch_up()
        add_entries(database, LAG_MAX)
        assert (await prefix_sums(reader, 1, "")).seq == seq + LAG_MAX
        add_entries(database, 1)
        refused = [
            lambda: prefix_sums(reader, 1, ""),
            lambda: effective_accounts(reader, 1, ["world"], at=0),
            lambda: reads.lists.with_code(1, ALL, code="sale"),
            lambda: reads.lists.with_label(1, ALL, key="k", value="v"),
            lambda: reads.holds.open(1, after=0, limit=10, at=0),
            lambda: reads.accounts.with_label(1, AccountSpan("", "", 9), key="k", value="v"),
        ]
        for read in refused:
            with pytest.raises(ProjectionBehindError, match=f"lacks {LAG_MAX + 1} entries"):
                await read()
        # What lies before the watermark is served all the same, and so is what needs no projection.
        await reads.lists.with_code(1, Span(seq + 1, 10), code="sale")
        await reads.holds.open(1, after=seq + 1, limit=10, at=0)
        await reads.reader.open_holds(1, ["world"])
        await projector.catch_up()
        for read in refused:
            await read()


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


async def test_roles_when_asked_for_each_others_work_then_refused(database: Database) -> None:
    refused = [
        (database.feed_url, "INSERT INTO yupana.ids (book, id, seq) VALUES (1, 'x', 1)"),
        (database.feed_url, "DELETE FROM yupana.journal"),
        (database.feed_url, "UPDATE yupana.books SET heartbeat = 1"),
        (database.feed_url, "DELETE FROM yupana.labels"),
        (database.ledger_url, "DELETE FROM yupana.tags"),
        (database.ledger_url, "UPDATE yupana.projections SET seq = 0"),
        (database.ledger_url, "INSERT INTO yupana.open_holds SELECT * FROM yupana.open_holds"),
    ]
    for url, statement in refused:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(url, statement)


def test_rebuild_command_when_run_then_it_tells_what_it_did(
    ledger: LedgerProcess, feed: FeedProcess, shared_database: Database
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "yupana_server.cli.main", "rebuild", *arguments]
        return subprocess.run(
            [*command, "--database-url", shared_database.feed_url],
            check=False,
            capture_output=True,
            text=True,
        )

    done = run("--all-books", "tags")
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("rebuilt tags of ") for line in done.stdout.splitlines())
    for arguments, said in (
        (["--book", "no-such-book"], "there is no book no-such-book"),
        ([], "name a book with --book, or say --all-books"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 1
        assert said in failed.stderr


async def test_prefix_sums_when_a_prefix_becomes_wide_then_they_are_what_the_entries_say(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    random, writer = Random(37), make_writer()
    reads = Reads(database, reader)
    await send(writer, OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2))
    opened: list[tuple[str, str]] = []

    def pairs(count: int) -> list[list[str]]:
        among = [name for name, asset in opened if asset == "USD"]
        return [random.sample(among, 2) for _ in range(count)]

    async with projector_of(database) as projector, store_of(database) as store:
        for round_ in range(8):
            opening = [
                (f"users:{len(opened) + number}:wallet", "EUR" if number == 7 else "USD")
                for number in range(WIDE_ACCOUNTS // 4)
            ]
            opening += [(f"shop:{round_}:{number}", "USD") for number in range(3)]
            opened += opening
            await send(writer, *(OpenAccount(f"o:{name}", name, each) for name, each in opening))
            if round_ == 2:
                await projector.catch_up()
            await send(writer, *moves(random, f"{round_}", opened))
            if round_ == 6:  # More than one page to fold, from nothing.
                plain = [CreateTransfer(f"p:{n}", *pair, 1) for n, pair in enumerate(pairs(5_100))]
                await send(writer, *plain)
                await Rebuild(store, 1, Projection.PREFIX_SUMS).run()
            elif round_ % 2:
                await projector.catch_up()
            history = await reads.history()
            for prefix in ("", "users", "users:3", "shop", "shop:1", "nobody"):
                found = await prefix_sums(reader, 1, prefix)
                sums = {each.asset: (each.accounts, each.totals) for each in found.sums}
                assert sums == history.sums(prefix)
    wide = execute(
        database.admin_url,
        "SELECT DISTINCT prefix FROM yupana.prefix_sums WHERE asset <> '' ORDER BY prefix",
    )
    assert wide == [("",), ("users",)]


def moves(random: Random, round_: str, opened: list[tuple[str, str]]) -> list[Command]:
    """Make transfers and holds between accounts of the same asset."""
    made: list[Command] = []
    for number in range(60):
        asset = random.choice(["USD", "USD", "EUR"]) if len(opened) > 40 else "USD"
        debit, credit = random.sample([name for name, each in opened if each == asset], 2)
        kind = random.choice([CreateTransfer, CreateTransfer, CreateHold])
        made.append(kind(f"{round_}:{number}", debit, credit, random.randint(1, 99)))
    return [*made, CaptureHold(f"{round_}:capture", f"{round_}:7", 1)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM yupana.open_holds WHERE hold = '0:hold'", "open_holds differs"),
        ("UPDATE yupana.prefix_sums SET accounts = accounts + 1", "prefix_sums has"),
        ("UPDATE yupana.prefix_sums SET debits_pending = 7 WHERE asset <> ''", "prefix_sums has"),
    ],
)
async def test_verify_when_a_projection_is_not_what_the_journal_gives_then_it_says_so(
    database: Database, make_writer: MakeWriter, damage: str, said: str
) -> None:
    writer = make_writer()
    opened = [(f"users:{number}:wallet", "USD") for number in range(WIDE_ACCOUNTS)]
    opened += [(f"users:{number}:euros", "EUR") for number in range(3)]
    await send(writer, OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2))
    await send(writer, *(OpenAccount(f"o:{name}", name, asset) for name, asset in opened))
    await send(writer, CreateHold("0:hold", opened[0][0], opened[1][0], 5))
    async with projector_of(database) as projector:
        await projector.catch_up()
    await send(writer, *moves(Random(43), "1", opened))  # Not folded.
    await verified(database.ledger_url, "b")
    execute(database.admin_url, damage)
    with pytest.raises(AssertionError, match=said):
        await verified(database.ledger_url, "b")
