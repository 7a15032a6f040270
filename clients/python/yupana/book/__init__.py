"""A handle on one book: its commands and reads, in one class put together of a few files."""

from yupana.book.accounts import AccountCommands
from yupana.book.books import BookCommands
from yupana.book.feed import FeedReads
from yupana.book.history import HistoryReads
from yupana.book.holds import HoldCommands
from yupana.book.reads import LedgerReads
from yupana.book.transfers import TransferCommands

__all__ = ["BookClient"]


class BookClient(
    TransferCommands,
    HoldCommands,
    AccountCommands,
    BookCommands,
    LedgerReads,
    HistoryReads,
    FeedReads,
):
    """A handle on one book, from `Yupana.book`.

    Commands are idempotent by `id`, a new UUIDv7 unless given; to be sure that something happens
    once even if your process dies, make the id first (`uuid7()`) and store it. They raise
    `Rejected` when the ledger decided against them, and `Refused` when they were not executed.

    Reads see every answer given before they began. They may ask for less: `at_least` a position, as
    outcomes carry it, or `eventual`, whatever is nearest.

    Amounts are whole numbers of the asset's smallest unit, times are aware. `timeout_s` is for the
    call, of a list for each page.
    """
