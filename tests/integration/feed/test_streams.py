"""Redis Streams: in order, without gaps, whatever becomes of Redis and of the feeds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import redis.asyncio as redis

from support.databases import Database
from support.processes import FeedProcess, LedgerProcess
from support.shops import OPENED, Shop, shop_of
from yupana.feed.v1.event_pb2 import Event
from yupana_server.dev.valkey import EmbeddedValkey

KEY = "yupana:{b}:entries"
KEPT = 400


class Stream:
    """The stream of the shop's book, as its consumers see it."""

    def __init__(self, client: Any):
        self.client = client

    async def ids(self) -> list[str]:
        return [id_.decode() for id_, _ in await self.client.xrange(KEY)]

    async def seqs(self) -> list[int]:
        return [int(id_.partition("-")[2]) for id_ in await self.ids()]

    async def until(self, newest: int) -> list[int]:
        """Wait until it has an entry, and return the seqs of all."""
        seqs: list[int] = []
        async with asyncio.timeout(30):
            while not seqs or seqs[-1] < newest:
                with suppress(redis.ConnectionError):  # It may be starting.
                    seqs = await self.seqs()
                await asyncio.sleep(0.02)
        return seqs


@pytest.fixture
async def stream(valkey: EmbeddedValkey) -> AsyncIterator[Stream]:
    async with redis.Redis.from_url(valkey.url()) as client:
        yield Stream(client)


@pytest.fixture
async def shop(
    request: pytest.FixtureRequest,
    database: Database,
    valkey: EmbeddedValkey,
    start_ledger: Callable[..., LedgerProcess],
    start_feed: Callable[..., FeedProcess],
) -> AsyncIterator[Shop]:
    environment = {
        "YUPANA_REDIS_URL": valkey.url(),
        "YUPANA_FEED_STREAM_ENTRIES": str(KEPT),
    }
    options = {"environment": environment, "feeds": getattr(request, "param", 1)}
    async with shop_of(database, start_ledger, start_feed, **options) as shop:  # type: ignore[arg-type]
        yield shop


def no_gaps(seqs: list[int]) -> bool:
    return seqs == list(range(seqs[0], seqs[-1] + 1))


async def test_stream_when_entries_are_recorded_then_it_has_their_events_in_order(
    shop: Shop, stream: Stream
) -> None:
    await shop.sell(20)
    assert await stream.until(OPENED + 20) == list(range(1, OPENED + 21))
    assert (await stream.ids())[-1] == f"1-{OPENED + 20}"
    _, fields = (await stream.client.xrange(KEY))[-1]
    event = Event.FromString(fields[b"event"])
    assert (event.seq, event.subject) == (OPENED + 20, "sale-19")
    assert (fields[b"seq"], fields[b"type"]) == (b"23", b"yupana.transfer.posted")
    for _ in range(4):
        await shop.sell(500)
    trimmed = await stream.until(OPENED + 2_020)
    assert no_gaps(trimmed)
    assert KEPT <= len(trimmed) <= KEPT + 200  # Redis trims by whole nodes.


async def test_stream_when_redis_is_flushed_and_killed_then_begins_anew_without_gaps(
    shop: Shop, stream: Stream, valkey: EmbeddedValkey
) -> None:
    await shop.sell(20)
    await stream.until(OPENED + 20)
    await stream.client.flushall()
    async with shop.selling():
        seqs = await stream.until(OPENED + 100)
        assert no_gaps(seqs)
        await stream.client.flushall()
        assert no_gaps(await stream.until(seqs[-1] + 50))
        await asyncio.to_thread(valkey.restart)
        seqs = await stream.until(seqs[-1] + 100)
        assert no_gaps(seqs)


@pytest.mark.parametrize("shop", [2], indirect=True)
async def test_stream_when_the_feed_that_publishes_is_killed_then_the_other_one_goes_on(
    shop: Shop, stream: Stream
) -> None:
    await shop.sell(20)
    await stream.until(OPENED + 20)
    for feed, sold in zip(shop.feeds, (40, 60), strict=True):
        await asyncio.to_thread(feed.kill)
        await shop.sell(20)
        assert no_gaps(await stream.until(OPENED + sold))
        await asyncio.to_thread(feed.restart)
    assert (await stream.seqs())[-1] == OPENED + 60
    assert no_gaps(await stream.seqs())
