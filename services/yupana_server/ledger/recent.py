"""Outcomes of recent ids."""

from collections.abc import Iterable
from typing import Any

from yupana_server.book.entries import Entry
from yupana_server.journal import rows


class Recent(dict[str, Any]):
    """Entries by their ids, most of them kept as the rows that recorded them, until asked for.

    Few are ever asked for. A row takes less memory than an entry, and an entry is three containers
    that Python's cycle collector walks through: with seven books that stopped the ledger for 0.4 s.
    Only `in` and `[]` know of rows.
    """

    def __getitem__(self, id_: str) -> Entry:
        """Return an entry."""
        kept = super().__getitem__(id_)
        return rows.read(_line(kept)) if isinstance(kept, str) else kept

    def keep(self, ids: Iterable[str], journal: Iterable[str]) -> None:
        """Keep rows as COPY takes them."""
        self.update(zip(ids, journal, strict=True))

    def keep_line(self, id_: str, line: str) -> None:
        """Keep what is hashed of a row: all but the book and the hash."""
        self[id_] = f"\t{line}\t"

    def forget(self, id_: str) -> int:
        """Let go of an entry; returns its seq."""
        kept = self.pop(id_)
        return int(_line(kept).partition("\t")[0]) if isinstance(kept, str) else kept.seq


def _line(row: str) -> str:
    return row[row.index("\t") + 1 : row.rindex("\t")]
