"""Epochs: how often a book's history was cut, and up to where it stayed what it was (R9)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link


class EpochRow(NamedTuple):
    """An epoch that began with a cut."""

    book: str
    epoch: int
    common_seq: int
    """The last entry that it has in common with the epoch before."""
    began_at: datetime


class Epochs:
    """Reads and raises epochs. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def all(self) -> list[EpochRow]:
        """Return all cuts of all books, by book and epoch; books that were never cut have none."""
        rows = await self._reader.rows(
            "SELECT b.id, e.epoch, e.common_seq, began_at "
            "FROM yupana.epochs e JOIN yupana.books b USING (book) ORDER BY b.id, e.epoch",
            {},
        )
        return [EpochRow._make((*facts, began_at.astimezone(UTC))) for *facts, began_at in rows]

    async def hashes(self, book: int, seqs: Sequence[int]) -> dict[int, bytes]:
        """Return the hashes of these entries; those that are not there are absent."""
        rows = await self._reader.rows(
            "SELECT seq, hash FROM yupana.journal WHERE book = %(book)s AND seq = ANY(%(seqs)s)",
            {"book": book, "seqs": list(seqs)},
        )
        return {seq: bytes(digest) for seq, digest in rows}

    async def gone(self, links: Mapping[int, Link]) -> set[int]:
        """Return the books whose journal does not hold the entry that is given for them."""
        rows = await self._reader.rows(
            "SELECT known.book FROM unnest(%(books)s::integer[], %(seqs)s::bigint[], "
            "%(hashes)s::bytea[]) AS known (book, seq, hash) "
            "LEFT JOIN yupana.journal j ON j.book = known.book AND j.seq = known.seq "
            "WHERE j.hash IS DISTINCT FROM known.hash",
            {
                "books": list(links),
                "seqs": [link.seq for link in links.values()],
                "hashes": [link.hash for link in links.values()],
            },
        )
        return {row[0] for row in rows}

    async def begin(self, book: int, *, known_epoch: int, known_seq: int, common_seq: int) -> int:
        """Have a new epoch begin, unless one explains already that what was known is gone.

        `known_epoch` and `known_seq` are where the history stood that was cut, `common_seq` the
        last entry of it that is there still. Returns the book's epoch.
        """
        rows = await self._reader.rows(
            "SELECT yupana.raise_epoch(%(book)s::integer, %(known_epoch)s::integer, "
            "%(known_seq)s, %(common_seq)s)",
            {
                "book": book,
                "known_epoch": known_epoch,
                "known_seq": known_seq,
                "common_seq": common_seq,
            },
        )
        return int(rows[0][0])


LINKS_MAX = 1_024
"""How many of the newest links a trail keeps; of what is older it keeps fewer and fewer."""


class Trail:
    """Links of a book's journal that memory went by, to find where it was cut."""

    def __init__(self) -> None:
        self.epoch = 0
        self._links: list[Link] = []

    def add(self, epoch: int, link: Link) -> None:
        """Take note of an entry that is committed."""
        self.epoch = epoch
        self._links.append(link)
        if len(self._links) >= 2 * LINKS_MAX:
            older = self._links[:LINKS_MAX]
            self._links[:LINKS_MAX] = older[::2]

    @property
    def seqs(self) -> list[int]:
        """The entries that it knows, in order."""
        return [link.seq for link in self._links]

    def clear(self) -> None:
        """Begin anew."""
        self._links.clear()

    def common_seq(self, hashes: Mapping[int, bytes]) -> int:
        """Return the last entry that is what it was, given the hashes of today; 0 for none."""
        return max((seq for seq, digest in self._links if hashes.get(seq) == digest), default=0)
