"""Where a read is served from: a replica that has got far enough, or the primary."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from yupana_server.journal.errors import (
    PrefixTooWideError,
    ProjectionBehindError,
    UnavailableError,
)
from yupana_server.journal.pages import JournalPages
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.replicas import ReplicaBehindError, Wanted, wanting
from yupana_server.ledger.account_reads import AccountReads
from yupana_server.ledger.books import Books
from yupana_server.ledger.hold_reads import HoldReads
from yupana_server.ledger.replicas import Replica, Replicas, Served
from yupana_server.ledger.shared_reads import ReadAccounts, SharedReads
from yupana_server.ledger.statement_reads import StatementReads
from yupana_server.ledger.transfer_reads import TransferReads
from yupana_server.ledger.view_reads import ViewReads
from yupana_server.messages.tokens import decode_position
from yupana_server.runtime.errors import CallError

T = TypeVar("T")


class Reads(NamedTuple):
    """All that is read through the same connections."""

    reader: JournalReader
    accounts: AccountReads
    transfers: TransferReads
    holds: HoldReads
    statements: StatementReads
    pages: JournalPages

    @classmethod
    def through(
        cls, reader: JournalReader, books: Books, accounts: ReadAccounts, view: ViewReads | None
    ) -> "Reads":
        """Return what reads through these connections; `accounts` reads them as they are."""
        return cls(
            reader,
            AccountReads(reader, books, accounts, view),
            TransferReads(reader),
            HoldReads(reader),
            StatementReads(reader),
            JournalPages(reader),
        )


Read = Callable[[Reads, BookRow], Awaitable[T]]


class Reading:
    """Serves reads of all books from wherever their consistency allows."""

    def __init__(
        self,
        books: Books,
        reader: JournalReader,
        replicas: Replicas | None = None,
        view: ViewReads | None = None,
    ):
        self._books = books
        self._replicas = replicas or Replicas((), connections_max=1)
        shared = SharedReads(reader, books)
        self.primary = Reads.through(reader, books, shared.accounts, view)
        self._nearby = {
            replica.number: Reads.through(replica.reader, books, _plain(replica.reader), None)
            for replica in self._replicas.all
        }

    async def serve(self, request: Any, read: Read[T]) -> T:
        """Have a request read by `read`, from a replica if that will do.

        Raises:
            CallError: BOOK_NOT_FOUND, INVALID_POSITION or EPOCH_CHANGED, and what `read` raises.
        """
        replica = self._replicas.choose()
        level = request.consistency.WhichOneof("level")
        if replica is not None and level in ("at_least", "eventual"):
            answer = await self._from_replica(replica, request, read)
            if answer is not None:
                return answer
        return await read(self.primary, await self._books.to_read(request))

    async def _from_replica(self, replica: Replica, request: Any, read: Read[T]) -> T | None:
        """Return the answer; None when the primary has to say, as it does of every error."""
        book, seq = await self._books.row(request.book), 0
        if request.consistency.WhichOneof("level") == "at_least":
            epoch, seq = decode_position(book.id, request.consistency.at_least)
            if epoch != book.epoch:
                return None  # R9: only a fresh look at the book tells which of them is wrong.
        try:
            with wanting(Wanted(book.number, book.epoch, seq)):
                answer = await read(self._nearby[replica.number], book)
        except (ReplicaBehindError, ProjectionBehindError):
            replica.note(Served.BEHIND)
        except UnavailableError:
            replica.note(Served.FAILED)
        except (CallError, PrefixTooWideError):
            replica.note(Served.REFUSED)
        else:
            replica.note(Served.SERVED)
            return answer
        return None


def _plain(reader: JournalReader) -> ReadAccounts:
    """Return what reads accounts by a statement for each call: replicas have time."""

    async def read(book: BookRow, accounts: Sequence[str]) -> Loaded[Any]:
        return await reader.accounts(book.number, accounts)

    return read
