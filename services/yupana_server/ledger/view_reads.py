"""Reads of accounts that need not be strong, from the view where that has got far enough.

All accounts of an answer are true for its position, the view's watermark: those that are in Redis
were read there together with it, those that are missing are read from the journal as of it. When
anything is in doubt the answer is None, and the primary is asked.
"""

import asyncio
from collections.abc import Sequence

from yupana_server.book.state import Account
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.view_rows import ViewJournal
from yupana_server.ledger.view_fills import Fill, ViewFills
from yupana_server.ledger.view_measures import Served, note_read
from yupana_server.ledger.view_rounds import ViewRounds
from yupana_server.view.store import Seen, ViewStore

WAIT_S = 0.1
"""How long a read waits for what others fill, before it asks the primary."""

POLL_S = 0.005
"""How often it looks whether another server has filled it: a read of the journal takes as long."""


class ViewReads:
    """Reads accounts of all books from their views."""

    def __init__(self, journal: ViewJournal, store: ViewStore):
        self._fills = ViewFills(journal, store)
        self._rounds = ViewRounds(store, self._fills)

    async def accounts(
        self, book: BookRow, accounts: Sequence[str], *, least_seq: int
    ) -> Loaded[Account] | None:
        """Return the accounts as of an entry at or after `least_seq`; None when the view cannot.

        `book` says in which epoch.
        """
        served, loaded = await self._look(book, accounts, least_seq)
        note_read(served)
        return loaded

    async def _look(
        self, book: BookRow, accounts: Sequence[str], least_seq: int
    ) -> tuple[Served, Loaded[Account] | None]:
        waited_until = asyncio.get_running_loop().time() + WAIT_S
        served = Served.HIT
        while True:
            answer = await self._rounds.read(book, accounts)
            if answer is None:
                return Served.NONE, None
            seen, fill = answer
            if seen.mark.epoch != book.epoch or seen.mark.link.seq < least_seq:
                return Served.BEHIND, None
            missing = [account for account in accounts if account not in seen.found]
            if not missing:
                return served, _loaded(accounts, seen)
            if fill is not None and fill.accounts.issuperset(missing):
                return await _filled(accounts, seen, fill)
            served = Served.AWAITED
            left_s = waited_until - asyncio.get_running_loop().time()
            if left_s <= 0 or not seen.fillable(missing):
                return Served.WAITED_IN_VAIN, None
            await self._wait(book, missing, left_s)

    async def _wait(self, book: BookRow, missing: Sequence[str], timeout_s: float) -> None:
        """Wait for what is filled here, or a moment for what is filled elsewhere."""
        known = {self._fills.known(book, account) for account in missing}
        tasks = [fill.stored for fill in known if fill is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
        else:
            await asyncio.sleep(min(POLL_S, timeout_s))


async def _filled(
    accounts: Sequence[str], seen: Seen, fill: Fill
) -> tuple[Served, Loaded[Account] | None]:
    """Answer with what was found missing as soon as it is read, before it is stored."""
    found = await asyncio.shield(fill.found)
    if found is None:
        return Served.BEHIND, None
    return Served.FILLED, _loaded(accounts, seen._replace(found={**seen.found, **found}))


def _loaded(accounts: Sequence[str], seen: Seen) -> Loaded[Account]:
    facts = {account: seen.found[account] for account in accounts}
    return Loaded(seen.mark.link.seq, facts, seen.mark.epoch)
