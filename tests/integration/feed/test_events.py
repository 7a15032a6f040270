"""Every entry of the journal is an event, and is read exactly once."""

from support.random_book import RandomBook
from support.writers import MakeWriter, send
from yupana.feed.v1 import event_pb2
from yupana_server.book.commands import (
    CloseAccount,
    ClosePeriod,
    Kind,
    Measure,
    OpenAccount,
    OpenAsset,
    ReopenAccount,
    SetLimits,
    Side,
    WindowLimit,
)
from yupana_server.journal.entries import EntryReader, EntryRow, Place
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import genesis
from yupana_server.messages.events import fill_event
from yupana_server.messages.present_transfers import TRANSFER_KINDS
from yupana_server.messages.tokens import Position, decode_position

MORE = [
    OpenAccount("w1", "limited", "USD", windows=(WindowLimit(Side.DEBIT, Measure.AMOUNT, 60, 9),)),
    OpenAccount("w2", "limited", "USD"),
    SetLimits("w3", "limited", min_balance=1),
    SetLimits("w4", "nobody", min_balance=1),
    CloseAccount("w5", "limited"),
    CloseAccount("w6", "limited"),
    ReopenAccount("w7", "limited"),
    ReopenAccount("w8", "limited"),
    OpenAsset("w9", "USD", 3),
    ClosePeriod("w10", 5),
    ClosePeriod("w11", 4),
]
"""What the random book does not do, done and rejected."""


async def _everything(reader: JournalReader, *, limit: int) -> list[EntryRow]:
    entries, found = EntryReader(reader), list[EntryRow]()
    seq, known_hash = 0, None
    while True:
        page = await entries.after(1, seq=seq, known_hash=known_hash, limit=limit)
        assert (page.epoch, page.intact) == (1, True)
        if not page.rows:
            return found
        found += page.rows
        seq, known_hash = page.rows[-1].link


async def test_events_of_all_kinds_when_filled_then_each_says_what_its_entry_does(
    make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(7), make_writer()
    await send(writer, *book.opening())
    await send(writer, *book.commands(400))
    await send(writer, *MORE)
    row = await reader.book("b")
    assert row is not None
    rows = await _everything(reader, limit=97)
    assert [each.row.entry.seq for each in rows] == list(range(1, row.seq + 1))
    assert {each.row.entry.kind for each in rows} >= set(Kind) - {Kind.EXPIRY}
    assert {each.row.entry.reason is None for each in rows} == {True, False}
    for each in rows:
        event, entry = event_pb2.Event(), each.row.entry
        fill_event(event, row._replace(epoch=3), each.row)
        assert (event.id, event.seq, event.subject) == (f"1-{entry.seq}", entry.seq, entry.id)
        assert event.type.endswith(".rejected") == (entry.reason is not None)
        assert (event.source, event.book) == ("/books/b", "b")
        assert decode_position("b", event.position) == Position(3, entry.seq)
        assert event_pb2.EntryKind.Name(event.kind) == f"ENTRY_KIND_{entry.kind.name}"
        assert event.HasField("transfer") == (entry.kind in TRANSFER_KINDS)
        assert event.WhichOneof("data") is not None
        outcome = event.transfer.outcome if event.HasField("transfer") else event.outcome
        assert (outcome.id, outcome.HasField("rejected")) == (entry.id, entry.reason is not None)


async def test_after_when_the_journal_has_another_entry_there_then_it_is_not_intact(
    make_writer: MakeWriter, reader: JournalReader
) -> None:
    await send(make_writer(), OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2))
    entries = EntryReader(reader)
    other = await entries.after(1, seq=1, known_hash=b"other", limit=10)
    assert (other.intact, other.rows) == (False, [])
    unchecked = await entries.after(1, seq=1, known_hash=None, limit=10)
    assert (unchecked.intact, len(unchecked.rows)) == (True, 1)
    beyond = await entries.after(1, seq=3, known_hash=None, limit=10)
    assert (beyond.intact, beyond.rows) == (False, [])
    assert (await entries.after(99, seq=0, known_hash=None, limit=10)).epoch == 0


async def test_changed_when_asked_for_places_then_names_those_that_moved_on_or_were_cut(
    make_writer: MakeWriter, reader: JournalReader
) -> None:
    entries = EntryReader(reader)
    await send(make_writer(), OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2))
    first, second = (await entries.after(1, seq=0, known_hash=None, limit=10)).rows
    assert await entries.changed([]) == set()
    assert await entries.changed([Place(1, 1, second.link)]) == set()
    assert await entries.changed([Place(1, 1, first.link)]) == {1}
    assert await entries.changed([Place(1, 1, genesis("b"))]) == {1}
    assert await entries.changed([Place(1, 2, second.link)]) == {1}
    assert await entries.changed([Place(1, 1, second.link._replace(hash=b"x"))]) == {1}
    assert await entries.changed([Place(7, 1, genesis("gone"))]) == {7}
