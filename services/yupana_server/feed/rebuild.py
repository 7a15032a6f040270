"""Folds a projection again from nothing, while its old version goes on serving."""

from collections.abc import Callable

from yupana_server.journal.marks import Projection
from yupana_server.journal.projections import PAGE_ENTRIES, Mark, ProjectionStore


class SupersededError(Exception):
    """Another rebuild of the same projection began later; it goes on instead of this one."""


class Rebuild:
    """The rebuild of one projection of one book."""

    def __init__(
        self,
        store: ProjectionStore,
        book: int,
        projection: Projection,
        progress: Callable[[int, int], None] = lambda _seq, _tail: None,
    ):
        """`progress` is told how many entries are folded, and how many there are."""
        self._store = store
        self._book = book
        self._projection = projection
        self._progress = progress

    async def run(self) -> int:
        """Build a new version, have it serve, delete the old ones; returns the entries folded.

        The feed goes on following the version that serves meanwhile. May be ended at any moment:
        what it left is deleted by the next rebuild.

        Raises:
            SupersededError: Another rebuild of the same projection began later.
            UnavailableError: The database cannot answer.
        """
        mark = await self._mark(await self._store.begin_building(self._book, self._projection))
        while True:
            mark = await self._fold_to_tail(mark)
            # Close enough: the feed goes on from there. Under load the very end is never reached.
            if mark.tail - mark.seq <= PAGE_ENTRIES:
                break
        if not await self._store.switch(mark):
            raise SupersededError
        await self._store.drop()
        return mark.seq

    async def _fold_to_tail(self, mark: Mark) -> Mark:
        """Fold what the journal has now, and return where it stands then."""
        while mark.seq < mark.tail:
            seq = await self._store.fold(mark)
            if seq is None:
                break
            mark = mark._replace(seq=seq)
            self._progress(mark.seq, mark.tail)
        return await self._mark(mark.version)

    async def _mark(self, version: int) -> Mark:
        mark = await self._store.mark(self._book, self._projection, version)
        if mark is None:
            raise SupersededError
        if not mark.intact:
            # R1: the journal was cut in the middle of this. Begin anew, with the next number.
            return await self._mark(await self._store.begin_building(self._book, self._projection))
        return mark
