"""Events as they go over the wire: each is written once, however many are told of it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yupana.feed.v1 import event_pb2
from yupana_server.book.commands import Kind
from yupana_server.book.rejections import Reason
from yupana_server.journal.entry_lines import COLUMNS, LineRow, read_row
from yupana_server.journal.points import BookRow
from yupana_server.journal.rows import Link
from yupana_server.messages.event_wire import POSTED, PlainEvents
from yupana_server.messages.events import event_type, fill_event
from yupana_server.messages.wire import varint

RESPONSE_BYTES = 256 * 1024
"""A response has no further event once it is as large; with a single one it may be larger."""

_SEQ, _RECORDED_AT, _CODE, _DEBIT, _CREDIT, _HASH = map(
    COLUMNS.index, ("seq", "recorded_at", "code", "debit_account", "credit_account", "hash")
)

# `repeated Event events = 1` and `string position = 2` of both responses of FeedService.
_EVENTS_TAG, _POSITION_TAG = b"\x0a", b"\x12"


class EncodedEvent(NamedTuple):
    """An event, with what filters look at."""

    seq: int
    hash: bytes
    recorded_at: int
    kind: Kind
    type: str
    reason: Reason | None
    code: str | None
    accounts: tuple[str | None, ...]
    """The debit, the credit, and the account that it is about; None for those it has not."""
    payload: bytes
    """A serialized `yupana.feed.v1.Event`."""

    @property
    def link(self) -> Link:
        """What the entry after it is chained to."""
        return Link(self.seq, self.hash)


def encode(book: BookRow, rows: Iterable[LineRow]) -> list[EncodedEvent]:
    """Write rows of a LinePage as events whose positions are of the book's epoch."""
    plain = PlainEvents(book)
    return [
        _encode(book, row) if row[0] is None else _encode_plain(plain, row[0].split("\t"))
        for row in rows
    ]


def _encode_plain(plain: PlainEvents, line: Sequence[str]) -> EncodedEvent:
    """Write a posted transfer without words, which is most of what there is."""
    return EncodedEvent(
        int(line[_SEQ]),
        bytes.fromhex(line[_HASH]),
        int(line[_RECORDED_AT]),
        Kind.TRANSFER,
        POSTED,
        None,
        line[_CODE] or None,
        (line[_DEBIT], line[_CREDIT], None),
        plain.payload(line),
    )


def _encode(book: BookRow, line: LineRow) -> EncodedEvent:
    row = read_row(line)
    entry = row.row.entry
    event = event_pb2.Event()
    fill_event(event, book, row.row)
    return EncodedEvent(
        entry.seq,
        row.hash,
        entry.recorded_at,
        entry.kind,
        event_type(entry),
        entry.reason,
        entry.code,
        (entry.debit_account, entry.credit_account, entry.account),
        event.SerializeToString(),
    )


def response(events: Sequence[EncodedEvent], position: str) -> bytes:
    """Return a serialized response of these events."""
    pieces: list[bytes] = []
    for event in events:
        payload = event.payload
        pieces += (_EVENTS_TAG, varint(len(payload)).encode("latin-1"), payload)
    place = position.encode()
    return b"".join((*pieces, _POSITION_TAG, varint(len(place)).encode("latin-1"), place))


def first_response(
    events: Sequence[EncodedEvent], *, bytes_max: int = RESPONSE_BYTES
) -> Sequence[EncodedEvent]:
    """Return as many of the first events as one response holds, at least one if there is one."""
    size = 0
    for count, event in enumerate(events, start=1):
        size += len(event.payload)
        if size >= bytes_max:
            return events[:count]
    return events
