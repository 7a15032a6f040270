"""Entries of a book in their order, as those read them who follow its journal."""

from collections.abc import Iterable
from typing import NamedTuple

from yupana_server.journal.points import TransferRow
from yupana_server.journal.reads import TRANSFERS, JournalReader
from yupana_server.journal.rows import Link, Row, decode


class EntryRow(NamedTuple):
    """An entry of any kind, with its words and its hash."""

    row: TransferRow
    hash: bytes

    @property
    def link(self) -> Link:
        """What the entry after it is chained to."""
        return Link(self.row.entry.seq, self.hash)


class EntryPage(NamedTuple):
    """Entries that follow one another, none skipped, all from one snapshot."""

    epoch: int
    """R9: the book's in that snapshot; 0 when there is no such book any more."""
    intact: bool
    """R1: the journal still has the entry that these follow."""
    before: bytes | None
    """The hash of that entry; None when it is not there, or these are the first."""
    rows: list[EntryRow]


class Place(NamedTuple):
    """How far somebody has read a book."""

    book: int
    epoch: int
    link: Link


_AFTER = f"""
    SELECT b.epoch, known.hash, found.* FROM yupana.books b
    LEFT JOIN LATERAL (
        SELECT hash FROM yupana.journal WHERE book = %(book)s AND seq = %(seq)s
    ) known ON true
    LEFT JOIN LATERAL (
        {TRANSFERS} AND seq > %(seq)s AND (%(seq)s = 0 OR known.hash IS NOT NULL)
        ORDER BY journal.seq LIMIT %(limit)s
    ) found ON true
    WHERE b.book = %(book)s
"""

# One index probe a book for its tail, and one for its row.
_CHANGED = """
    SELECT known.book FROM unnest(
        %(books)s::integer[], %(epochs)s::integer[], %(seqs)s::bigint[], %(hashes)s::bytea[]
    ) AS known (book, epoch, seq, hash)
    LEFT JOIN yupana.books b USING (book)
    LEFT JOIN LATERAL (
        SELECT seq, hash FROM yupana.journal j WHERE j.book = known.book ORDER BY seq DESC LIMIT 1
    ) newest ON true
    WHERE b.epoch IS DISTINCT FROM known.epoch OR coalesce(newest.seq, 0) <> known.seq
        OR known.seq > 0 AND newest.hash <> known.hash
"""


class EntryReader:
    """Reads entries onwards. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def after(
        self, book: int, *, seq: int, known_hash: bytes | None, limit: int
    ) -> EntryPage:
        """Return the next entries after one, in order; without its hash only its seq is checked.

        After seq 0 come the first ones.
        """
        rows = await self._reader.rows(_AFTER, {"book": book, "seq": seq, "limit": limit})
        if not rows:
            return EntryPage(0, intact=False, before=None, rows=[])
        epoch, before = rows[0][:2]
        # Nothing stands before the first entry: whoever has read nothing is always right.
        intact = seq == 0 or (before is not None and known_hash in (None, before))
        found = rows if intact else []
        return EntryPage(
            epoch, intact, before, [_read_row(row[2:]) for row in found if row[2] is not None]
        )

    async def book_id(self, book: int) -> str | None:
        """Return the id of a book, None when there is none of this number."""
        rows = await self._reader.rows(
            "SELECT id FROM yupana.books WHERE book = %(book)s", {"book": book}
        )
        return str(rows[0][0]) if rows else None

    async def changed(self, places: Iterable[Place]) -> set[int]:
        """Return the books of which there is more to read, or whose history was cut."""
        known = list(places)
        rows = await self._reader.rows(
            _CHANGED,
            {
                "books": [place.book for place in known],
                "epochs": [place.epoch for place in known],
                "seqs": [place.link.seq for place in known],
                "hashes": [place.link.hash for place in known],
            },
        )
        return {row[0] for row in rows}


def _read_row(row: Row) -> EntryRow:
    entry, digest = decode(row[:-3])
    return EntryRow(TransferRow.read(entry, *row[-3:]), digest)
