"""What the Redis view is made from: where journals end, pages of entries, accounts at an entry.

Each statement tells, in its own snapshot, the book's epoch and the hash of the entry that its
answer begins at. So whoever asks sees whether that is still the entry that he means (R1, R9).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry
from yupana_server.book.state import Account
from yupana_server.journal.account_rows import accounts_statement, read_account
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link, genesis


class BookTail(NamedTuple):
    """Where a book's journal ends."""

    number: int
    id: str
    created_at: int
    epoch: int
    link: Link


class Movement(NamedTuple):
    """What an entry leaves an account with."""

    seq: int
    account: str
    totals: str
    """The four totals, with a space between."""
    usage: Sequence[Any] | None
    """None for an account without windows."""


class ViewPage(NamedTuple):
    """A page of entries, as far as the view needs them."""

    epoch: int
    """The book's, 0 when it is gone."""
    follows: bytes | None
    """The hash of the entry that the page follows; None when that is not there."""
    link: Link | None
    """Its last entry; None when there is none."""
    recorded_at: int
    """When its first entry was recorded, 0 when there is none."""
    movements: list[Movement]
    """In the order of their entries."""
    facts: list[Entry]
    """Entries that set the facts of an account, in their order."""


_TAILS = """
    SELECT b.book, b.id, (extract(epoch FROM b.created_at) * 1000000)::bigint, b.epoch,
        newest.seq, newest.hash
    FROM yupana.books b LEFT JOIN LATERAL (
        SELECT seq, hash FROM yupana.journal j WHERE j.book = b.book ORDER BY seq DESC LIMIT 1
    ) newest ON true
"""


def _totals(side: str) -> str:
    columns = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    return "concat_ws(' ', " + ", ".join(f"{side}_{column}" for column in columns) + ")"


_HERE = """
    SELECT (SELECT epoch FROM yupana.books WHERE book = %(book)s) AS epoch,
        (SELECT hash FROM yupana.journal WHERE book = %(book)s AND seq = %(after)s) AS hash
"""
_PAGE = f"""
    SELECT here.epoch, here.hash, page.* FROM ({_HERE}) here LEFT JOIN LATERAL (
        SELECT seq, hash, (extract(epoch FROM recorded_at) * 1000000)::bigint, reason IS NULL,
            CASE WHEN debit_debits_posted IS NOT NULL THEN debit_account END,
            {_totals("debit")}, debit_usage,
            CASE WHEN credit_debits_posted IS NOT NULL THEN credit_account END,
            {_totals("credit")}, credit_usage,
            account, kind, id, asset, content, code, result, sealed_labels
        FROM yupana.journal WHERE book = %(book)s AND seq > %(after)s ORDER BY seq LIMIT %(limit)s
    ) page ON true
"""
_ABOUT = 10
"""Where the columns begin that only entries about an account's facts have."""

_ACCOUNTS = accounts_statement(
    "SELECT * FROM unnest(%(accounts)s::text[]) WITH ORDINALITY",
    until="AND seq <= %(after)s",
    more="link.epoch, link.hash",
    joins=f"CROSS JOIN ({_HERE}) link",
)


class ViewJournal:
    """Reads for the view. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def tails(self, book_id: str | None = None) -> list[BookTail]:
        """Return where the journals of all books end, or that of one, if there is such a book."""
        which = "" if book_id is None else "WHERE b.id = %(id)s"
        rows = await self._reader.rows(f"{_TAILS} {which}", {"id": book_id})
        return [
            BookTail(
                number,
                id_,
                created_at,
                epoch,
                genesis(id_) if seq is None else Link(seq, bytes(digest)),
            )
            for number, id_, created_at, epoch, seq, digest in rows
        ]

    async def page(self, book: int, *, after: int, limit: int) -> ViewPage:
        """Return the entries that follow seq `after`, in order, none skipped."""
        rows = await self._reader.rows(_PAGE, {"book": book, "after": after, "limit": limit})
        epoch, follows = rows[0][:2]
        page = ViewPage(epoch or 0, _bytes(follows), None, 0, [], [])
        if rows[0][2] is None:
            return page
        for row in rows:
            _take(row[2:], page)
        last = rows[-1]
        return page._replace(link=Link(last[2], bytes(last[3])), recorded_at=rows[0][4])

    async def accounts(
        self, book: int, accounts: Sequence[str], *, epoch: int, link: Link
    ) -> dict[str, Account | None] | None:
        """Return accounts as they were after an entry, None for each not open by then.

        R1, R9: None altogether when the journal has another entry there, or is in another epoch.
        """
        rows = await self._reader.rows(
            _ACCOUNTS, {"book": book, "accounts": list(accounts), "after": link.seq}
        )
        *_, found_epoch, digest = rows[0]
        if found_epoch != epoch or not is_same(link, _bytes(digest)):
            return None
        return {str(row[1]): read_account(row[:-2]) for row in rows if row[1] is not None}


def _take(row: Sequence[Any], page: ViewPage) -> None:
    """Sort an entry into a page."""
    seq, _, recorded_at, done, *sides = row[:_ABOUT]
    if not done:
        return
    for side in (sides[:3], sides[3:]):
        if side[0] is not None:
            page.movements.append(Movement(seq, *side))
    account, kind, id_, asset, content, code, result, sealed = row[_ABOUT:]
    if account is None:
        return
    page.facts.append(
        Entry(
            seq,
            recorded_at,
            Kind(kind),
            id_,
            account=account,
            asset=asset,
            content=content,
            code=code,
            result=result,
            sealed_words=sealed,
        )
    )


def _bytes(digest: Any) -> bytes | None:
    return None if digest is None else bytes(digest)


def is_same(link: Link, found: bytes | None) -> bool:
    """R1: tell whether the entry that was found at a link's place is the one that is meant."""
    return link.seq == 0 or found == link.hash
