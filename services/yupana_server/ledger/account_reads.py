"""Reads accounts: as they are, with their open holds, and as they were."""

from collections.abc import Sequence
from typing import NamedTuple

from yupana.ledger.v1 import account_pb2, ledger_service_pb2
from yupana_server.book.entries import ZERO, Totals
from yupana_server.book.state import Account
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger import present
from yupana_server.ledger.fields import Violations
from yupana_server.ledger.recorder import wall_clock
from yupana_server.ledger.shared_reads import SharedReads
from yupana_server.ledger.tokens import decode_position, encode_position
from yupana_server.runtime.errors import CallError

OPEN_HOLDS_MAX = 10_000
"""How many open holds one answer shows."""


class Moment(NamedTuple):
    """A moment of a book's history, by exactly one of these."""

    position: str | None = None
    recorded_at: int | None = None
    effective_at: int | None = None


def read_as_of(
    request: ledger_service_pb2.BatchGetAccountsRequest, check: Violations
) -> Moment | None:
    """Read which moment is asked for; None means now."""
    if not request.HasField("as_of"):
        return None
    inside, message = check.inside("as_of"), request.as_of
    inside.check_unknown(message)
    kind = message.WhichOneof("moment")
    if kind == "position":
        return Moment(position=message.position)
    if kind == "record_time":
        return Moment(recorded_at=inside.read_time("record_time", message))
    if kind == "effective_time":
        return Moment(effective_at=inside.read_time("effective_time", message))
    inside.add("moment", "one of position, record_time, effective_time is needed")
    return Moment()


class AccountReads:
    """Reads accounts of all books and writes them as messages."""

    def __init__(self, reader: JournalReader):
        self._reader = reader
        self._shared = SharedReads(reader)

    async def now(
        self, book: BookRow, accounts: Sequence[str]
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Return the accounts as they are."""
        loaded = await self._shared.accounts(book.number, accounts)
        return await self._response(book, accounts, loaded.facts, loaded.seq)

    async def with_holds(
        self, book: BookRow, accounts: Sequence[str]
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Return the accounts and their open holds, all as of one entry."""
        holds = await self._reader.open_holds(book.number, accounts)
        loaded = await self._reader.accounts_as_of(book.number, accounts, seq=holds.seq)
        response = await self._response(book, accounts, loaded.facts, holds.seq)
        rows = await self._reader.hold_rows_at(book.number, list(holds.facts.values()))
        rows.sort(key=lambda row: row.created_seq)
        at = wall_clock()
        response.open_holds.extend(present.hold(book, row, at=at) for row in rows[:OPEN_HOLDS_MAX])
        response.more_open_holds = len(rows) > OPEN_HOLDS_MAX
        return response

    async def as_of(
        self, book: BookRow, accounts: Sequence[str], moment: Moment
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Return the accounts as they were.

        Raises:
            CallError: INVALID_POSITION or EPOCH_CHANGED.
        """
        seq = await self._resolve(book, moment)
        loaded = await self._reader.accounts_as_of(book.number, accounts, seq=seq)
        facts = loaded.facts
        if moment.effective_at is not None:
            changes = await self._reader.effective_changes(
                book.number, accounts, seq=seq, at=moment.effective_at
            )
            # What took effect before its account was even opened counts too.
            opened = (await self._reader.accounts(book.number, accounts)).facts
            facts = {
                name: _plus(facts[name] or _empty(opened[name]), changes.get(name))
                for name in accounts
            }
        return await self._response(book, accounts, facts, seq)

    async def _resolve(self, book: BookRow, moment: Moment) -> int:
        if moment.position is None:
            at = moment.recorded_at if moment.effective_at is None else moment.effective_at
            return await self._reader.seq_at(book.number, at or 0)
        position = decode_position(book.id, moment.position)
        tail = await self._reader.book(book.id)
        if tail is None or position.seq > tail.seq:
            raise CallError(
                "INVALID_POSITION", "the book's journal does not reach to this position"
            )
        if position.epoch != tail.epoch:
            raise CallError(
                "EPOCH_CHANGED",
                f"the position is of epoch {position.epoch}, the book is in epoch {tail.epoch}",
                metadata={"epoch": str(tail.epoch)},
            )
        return position.seq

    async def _response(
        self, book: BookRow, asked: Sequence[str], found: dict[str, Account | None], seq: int
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        accounts = [account for id_ in asked if (account := found[id_]) is not None]
        return ledger_service_pb2.BatchGetAccountsResponse(
            accounts=await self.present(book, accounts),
            missing=[id_ for id_ in asked if found[id_] is None],
            position=encode_position(book.id, book.epoch, seq),
        )

    async def present(
        self, book: BookRow, accounts: Sequence[Account]
    ) -> list[account_pb2.Account]:
        """Write accounts as messages, with their labels."""
        seqs = [account.facts.opened_seq for account in accounts if account.facts.has_words]
        words = await self._reader.words(book.number, seqs)
        now = wall_clock()
        return [
            present.account(book, account, words.get(account.facts.opened_seq), at=now)
            for account in accounts
        ]


def _empty(account: Account | None) -> Account | None:
    return None if account is None else account._replace(totals=ZERO)


def _plus(account: Account | None, change: Totals | None) -> Account | None:
    """Add what was recorded later with an earlier effective time."""
    if account is None or change is None:
        return account
    totals = Totals(*(old + more for old, more in zip(account.totals, change, strict=True)))
    return account._replace(totals=totals)
