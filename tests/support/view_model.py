"""What a view must say, by the entry that it stands at, and a Redis to which everything happens."""

from typing import Any

from support.views import View
from yupana_server.book.evolve import evolve
from yupana_server.book.state import Account, State
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import genesis
from yupana_server.view.marks import ViewKeys
from yupana_server.view.store import Seen


class ViewModel:
    """The accounts of book `b` at every entry that there ever was, also of a tail that was lost."""

    def __init__(self, reader: JournalReader):
        self._reader = reader
        self._state = State()
        self._at: dict[bytes, dict[str, Account | None]] = {genesis("b").hash: {}}

    async def follow(self) -> None:
        """Take note of new entries."""
        while page := await self._reader.entries(1, after=self._state.seq, limit=1_000):
            for stored in page:
                evolve(self._state, stored.entry)
                self._at[stored.hash] = dict(self._state.accounts)

    async def begin_again(self) -> None:
        """Take note that the journal was cut."""
        self._state = State()
        await self.follow()

    @property
    def seq(self) -> int:
        return self._state.seq

    def check(self, seen: Seen | None) -> int:
        """Assert that all that a view says is true for its watermark; returns how much it says."""
        if seen is None:
            return 0
        accounts = self._at[seen.mark.link.hash]
        for name, account in seen.found.items():
            assert account == accounts.get(name), (name, seen.mark)
        return len(seen.found)


class Shaken:
    """The Redis of a view, to which anything may happen."""

    def __init__(self, view: View, keys: ViewKeys):
        self._view = view
        self.keys = keys
        self._saved: list[tuple[Any, Any, Any]] = []

    async def flush(self) -> None:
        async with self._view.redis.use() as commands:
            await commands.flushall()

    async def evict(self, key: str) -> None:
        async with self._view.redis.use() as commands:
            await commands.delete(key)

    async def put(self, key: str, **fields: str) -> None:
        """Write what nobody of ours wrote."""
        async with self._view.redis.use() as commands:
            await commands.hset(key, mapping=fields)

    async def has(self, key: str) -> bool:
        async with self._view.redis.use() as commands:
            return bool(await commands.exists(key))

    async def save(self) -> None:
        """Take note of all that is there, as an asynchronous replica has it that falls behind."""
        async with self._view.redis.use() as commands:
            keys = await commands.keys("*")
            found = [
                (key, max(0, await commands.pttl(key)), await commands.dump(key)) for key in keys
            ]
        # A lease may have run out since.
        self._saved = [each for each in found if each[2] is not None]

    async def fall_back(self) -> None:
        """Be what was saved, as after a failover to that replica."""
        await self.flush()
        async with self._view.redis.use() as commands:
            for key, lives_ms, dumped in self._saved:
                await commands.restore(key, lives_ms, dumped)
