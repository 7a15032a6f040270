"""Pages of entries that are long past, read from replicas; the primary vouches for each."""

import time
from collections.abc import Sequence

from yupana_server.journal.entry_lines import LinePage, LineReader, LineRow
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.replicas import ReplicaBehindError, ReplicaReader, Wanted, wanting
from yupana_server.journal.rows import decode

AWAY_S = 2.0
"""How long a replica is left alone that could not be read from."""

_END = """
    SELECT b.epoch, j.hash FROM yupana.books b
    JOIN yupana.journal j ON j.book = b.book AND j.seq = %(last)s
    WHERE b.book = %(book)s
"""


class ReplicatedLines(LineReader):
    """Reads onwards as LineReader does, whole pages from a replica where that will do.

    The primary says, by one index probe, with which hash a page ends. That hash stands for all
    entries up to there (R1): so a page of a replica that ends with it and has as many entries as
    it must is the primary's own, nothing skipped, of whatever history the replica is otherwise.
    """

    def __init__(self, primary: JournalReader, replicas: Sequence[ReplicaReader]):
        super().__init__(primary)
        self._primary = primary
        self._replicas = list(replicas)
        self._away_until = [0.0] * len(self._replicas)
        self._turn = 0
        self.served = 0
        """How many pages came from replicas."""

    async def after(self, book: int, *, seq: int, known_hash: bytes | None, limit: int) -> LinePage:
        """Return the next entries after one, as `EntryReader.after` does."""
        page = await self._from_replica(book, seq, known_hash, limit)
        if page is not None:
            self.served += 1
            return page
        return await super().after(book, seq=seq, known_hash=known_hash, limit=limit)

    async def _from_replica(
        self, book: int, seq: int, known_hash: bytes | None, limit: int
    ) -> LinePage | None:
        replica = self._choose()
        if replica is None:
            return None
        rows = await self._primary.rows(_END, {"book": book, "last": seq + limit})
        if not rows:
            return None  # Not a whole page: what is new comes from the primary.
        epoch, digest = rows[0]
        try:
            with wanting(Wanted(book, epoch, seq + limit)):
                lines = LineReader(self._replicas[replica])
                page = await lines.after(book, seq=seq, known_hash=known_hash, limit=limit)
        except ReplicaBehindError:
            return None
        except UnavailableError:
            self._away_until[replica] = time.monotonic() + AWAY_S
            return None
        same = page.epoch == epoch and len(page.rows) == limit and page.intact
        return page if same and _hash_of(page.rows[-1]) == bytes(digest) else None

    def _choose(self) -> int | None:
        for _ in self._replicas:
            self._turn = (self._turn + 1) % len(self._replicas)
            if self._away_until[self._turn] <= time.monotonic():
                return self._turn
        return None


def _hash_of(row: LineRow) -> bytes:
    line, columns = row[:2]
    return bytes.fromhex(line.rpartition("\t")[2]) if line is not None else decode(columns)[1]
