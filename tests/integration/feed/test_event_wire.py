"""What is put together from a row has the same bytes as what is filled into a message."""

from support.random_book import RandomBook
from support.writers import MakeWriter, send
from yupana.feed.v1 import event_pb2
from yupana_server.book.commands import Command, CreateTransfer, OpenAccount, UpTo
from yupana_server.feed.following.encoded import encode
from yupana_server.journal.entries import EntryReader
from yupana_server.journal.entry_lines import LineReader
from yupana_server.journal.reads import JournalReader
from yupana_server.messages.events import fill_event

LARGEST = 2**128 - 1
LONG = "x" * 128


def _corners() -> list[Command]:
    opened: list[Command] = [
        OpenAccount(f"open-{each}", each, "USD") for each in (LONG, "bank", "rich")
    ]
    return [
        *opened,
        OpenAccount("open-poor", "poor", "USD", min_balance=0),
        CreateTransfer("y" * 128, LONG, "rich", LARGEST - 1, code="z" * 128),
        CreateTransfer("zero", "bank", "rich", 0),
        CreateTransfer("long-ago", "bank", "rich", 1, effective_at=-1),
        CreateTransfer("the-begin", "bank", "rich", 1, effective_at=0),
        CreateTransfer("soon-after", "bank", "rich", 1, effective_at=1),
        CreateTransfer("some", "poor", "bank", 7, up_to=UpTo.DEBIT_LIMITS),
    ]


async def test_events_when_put_together_from_rows_then_have_the_bytes_of_messages(
    make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(11), make_writer()
    for commands in (book.opening(), _corners(), book.commands(400)):
        await send(writer, *commands)
    row = await reader.book("b")
    assert row is not None
    for epoch in (1, 7):
        here = row._replace(epoch=epoch)
        asked = {"seq": 0, "known_hash": None, "limit": 10_000}
        lines = await LineReader(reader).after(1, **asked)
        entries = await EntryReader(reader).after(1, **asked)
        assert (lines.epoch, lines.intact, lines.before) == entries[:3]
        assert sum(line is not None for line, *_ in lines.rows) > 50
        for encoded, entry in zip(encode(here, lines.rows), entries.rows, strict=True):
            event = event_pb2.Event()
            fill_event(event, here, entry.row)
            assert encoded.payload == event.SerializeToString(), entry.row
            assert encoded.link == entry.link
            assert encoded.type == event.type
            assert (encoded.kind, encoded.code) == (entry.row.entry.kind, entry.row.entry.code)


async def test_lines_when_the_journal_has_another_entry_there_then_they_are_not_intact(
    make_writer: MakeWriter, reader: JournalReader
) -> None:
    await send(make_writer(), *RandomBook(1).opening())
    lines, entries = LineReader(reader), EntryReader(reader)
    for seq, known_hash in (
        (1, b"other"),
        (1, None),
        (5, None),
        (13, None),
        (14, None),
        (99, None),
    ):
        asked = {"seq": seq, "known_hash": known_hash, "limit": 3}
        page, same = await lines.after(1, **asked), await entries.after(1, **asked)  # type: ignore[arg-type]
        assert page[:3] == same[:3]
        assert len(page.rows) == len(same.rows)
    assert (await lines.after(99, seq=0, known_hash=None, limit=3)).epoch == 0
