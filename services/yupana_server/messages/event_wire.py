"""Serializes plain posted transfers as events, as transfer_wire.py does transfers."""

from collections.abc import Sequence

from yupana_server.journal.points import BookRow
from yupana_server.messages.tokens import encode_position
from yupana_server.messages.transfer_wire import PlainTransfers
from yupana_server.messages.wire import SIZE, text, varint

POSTED = "yupana.transfer.posted"
"""The type of all of these."""


class PlainEvents:
    """Writes events of one book, whose positions are of its epoch."""

    def __init__(self, book: BookRow):
        self._id, self._epoch = book.id, book.epoch
        self._transfers = PlainTransfers(book)
        self._source_and_type = text("\x12", f"/books/{book.id}") + text("\x1a", POSTED)
        self._book = text("\x32", book.id)

    def payload(self, line: Sequence[str]) -> bytes:
        """Return the event of a plain transfer from the columns of its line.

        Raises:
            UnknownVersionError: The entry is newer than this release.
        """
        transfer, position, time = self._transfers.write(line)
        seq, epoch, _, _, id_, _, _, trace_id = line[:8]
        if int(epoch) != self._epoch:
            position = encode_position(self._id, self._epoch, int(seq))
        event_id = f"{epoch}-{seq}"
        trace = trace_id and text("R", trace_id)
        return (
            f"\n{SIZE[len(event_id)]}{event_id}{self._source_and_type}\x22{SIZE[len(id_)]}{id_}"
            f"*{SIZE[len(time)]}{time}{self._book}:{SIZE[len(position)]}{position}"
            f"@{varint(int(seq))}H\x03{trace}\xa2\x01{SIZE[len(transfer)]}{transfer}"
        ).encode("latin-1")
