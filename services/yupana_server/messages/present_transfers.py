"""Writes transfers as messages, many at a time.

Plain ones are put together from the texts of their rows: see transfer_wire.py. Of all others
messages are filled in place: 100 take 0.6 ms instead of 2.1 ms with constructors.
"""

from collections.abc import Iterable
from itertools import starmap

from yupana.ledger.v1 import outcome_pb2, transfer_pb2
from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry, Totals
from yupana_server.journal.listed import ListedRow, PlainRow
from yupana_server.journal.points import BookRow, TransferRow
from yupana_server.messages import present
from yupana_server.messages.present_accounts import fill_balances
from yupana_server.messages.transfer_wire import PlainTransfers, balances
from yupana_server.messages.wire import varint

_KINDS = {
    Kind.TRANSFER: transfer_pb2.TRANSFER_KIND_TRANSFER,
    Kind.HOLD: transfer_pb2.TRANSFER_KIND_HOLD,
    Kind.CAPTURE: transfer_pb2.TRANSFER_KIND_CAPTURE,
    Kind.RELEASE: transfer_pb2.TRANSFER_KIND_RELEASE,
    Kind.HOLD_UPDATE: transfer_pb2.TRANSFER_KIND_HOLD_UPDATE,
    Kind.EXPIRY: transfer_pb2.TRANSFER_KIND_EXPIRY,
    Kind.REVERSAL: transfer_pb2.TRANSFER_KIND_REVERSAL,
    Kind.LEG: transfer_pb2.TRANSFER_KIND_LEG,
    Kind.PAYMENT: transfer_pb2.TRANSFER_KIND_PAYMENT,
}
TRANSFER_KINDS = frozenset(_KINDS)
"""The kinds of entries that are shown as transfers."""

_TEXTS = (
    ("debit_account", "debit_account"),
    ("credit_account", "credit_account"),
    ("asset", "asset"),
    ("code", "code"),
    ("hold", "hold"),
    ("group", "group"),
    ("reverses", "reverses"),
    ("payment", "payment"),
)
"""Fields of an entry and of the message that hold the same; None is left out."""


class TransferWriter:
    """Writes transfers of one book, as messages that are serialized: one character a byte."""

    def __init__(self, book: BookRow):
        self._book = book.id
        self._plain = PlainTransfers(book)

    def write(self, row: ListedRow) -> str:
        """Write a transfer."""
        if isinstance(row, PlainRow):
            return self._plain.write(row.columns)[0]
        message = transfer_pb2.Transfer()
        fill_transfer(message, self._book, row)
        return message.SerializeToString().decode("latin-1")

    def page(self, rows: Iterable[ListedRow]) -> bytes:
        """Write the transfers of a ListTransfersResponse."""
        transfers = map(self.write, rows)
        return "".join(f"\n{varint(len(each))}{each}" for each in transfers).encode("latin-1")

    def statement(self, lines: Iterable[tuple[ListedRow, int, Totals]]) -> bytes:
        """Write the lines of a GetStatementResponse: transfers, changes, totals after them."""
        return "".join(starmap(self._line, lines)).encode("latin-1")

    def _line(self, row: ListedRow, change: int, totals: Totals) -> str:
        transfer, changed, after = self.write(row), str(change), balances(*map(str, totals))
        line = (
            f"\n{varint(len(transfer))}{transfer}\x12{varint(len(changed))}{changed}"
            f"\x1a{varint(len(after))}{after}"
        )
        return f"\n{varint(len(line))}{line}"


def fill_transfer(message: transfer_pb2.Transfer, book_id: str, row: TransferRow) -> None:
    """Write what moved, reserved or freed an amount, with its outcome, into an empty message."""
    entry = row.entry
    message.id = entry.id
    message.kind = _KINDS.get(entry.kind, transfer_pb2.TRANSFER_KIND_UNSPECIFIED)
    for field, name in _TEXTS:
        if value := getattr(entry, field):
            setattr(message, name, value)
    asked = entry.amount if entry.requested_amount is None else entry.requested_amount
    if asked is not None:
        message.amount = str(asked)
    present.fill_time(
        message.effective_time,
        entry.recorded_at if entry.effective_at is None else entry.effective_at,
    )
    _fill_outcome(message.outcome, book_id, entry)
    if entry.debit_totals is not None:
        fill_balances(message.debit_balances, entry.debit_totals)
    if entry.credit_totals is not None:
        fill_balances(message.credit_balances, entry.credit_totals)
    _fill_the_rest(message, row)


def _fill_the_rest(message: transfer_pb2.Transfer, row: TransferRow) -> None:
    """Write what few transfers have."""
    entry, words = row.entry, row.words
    if words.labels:
        message.labels.update(words.labels)
    message.description = words.description
    message.reference = words.reference
    if entry.content is not None and "rate" in entry.content:
        message.rate = str(entry.content["rate"])
    if entry.chain is not None:
        chain = message.chain
        chain.first_id, chain.place, chain.length = entry.chain


def _fill_outcome(message: outcome_pb2.Outcome, book_id: str, entry: Entry) -> None:
    if entry.kind not in (Kind.TRANSFER, Kind.LEG) or entry.reason is not None:
        message.CopyFrom(present.recorded_outcome(book_id, entry))
        return
    present.fill_posted(message, book_id, entry)
