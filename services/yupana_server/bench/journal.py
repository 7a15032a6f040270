"""What the journal tells of a run: how many entries it wrote, in which commits."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import psycopg

from yupana_server.bench.results import Commits

_TAILS = """
    SELECT book, coalesce((
        SELECT seq FROM yupana.journal j WHERE j.book = b.book ORDER BY seq DESC LIMIT 1
    ), 0)
    FROM yupana.books b WHERE id = ANY(%s) ORDER BY id
"""
# The ids of a load end in digits of its own, so they tell which server decided the entry.
_COMMITS = """
    SELECT count(*), right(min(id), 12) FROM yupana.journal
    WHERE book = %s AND seq > %s AND seq <= %s GROUP BY xmin::text
"""


class JournalWatch:
    """Looks at the journal between runs."""

    def __init__(self, url: str):
        self._url = url

    def __enter__(self) -> Self:
        """Connect."""
        self._connection = psycopg.connect(self._url, autocommit=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._connection.close()

    def tails(self, books: Sequence[str]) -> dict[int, int]:
        """Return the newest entry of each book, by the book's number."""
        return {
            int(book): int(seq)
            for book, seq in self._connection.execute(_TAILS, [list(books)]).fetchall()
        }

    def commits(self, before: Mapping[int, int], after: Mapping[int, int]) -> Commits:
        """Return the commits that wrote what came after `before`, up to `after`.

        Their shares are by load, for loads that ran through `stubs`.
        """
        entries, count = 0, 0
        owners: Counter[str] = Counter()
        for book, seq in after.items():
            rows = self._connection.execute(_COMMITS, [book, before.get(book, 0), seq]).fetchall()
            entries += sum(int(row[0]) for row in rows)
            count += len(rows)
            owners.update(str(row[1]) for row in rows)
        shares = [owner / count for _, owner in sorted(owners.items())] if len(owners) > 1 else []
        return Commits(entries, count, shares)
