"""What is bounded, what is kept, and what a second one at work cannot do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest

from support.databases import Database
from support.feeds import failure
from support.journals import execute
from support.receivers import Receiver, Reply
from support.webhooks import Hooks
from support.writers import send
from yupana_server.book.commands import CreateTransfer
from yupana_server.feed.webhooks.deliverer import DEAD_LETTERS_MAX, Deliverer
from yupana_server.feed.webhooks.tools import Tools
from yupana_server.journal.connect import FEED_APPLICATION
from yupana_server.journal.deliveries import DeliveryStore, Look
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link
from yupana_server.journal.webhook_rows import (
    Cursor,
    DeliveryState,
    EndpointState,
    NewDelivery,
    Result,
    Settings,
)
from yupana_server.journal.webhooks import ENDPOINTS_MAX, WebhookStore
from yupana_server.ledger.writer import Writer

SETTINGS = Settings("https://example.com/", "", {}, by_account=True, concurrency=8)


@pytest.fixture
async def reader(database: Database, writer: Writer) -> AsyncIterator[JournalReader]:
    reader = JournalReader(database.feed_url, connections_max=4, application=FEED_APPLICATION)
    await reader.open()
    yield reader
    await reader.close()


@pytest.fixture
async def store(reader: JournalReader) -> DeliveryStore:
    """What moves deliveries, and the endpoint `crm` at the begin of the book."""
    cursor = Cursor(1, Link(0, b""))
    assert await WebhookStore(reader).create(1, "crm", SETTINGS, cursor=cursor, secret=b"s" * 32)
    return DeliveryStore(reader)


def delivery(seq: int) -> NewDelivery:
    return NewDelivery(seq, b"h" * 32, f"1-{seq}", "yupana.transfer.posted", "t", ("a0", "a1"))


def result(seq: int, state: DeliveryState) -> Result:
    now = datetime.now(UTC)
    return Result(1, seq, 1, state, now, now, 0.1, 200, "", "ok")


async def test_advance_when_two_begin_at_the_same_entry_then_one_of_them_moves_on(
    store: DeliveryStore,
) -> None:
    endpoint = await store.endpoint(1, "crm")
    assert endpoint is not None
    to = Cursor(1, Link(3, b"h" * 32))
    moved = await asyncio.gather(
        *(store.advance(endpoint, to, [delivery(seq) for seq in (1, 2, 3)]) for _ in range(4))
    )
    assert moved.count(True) == 1
    waiting = await store.waiting(1, "crm")
    assert [each.seq for each in waiting] == [1, 2, 3]
    assert waiting[0].keys == ["a0", "a1"]


async def test_record_when_another_was_first_then_its_result_stays(store: DeliveryStore) -> None:
    endpoint = await store.endpoint(1, "crm")
    assert endpoint is not None
    await store.advance(endpoint, Cursor(1, Link(1, b"h")), [delivery(1)])
    await store.record(endpoint, [result(1, DeliveryState.DELIVERED)])
    await store.record(endpoint, [result(1, DeliveryState.WAITING)])
    assert await store.waiting(1, "crm") == []


async def test_tidy_when_deliveries_are_old_or_many_then_only_the_newest_and_the_dead_stay(
    store: DeliveryStore, database: Database
) -> None:
    endpoint = await store.endpoint(1, "crm")
    assert endpoint is not None
    seqs = range(1, 21)
    await store.advance(endpoint, Cursor(1, Link(20, b"h")), [delivery(seq) for seq in seqs])
    for seq in seqs:
        state = DeliveryState.DEAD if seq <= 2 else DeliveryState.DELIVERED
        await store.record(endpoint, [result(seq, state)])
    [look] = await store.look([1])
    assert await store.tidy(look, keep_s=3_600, keep_max=100) == 0
    assert await store.tidy(look, keep_s=3_600, keep_max=10) == 7
    assert await store.tidy(look, keep_s=0, keep_max=100) == 11
    assert await store.dead_letters(look) == 2
    assert execute(database.admin_url, "SELECT count(*) FROM yupana.webhook_deliveries") == [(2,)]


class ManyDead(DeliveryStore):
    """Counts more dead letters than there are."""

    async def dead_letters(self, endpoint: Look) -> int:
        return DEAD_LETTERS_MAX


async def test_endpoint_when_too_much_was_given_up_then_paused(
    store: DeliveryStore, reader: JournalReader
) -> None:
    tools = Tools(ManyDead(reader), None, None, None, None, None)  # type: ignore[arg-type]
    deliverer = Deliverer(tools, reader, poll_s=1, keep_s=1)
    [look] = await store.look([1])
    await deliverer._tidy(look)
    [look] = await store.look([1])
    assert look.state is EndpointState.PAUSED


async def test_create_when_the_book_is_full_then_refused(hooks: Hooks, database: Database) -> None:
    execute(
        database.admin_url,
        "INSERT INTO yupana.webhook_endpoints (book, endpoint, url, description, filter, "
        "by_account, concurrency, state, cursor_epoch, cursor_seq) "
        "SELECT 1, 'e' || n, '', '', '{}', true, 1, 'paused', 1, 0 FROM generate_series(1, %s) n "
        "RETURNING 1",
        ENDPOINTS_MAX,
    )
    code, info = await failure(hooks.create("crm", "http://127.0.0.1:1/"))
    assert (code, info.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ERROR_REASON_WEBHOOKS_FULL",
    )


async def test_deliveries_when_connections_to_postgres_break_then_all_come(
    hooks: Hooks, writer: Writer, receiver: Receiver, database: Database
) -> None:
    receiver.answer = lambda _: Reply(delay_s=0.02)
    await hooks.create("crm", receiver.url)
    for number in range(5):
        commands = [CreateTransfer(f"t{number}-{place}", "a0", "a1", 1) for place in range(5)]
        await send(writer, *commands)
        count = len(receiver.received)
        await receiver.until(lambda known=count: len(receiver.received) > known)
        execute(
            database.admin_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            FEED_APPLICATION,
        )
    await receiver.until(lambda: set(receiver.seqs) >= set(range(1, 31)))
