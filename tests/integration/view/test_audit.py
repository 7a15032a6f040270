"""The worker compares views with the journal."""

from support.databases import Database
from support.view_model import Shaken
from support.views import view_of
from support.writers import open_accounts, writers
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.view.marks import ViewKeys, read_key
from yupana_server.worker.share import Share
from yupana_server.worker.view_audit import ViewAudit


async def test_view_audit_when_a_view_shows_something_else_then_it_ends(
    database: Database, valkey: EmbeddedValkey
) -> None:
    async with writers(database) as make, view_of(database, valkey.url()) as view:
        await open_accounts(make(), 3)
        await view.catch_up()
        (tail,) = await view.journal.tails("b")
        keys = ViewKeys(tail.id, tail.created_at)
        seen = await view.store.read(keys, ["a0", "a1", "nobody"])
        assert seen is not None
        mark = seen.mark
        found = await view.journal.accounts(
            tail.number, seen.leased, epoch=mark.epoch, link=mark.link
        )
        assert found is not None
        assert await view.store.fill(keys, seen, found) == 3
        audit = ViewAudit(view.journal, view.redis, Share(1.0))
        while not await audit.look():
            pass
        assert await view.store.mark(keys) == mark
        await Shaken(view, keys).put(keys.account("a1"), m="0 1 0 0")
        while not await audit.look():
            pass
        assert await view.store.mark(keys) is None


def test_key_when_read_then_names_what_it_was_made_of() -> None:
    keys = ViewKeys("a@b:c", 17)
    assert read_key(keys.account("x:@1")) == ("a@b:c", 17, "x:@1")
    assert read_key(keys.mark) is None
    assert read_key("yupana:streams:b") is None
