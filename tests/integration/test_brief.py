"""Brief appends: few entries, one message, and nothing recorded that is not as it was known."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from support.databases import Database
from support.journals import count_entries, execute, verified
from support.proxy import Proxy
from support.writers import MakeWriter, locked, open_accounts, reasons, send
from yupana_server.book.commands import CreateHold, CreateTransfer, Deadline, Kind, Words
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.rejections import Reason
from yupana_server.journal.append import Appender
from yupana_server.journal.brief import DATABASE_SKEW_MAX_US, DECISION_AGE_MAX_US, ENTRIES_MAX
from yupana_server.journal.encoding import encode_batch
from yupana_server.journal.errors import ConflictError, StuckError
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link, genesis
from yupana_server.ledger.clock import wall_clock

SECOND_US = 1_000_000


class Book:
    """A book with one entry, and the connection that appends to it."""

    def __init__(self, row: BookRow, appender: Appender, reader: JournalReader):
        self.row = row
        self.appender = appender
        self.reader = reader
        self.link = genesis(row.id)

    async def begin(self) -> None:
        """Append the first entry by the way that all others may take."""
        batch = encode_batch(self.row.number, self.link, [self.entry("first")])
        await self.appender.begin(0, 5)
        await self.appender.commit(batch, 5)
        self.link = batch.end

    def entry(self, id_: str, place: int = 1) -> Entry:
        """Return a transfer that comes so many places after the last entry."""
        seq = self.link.seq + place
        totals = Totals(seq, 0, 0, 0)
        return Entry(
            seq, wall_clock(), Kind.TRANSFER, id_, None, None, "a", "b", 1, "USD", totals, totals
        )

    async def append(
        self,
        *entries: Entry,
        after: Link | None = None,
        decided_us_ago: int = 0,
        clock_ahead_us: int = 0,
    ) -> bool:
        """Append briefly; `clock_ahead_us` tells how far ahead the clock is as it is sent."""
        batch = encode_batch(self.row.number, after or self.link, entries)
        now = wall_clock()
        recorded = await self.appender.append_briefly(
            batch,
            decided_at=now - decided_us_ago,
            sent_at=now + clock_ahead_us,
            timeout_s=5,
        )
        if recorded:
            self.link = batch.end
        return recorded

    async def entries(self) -> Sequence[Entry]:
        """Return what the journal holds after the first entry."""
        rows = await self.reader.entries(self.row.number, after=1, limit=100)
        return [row.entry for row in rows]


@pytest.fixture
async def book(database: Database) -> AsyncIterator[Book]:
    reader = JournalReader(database.ledger_url, connections_max=2)
    await reader.open()
    await reader.create_book("b")
    row = await reader.book("b")
    assert row is not None
    appender = await Appender.open(database.ledger_url, row.number)
    made = Book(row, appender, reader)
    await made.begin()
    yield made
    await appender.close()
    await reader.close()


def last_append(database: Database) -> str:
    """Return the last statement of the connection that appends."""
    ((query,),) = execute(
        database.admin_url,
        "SELECT query FROM pg_stat_activity WHERE application_name = 'yupana-append' "
        "AND datname = current_database()",
    )
    return str(query)


async def test_brief_when_nothing_speaks_against_it_then_entries_are_as_copy_writes_them(
    book: Book,
) -> None:
    odd = book.entry("odd", 2)._replace(
        actor="o'brien\\t\t\n\r\\",
        trace_id=bytes(range(16)),
        sealed_words=bytes(range(32)),
        facts={"what": 'it\'s "\\" \\N \u2028'},
        reason=Reason.ACCOUNT_NOT_FOUND,
        amount=2**128 - 1,
        effective_at=wall_clock() - SECOND_US,
    )
    entries = [book.entry("plain"), odd, book.entry("last", 3)]
    assert await book.append(*entries)
    assert await book.entries() == entries
    copied = [entry._replace(seq=entry.seq + 3, id=f"{entry.id}-copied") for entry in entries]
    batch = encode_batch(book.row.number, book.link, copied)
    await book.appender.begin(book.link.seq, 5)
    await book.appender.commit(batch, 5)
    assert await book.entries() == [*entries, *copied]


async def test_r1_brief_when_the_entry_before_has_another_hash_then_nothing_is_recorded(
    book: Book,
) -> None:
    assert not await book.append(book.entry("t"), after=Link(book.link.seq, bytes(32)))
    assert not await book.append(book.entry("t", 2), after=Link(book.link.seq + 1, bytes(32)))
    assert await book.entries() == []


async def test_r4_brief_when_others_were_first_then_nothing_is_recorded(book: Book) -> None:
    stale = book.link
    before = book.entry("t1"), book.entry("t2", 2)
    assert await book.append(book.entry("others"))
    assert not await book.append(*before, after=stale)
    assert [entry.id for entry in await book.entries()] == ["others"]


async def test_r7_brief_when_a_later_id_is_known_then_nothing_is_recorded(book: Book) -> None:
    with pytest.raises(ConflictError):
        await book.append(book.entry("new"), book.entry("first", 2))
    assert await book.entries() == []
    assert await book.append(book.entry("new"))


@pytest.mark.parametrize(
    ("decided_us_ago", "clock_ahead_us"),
    [
        (DECISION_AGE_MAX_US + SECOND_US, 0),
        (-DATABASE_SKEW_MAX_US - SECOND_US, 0),
        (0, DATABASE_SKEW_MAX_US + SECOND_US),
        (0, -DATABASE_SKEW_MAX_US - SECOND_US),
    ],
)
async def test_r8_brief_when_clocks_differ_or_it_was_decided_long_ago_then_nothing_is_recorded(
    book: Book, decided_us_ago: int, clock_ahead_us: int
) -> None:
    assert not await book.append(
        book.entry("t"), decided_us_ago=decided_us_ago, clock_ahead_us=clock_ahead_us
    )
    assert await book.entries() == []
    assert await book.append(book.entry("t"), decided_us_ago=DECISION_AGE_MAX_US // 4)


async def test_r9_brief_when_the_epoch_is_another_then_nothing_is_recorded(
    database: Database, book: Book
) -> None:
    execute(database.admin_url, "UPDATE yupana.books SET epoch = epoch + 1")
    assert not await book.append(book.entry("t"))
    assert await book.append(book.entry("t")._replace(epoch=2))


async def test_r5_brief_when_the_lock_is_held_then_it_says_so_and_the_connection_is_good(
    database: Database, book: Book
) -> None:
    async with locked(database):
        with pytest.raises(StuckError):
            await book.append(book.entry("t"))
    assert await book.append(book.entry("t"))


async def test_writer_when_a_batch_is_small_then_it_goes_by_one_message(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)  # On a new connection everything takes the long way.
    assert "COPY" in last_append(database)
    await send(writer, *(CreateTransfer(f"s{i}", "a0", "a1", 5) for i in range(ENTRIES_MAX)))
    assert "append_first" in last_append(database)
    await send(writer, *(CreateTransfer(f"l{i}", "a0", "a1", 5) for i in range(ENTRIES_MAX + 1)))
    assert "COPY" in last_append(database)
    assert (await verified(database.ledger_url, "b")).posted == 3 + 2 * ENTRIES_MAX + 1


async def test_writer_when_a_small_batch_has_words_then_they_are_recorded(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    words = Words({"order": "1"}, "a sale", sealed=bytes(32))
    await send(writer, CreateTransfer("t", "a0", "a1", 5, words=words))
    assert execute(database.ledger_url, "SELECT description FROM yupana.labels") == [("a sale",)]


async def test_writer_when_others_write_then_batches_keep_their_place_for_a_while(
    database: Database, make_writer: MakeWriter
) -> None:
    first, second = make_writer(), make_writer()
    await open_accounts(first, 2)
    await send(second, CreateTransfer("of-second", "a0", "a1", 5))
    await second.drain()
    # The first does not know of that one: its message records nothing, and it goes the long way.
    await send(first, CreateTransfer("of-first", "a0", "a1", 5))
    assert "COPY" in last_append(database)
    await send(first, CreateTransfer("soon", "a0", "a1", 5))
    assert "COPY" in last_append(database)
    await asyncio.sleep(1.1)
    await send(first, CreateTransfer("later", "a0", "a1", 5))
    assert "append_first" in last_append(database)
    await verified(database.ledger_url, "b")


async def test_writer_when_two_send_single_commands_then_both_get_on_and_nothing_is_lost(
    database: Database, make_writer: MakeWriter
) -> None:
    pair = [make_writer(), make_writer()]
    await open_accounts(pair[0], 2)

    async def call(number: int) -> None:
        for turn in range(40):
            transfer = CreateTransfer(f"{number}-{turn}", "a0", "a1", 1)
            assert reasons(await send(pair[number % 2], transfer)) == [None]

    await asyncio.gather(*(call(number) for number in range(4)))
    assert (await verified(database.ledger_url, "b")).posted == 3 + 160
    assert count_entries(database.ledger_url, "b", "3-39") == 1


async def test_r3_brief_when_its_message_comes_late_then_nothing_else_was_answered_before(
    database: Database, make_writer: MakeWriter
) -> None:
    async with Proxy(database.ledger_url) as proxy:
        writer = make_writer(
            url=proxy.url,
            clock=lambda: wall_clock() + (150_000 if proxy.struck.is_set() else 0),
        )
        await open_accounts(writer, 2)
        await send(writer, CreateTransfer("fund", "a0", "a1", 5))
        proxy.strike("deliver late")
        # When it is decided again, its deadline has passed: a refusal, which is not recorded.
        soon = Deadline(at=wall_clock() + 100_000)
        (outcome,) = await send(writer, CreateHold("hold", "a1", "a0", 5, deadline=soon))
        assert proxy.struck.is_set()
        ((seq,),) = execute(database.ledger_url, "SELECT seq FROM yupana.journal WHERE id = 'hold'")
        assert isinstance(outcome, Entry)
        assert outcome.seq == seq
        await verified(database.ledger_url, "b")
