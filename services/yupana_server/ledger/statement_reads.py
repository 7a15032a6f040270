"""Reads statements: what changed an account, line by line, with the totals after each line."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yupana.ledger.v1 import history_service_pb2
from yupana_server.book.bounds import EFFECTIVE_AT_MIN
from yupana_server.book.commands import Kind
from yupana_server.book.entries import ZERO, Totals
from yupana_server.journal.listed import ListedRow, PlainRow
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.statements import Effect, Statements
from yupana_server.ledger.moments import Moment, accounts_at
from yupana_server.messages.present_accounts import fill_balances
from yupana_server.messages.present_transfers import TransferWriter
from yupana_server.messages.tokens import SEQ_MAX, PageScope, encode_position
from yupana_server.runtime.errors import account_not_found

AT_MAX = 253_402_300_799_999_999
"""The last moment of year 9999, where the Protobuf timestamp ends."""

_POSTED = {Kind.TRANSFER, Kind.CAPTURE, Kind.REVERSAL, Kind.LEG}


class StatementFilter(NamedTuple):
    """Which statement is asked for."""

    account: str
    by_effect: bool
    from_at: int | None
    to_at: int | None


class StatementReads:
    """Reads statements of all books and writes them as messages."""

    def __init__(self, reader: JournalReader):
        self._reader = reader
        self._statements = Statements(reader)

    async def page(
        self, book: BookRow, wanted: StatementFilter, *, size: int, token: str
    ) -> history_service_pb2.GetStatementResponse:
        """Return a page of a statement.

        Raises:
            CallError: ACCOUNT_NOT_FOUND, INVALID_PAGE_TOKEN or EPOCH_CHANGED.
            ProjectionBehindError: The sums by effective time have fallen too far behind.
        """
        scope = PageScope(f"statement {wanted!r}", book)
        read = self._effective if wanted.by_effect else self._recorded
        return await read(book, wanted, size, scope, token)

    async def _recorded(
        self, book: BookRow, wanted: StatementFilter, size: int, scope: PageScope, token: str
    ) -> history_service_pb2.GetStatementResponse:
        page = await self._statements.recorded(
            book.number,
            wanted.account,
            from_at=wanted.from_at,
            to_at=wanted.to_at,
            after=scope.read_numbers(token, 1)[0] if token else None,
            limit=size,
        )
        if page.opening is None and not page.rows:
            await self._require(book, wanted.account)
        response = _statement(
            book,
            page.seq,
            opening=page.opening or ZERO,
            lines=[(row, _carried(row, wanted.account)) for row in page.rows],
            account=wanted.account,
        )
        if page.next_after is not None:
            response.next_page_token = scope.write(str(page.next_after))
        return response

    async def _effective(
        self, book: BookRow, wanted: StatementFilter, size: int, scope: PageScope, token: str
    ) -> history_service_pb2.GetStatementResponse:
        """Return a page by effective time.

        Its token carries the totals so far, so that the lines of a statement add up from its first
        page to its last, whatever is back-dated before them meanwhile.
        """
        carried: Totals | None = None
        if token:
            at, seq, debited, credited = scope.read_numbers(token, 4)
            after, carried = Effect(at, seq), Totals(debited, credited, 0, 0)
        elif wanted.from_at is None:
            after = Effect(EFFECTIVE_AT_MIN - 1, 0)
        else:
            after = Effect(wanted.from_at - 1, SEQ_MAX)
        page, opening = await asyncio.gather(
            self._statements.effective(
                book.number,
                wanted.account,
                after=after,
                before_at=AT_MAX if wanted.to_at is None else wanted.to_at,
                limit=size,
            ),
            self._opening(book, wanted, carried),
        )
        if opening is None:
            if not page.rows:
                await self._require(book, wanted.account)
            opening = ZERO
        lines = list(_running(opening, page.rows, wanted.account))
        response = _statement(book, page.seq, opening, lines, wanted.account)
        if page.next_after is not None:
            closing = lines[-1][1] if lines else opening
            response.next_page_token = scope.write(
                ",".join(map(str, (*page.next_after, closing[0], closing[1])))
            )
        return response

    async def _opening(
        self, book: BookRow, wanted: StatementFilter, known: Totals | None
    ) -> Totals | None:
        """Return the posted totals before a statement by effective time, unless they are known.

        None when nothing is known of the account by then.
        """
        if known is not None or wanted.from_at is None:
            return known
        moment = Moment(effective_at=wanted.from_at - 1)
        past = await accounts_at(self._reader, book, [wanted.account], moment)
        account = past.facts[wanted.account]
        if account is None:
            return None
        return Totals(account.totals.debits_posted, account.totals.credits_posted, 0, 0)

    async def _require(self, book: BookRow, account: str) -> None:
        """Refuse a statement of an account that is not open even now."""
        if (await self._reader.accounts(book.number, [account])).facts[account] is None:
            raise account_not_found(book.id, account)


Line = tuple[ListedRow, Totals]


def _running(opening: Totals, rows: Iterable[ListedRow], account: str) -> Iterable[Line]:
    debited, credited = opening[:2]
    for row in rows:
        change = _change(row, account)
        debited, credited = debited + max(0, -change), credited + max(0, change)
        yield row, Totals(debited, credited, 0, 0)


def _change(row: ListedRow, account: str) -> int:
    """Return by how much an entry changes the balance of one of its accounts."""
    if isinstance(row, PlainRow):
        return row.change(account)
    entry = row.entry
    if entry.kind not in _POSTED:
        return 0
    amount = entry.amount or 0
    return amount if entry.credit_account == account else -amount


def _carried(row: ListedRow, account: str) -> Totals:
    """Return the totals of one of its accounts that an entry carries."""
    if isinstance(row, PlainRow):
        return row.totals(account)
    entry = row.entry
    side = entry.credit_totals if entry.credit_account == account else entry.debit_totals
    return side or ZERO


def _statement(
    book: BookRow, seq: int, opening: Totals, lines: Sequence[Line], account: str
) -> history_service_pb2.GetStatementResponse:
    response = history_service_pb2.GetStatementResponse(
        position=encode_position(book.id, book.epoch, seq)
    )
    written = TransferWriter(book).statement(
        (row, _change(row, account), totals) for row, totals in lines
    )
    response.MergeFromString(written)
    fill_balances(response.opening, opening)
    fill_balances(response.closing, lines[-1][1] if lines else opening)
    return response
