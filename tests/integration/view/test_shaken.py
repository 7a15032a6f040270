"""R11: whatever happens to Redis, feeds and fills, in whatever order, a view is what it says."""

from random import Random
from typing import NamedTuple

import pytest

from support.databases import Database
from support.journals import execute
from support.random_commands import ACCOUNTS, RandomCommands
from support.view_model import Shaken, ViewModel
from support.views import View, view_of
from support.writers import MakeWriter, open_accounts, send, writers
from yupana_server.book.commands import OpenAccount
from yupana_server.book.state import Account
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.feed import view_folder, view_steps
from yupana_server.journal.reads import JournalReader
from yupana_server.view.marks import ViewKeys
from yupana_server.view.store import Seen

STEPS = 1_500
LATER = [f"later{number}" for number in range(8)]
"""Accounts that are opened on the way: that they are not there may be stored as well."""
NAMES = [*ACCOUNTS, *LATER]


class Fill(NamedTuple):
    """A fill under way."""

    seen: Seen
    accounts: dict[str, Account | None] | None = None


class Shaking:
    """Takes one step after the other, drawn at random, and checks the view after each."""

    def __init__(
        self,
        seed: int,
        database: Database,
        view: View,
        model: ViewModel,
        redis: Shaken,
        make: MakeWriter,
    ):
        self.database = database
        self.random = Random(seed)
        self.view = view
        self.model = model
        self.redis = redis
        self.make = make
        self.writer = make()
        self.commands = RandomCommands(seed)
        self.folders = [view.folder, view.another_folder()]
        self.fills: list[Fill] = []
        self.checked = 0
        self.filled = 0

    async def append(self) -> None:
        units = [self.commands.unit() for _ in range(self.random.randint(1, 3))]
        for unit in units:
            if len(unit) == 1:
                await send(self.writer, *unit)
        if self.random.random() < 0.1:
            name = self.random.choice(LATER)
            await send(self.writer, OpenAccount(f"open-{name}-{self.model.seq}", name, "USD"))

    async def fold(self) -> None:
        await self.random.choice(self.folders).poll()

    async def look(self) -> None:
        names = self.random.sample(NAMES, self.random.randint(1, 4))
        seen = await self.view.store.read(self.redis.keys, names)
        self.checked += self.model.check(seen)
        if seen is not None and seen.leased:
            self.fills.append(Fill(seen))

    async def read(self) -> None:
        if self.fills:
            fill = self.fills.pop(self.random.randrange(len(self.fills)))
            mark = fill.seen.mark
            accounts = await self.view.journal.accounts(
                1, fill.seen.leased, epoch=mark.epoch, link=mark.link
            )
            if accounts is not None:
                self.fills.append(fill._replace(accounts=accounts))

    async def store(self) -> None:
        ready = [fill for fill in self.fills if fill.accounts is not None]
        if ready:
            fill = self.random.choice(ready)
            self.fills.remove(fill)
            assert fill.accounts is not None
            self.filled += await self.view.store.fill(self.redis.keys, fill.seen, fill.accounts)

    async def evict(self) -> None:
        await self.redis.evict(self.redis.keys.account(self.random.choice(NAMES)))

    async def evict_watermark(self) -> None:
        await self.redis.evict(self.redis.keys.mark)

    async def cut(self) -> None:
        """The database loses a tail; at times nobody is left who knew it."""
        seq = max(8, self.model.seq - self.random.randint(1, 12))
        for table in ("journal", "ids", "labels"):
            execute(self.database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > {seq}")
        if self.random.random() < 0.5:
            self.writer = self.make()
        await self.model.begin_again()

    async def step(self) -> None:
        steps = {
            self.append: 10,
            self.fold: 5,
            self.look: 10,
            self.read: 10,
            self.store: 10,
            self.evict: 2,
            self.evict_watermark: 0.3,
            self.redis.flush: 0.3,
            self.redis.save: 1,
            self.redis.fall_back: 0.5,
            self.cut: 0.3,
        }
        await self.random.choices(list(steps), list(steps.values()))[0]()
        await self.model.follow()
        self.checked += self.model.check(
            await self.view.store.read(self.redis.keys, NAMES, lease=False)
        )


@pytest.mark.parametrize("seed", range(3))
async def test_r11_view_when_everything_happens_to_it_then_each_value_is_that_of_its_watermark(
    database: Database, valkey: EmbeddedValkey, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (view_folder, view_steps):
        monkeypatch.setattr(module, "PAGE_ENTRIES", 3)
    monkeypatch.setattr(view_folder, "PAGES_PER_TURN", 1)
    monkeypatch.setattr(view_folder, "KEEP_EVERY_S", 0.0)
    monkeypatch.setattr(view_steps, "FAR_BEHIND", 40)
    async with writers(database) as make, view_of(database, valkey.url()) as view:
        reader = JournalReader(database.ledger_url, connections_max=1)
        await reader.open()
        (tail,) = await view.journal.tails("b")
        keys = ViewKeys(tail.id, tail.created_at)
        shaking = Shaking(seed, database, view, ViewModel(reader), Shaken(view, keys), make)
        await open_accounts(shaking.writer, 6)
        for _ in range(STEPS):
            await shaking.step()
        assert shaking.checked > STEPS
        assert shaking.filled > STEPS / 20
        await reader.close()
