"""The view is what the journal says at its watermark, whatever happened to it on the way."""

import asyncio
import subprocess
import sys

from support.databases import Database
from support.views import View, view_of
from support.writers import open_accounts, send, writers
from yupana_server.book.commands import CreateTransfer, FreezeAccount, SetLimits
from yupana_server.book.state import Account
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.view.marks import ViewKeys
from yupana_server.view.store import Seen

NAMES = ["a0", "a1", "a2", "nobody"]


async def keys_of(view: View) -> ViewKeys:
    (tail,) = await view.journal.tails("b")
    return ViewKeys(tail.id, tail.created_at)


async def look(view: View) -> Seen:
    seen = await view.store.read(await keys_of(view), NAMES)
    assert seen is not None
    return seen


async def at(view: View, seen: Seen, *names: str) -> dict[str, Account | None]:
    """Return accounts as the journal has them where the view stands."""
    (tail,) = await view.journal.tails("b")
    mark = seen.mark
    found = await view.journal.accounts(tail.number, names, epoch=mark.epoch, link=mark.link)
    assert found is not None
    return found


async def fill(view: View) -> Seen:
    seen = await look(view)
    keys = await keys_of(view)
    filled = await view.store.fill(keys, seen, await at(view, seen, *seen.leased))
    assert filled == len(seen.leased)
    return await look(view)


async def test_view_when_accounts_were_filled_then_folds_keep_them_as_the_journal_has_them(
    database: Database, valkey: EmbeddedValkey
) -> None:
    async with writers(database) as make, view_of(database, valkey.url()) as view:
        writer = make()
        await open_accounts(writer, 3)
        await view.catch_up()
        seen = await fill(view)
        assert seen.found == await at(view, seen, *NAMES)
        await send(
            writer,
            CreateTransfer("t1", "a0", "a1", 5),
            SetLimits("limits", "a1", -100),
            FreezeAccount("freeze", "a2", debits=True),
        )
        before = await look(view)
        assert before.found == seen.found
        await view.catch_up()
        after = await look(view)
        assert after.mark.link.seq == 7
        assert after.found == await at(view, after, *NAMES)


async def test_rebuild_view_when_run_then_what_was_there_does_not_count_any_more(
    database: Database, valkey: EmbeddedValkey
) -> None:
    async with writers(database) as make, view_of(database, valkey.url()) as view:
        await open_accounts(make(), 3)
        await view.catch_up()
        seen = await fill(view)
        command = [sys.executable, "-m", "yupana_server.cli.main", "rebuild", "view"]
        urls = ["--database-url", database.feed_url, "--redis-url", valkey.url()]
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, "--book", "b", *urls],
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout == "the view of b begins anew\n"
        now = await view.store.read(await keys_of(view), NAMES, lease=False)
        assert now is not None
        assert now.found == {}
        assert now.mark.generation != seen.mark.generation
        await view.catch_up()
        assert await fill(view)
