"""Facts as they were after an entry: an index probe each, however long the journal is."""

from collections.abc import Sequence

from yupana_server.book.state import Account, Asset, Hold
from yupana_server.journal.reads import (
    ASSETS,
    ENTRIES,
    JournalReader,
    read_asset,
    read_holds,
    with_tail,
)

_HOLDS = with_tail(
    "SELECT newest.* FROM unnest(%(holds)s::text[]) AS wanted (hold) CROSS JOIN LATERAL "
    f"({ENTRIES} AND hold = wanted.hold AND reason IS NULL AND seq <= %(until)s "
    "ORDER BY seq DESC LIMIT 1) newest"
)
_REVERSED = """
    SELECT wanted.target, newest.reversed_amount
    FROM unnest(%(targets)s::text[]) AS wanted (target) CROSS JOIN LATERAL (
        SELECT reversed_amount FROM yupana.journal WHERE book = %(book)s AND reason IS NULL
            AND reverses = wanted.target AND seq <= %(until)s ORDER BY seq DESC LIMIT 1
    ) newest
"""


class FactsAsOf:
    """What a book was after one of its entries. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader, book: int, seq: int):
        self._reader = reader
        self._book = book
        self._seq = seq

    async def accounts(self, accounts: Sequence[str]) -> dict[str, Account | None]:
        """Return accounts, None for each that was not open."""
        if not accounts:
            return {}
        loaded = await self._reader.accounts_as_of(self._book, accounts, seq=self._seq)
        return loaded.facts

    async def holds(self, holds: Sequence[str]) -> dict[str, Hold | None]:
        """Return holds, None for each that there was not."""
        if not holds:
            return {}
        rows = await self._reader.rows(
            _HOLDS, {"book": self._book, "holds": list(holds), "until": self._seq}
        )
        found = {hold.id: hold for hold in read_holds(rows)}
        return {hold: found.get(hold) for hold in holds}

    async def assets(self, assets: Sequence[str]) -> dict[str, Asset | None]:
        """Return assets, None for each that was not open."""
        if not assets:
            return {}
        rows = await self._reader.rows(
            f"{ASSETS} AND asset = ANY(%(assets)s) AND seq <= %(until)s",
            {"book": self._book, "assets": list(assets), "until": self._seq},
        )
        found = {str(row[0]): read_asset(row) for row in rows}
        return {asset: found.get(asset) for asset in assets}

    async def reversed_amounts(self, targets: Sequence[str]) -> dict[str, int]:
        """Return how much of each transfer was reversed."""
        if not targets:
            return {}
        rows = await self._reader.rows(
            _REVERSED, {"book": self._book, "targets": list(targets), "until": self._seq}
        )
        return dict.fromkeys(targets, 0) | {row[0]: int(row[1]) for row in rows}
