"""Whatever dies on the way, a subscriber is told everything once and in order."""

import asyncio
import os
import re
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from support.databases import Database
from support.feeds import subscribers
from support.journals import execute
from support.processes import FeedProcess, LedgerProcess
from support.shops import OPENED, Listener, Shop, listening, shop_of
from yupana import EpochChanged
from yupana_server.dev.ports import pick_port
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.messages.tokens import Position, decode_position

StartShop = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def start_shop(
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
    start_feed: Callable[..., FeedProcess],
) -> AsyncIterator[StartShop]:
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Shop:
            shop = shop_of(database, start_ledger, start_feed, **options)
            return await stack.enter_async_context(shop)

        yield start


def assert_told_all(listener: Listener, count: int) -> None:
    assert listener.seqs == list(range(1, count + 1))


async def test_subscription_when_its_feed_is_killed_again_and_again_then_misses_nothing(
    start_shop: StartShop,
) -> None:
    shop = await start_shop()
    [feed] = shop.feeds
    async with listening(shop.book.subscribe(from_beginning=True)) as listener:
        async with shop.selling():
            for _ in range(2):
                await listener.count(len(listener.events) + 200)
                await asyncio.to_thread(feed.kill)
                await asyncio.to_thread(feed.restart)
            await listener.count(len(listener.events) + 200)
        await shop.sell(1)
        await listener.until(lambda: listener.events[-1].subject.startswith("sale-"))
        await listener.count(await _newest(shop))
    assert_told_all(listener, await _newest(shop))


async def test_subscription_when_one_of_two_feeds_dies_then_goes_on_at_the_other(
    start_shop: StartShop,
) -> None:
    shop = await start_shop(feeds=2)
    async with listening(shop.book.subscribe(from_beginning=True)) as listener:
        async with shop.selling():
            for feed in shop.feeds:
                await listener.count(len(listener.events) + 200)
                await asyncio.to_thread(feed.kill)
                await listener.count(len(listener.events) + 200)
                await asyncio.to_thread(feed.restart)
        await listener.count(await _newest(shop))
    assert_told_all(listener, await _newest(shop))


async def test_stream_when_its_feed_drains_then_says_so_and_the_subscription_goes_on(
    start_shop: StartShop,
) -> None:
    shop = await start_shop(feeds=2)
    async with AsyncExitStack() as stack:
        streams = [
            (await stack.enter_async_context(subscribers(feed.address)))("b") for feed in shop.feeds
        ]
        listener = await stack.enter_async_context(
            listening(shop.book.subscribe(from_beginning=True))
        )
        await listener.count(OPENED)
        for feed, stream in zip(shop.feeds, streams, strict=True):
            ending = asyncio.to_thread(feed.stop)
            stopped, (code, info) = await asyncio.gather(ending, stream.error())
            assert (stopped, code) == (0, grpc.StatusCode.UNAVAILABLE)
            assert info.reason == "ERROR_REASON_DRAINING"
            await asyncio.to_thread(feed.restart)
            await shop.sell(10)
            await listener.count(await _newest(shop))
    assert_told_all(listener, await _newest(shop))


async def test_subscription_when_redis_stalls_and_dies_then_misses_nothing(
    start_shop: StartShop, valkey: EmbeddedValkey
) -> None:
    shop = await start_shop(environment={"YUPANA_REDIS_URL": valkey.url()})
    async with listening(shop.book.subscribe(from_beginning=True)) as listener:
        async with shop.selling():
            await listener.count(200)
            assert valkey.pid is not None
            os.kill(valkey.pid, signal.SIGSTOP)
            await listener.count(len(listener.events) + 200)
            await asyncio.to_thread(valkey.kill)
            await listener.count(len(listener.events) + 200)
            await asyncio.to_thread(valkey.start)
            await listener.count(len(listener.events) + 200)
        await listener.count(await _newest(shop))
    assert_told_all(listener, await _newest(shop))


async def test_announcements_when_a_ledger_commits_then_the_feed_need_not_poll(
    start_shop: StartShop, shared_valkey: EmbeddedValkey
) -> None:
    shop = await start_shop(
        environment={"YUPANA_REDIS_URL": shared_valkey.url(), "YUPANA_FEED_POLL_S": "10"}
    )
    async with listening(shop.book.subscribe(from_beginning=True)) as listener:
        await listener.count(OPENED)
        began = time.monotonic()
        for _ in range(5):
            await shop.sell(1)
            await listener.count(await _newest(shop))
        assert time.monotonic() - began < 5.0


async def test_announcements_when_redis_was_away_then_they_are_heard_once_it_is_back(
    start_shop: StartShop, valkey: EmbeddedValkey
) -> None:
    shop = await start_shop(
        environment={"YUPANA_REDIS_URL": valkey.url(), "YUPANA_FEED_POLL_S": "10"}
    )
    async with listening(shop.book.subscribe(from_beginning=True)) as listener:
        await listener.count(OPENED)
        began = time.monotonic()
        for _ in range(3):
            await asyncio.to_thread(valkey.kill)
            await shop.sell(1)
            await asyncio.to_thread(valkey.start)
            await listener.count(await _newest(shop))
        assert time.monotonic() - began < 20.0  # Three polls would have taken longer.


async def test_stream_when_it_is_not_read_then_cut_and_gone_on_with_from_its_last_position(
    start_shop: StartShop,
) -> None:
    shop = await start_shop(environment={"YUPANA_FEED_TAKE_TIMEOUT_S": "0.5"})
    [feed] = shop.feeds
    for _ in range(12):
        await shop.sell(1_000)
    async with subscribers(feed.address) as subscribe:
        stream = subscribe("b", from_beginning=True)
        await stream.read()
        async with asyncio.timeout(30):
            while "RESOURCE_EXHAUSTED" not in feed.log():
                await asyncio.sleep(0.05)
        code, info = await stream.error()
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert info.reason == "ERROR_REASON_SLOW_CONSUMER"
        assert stream.seqs == list(range(1, len(stream.seqs) + 1))
        assert len(stream.seqs) < 12_000
        rest = subscribe("b", position=stream.position)
        await rest.seq(12_000 + OPENED)
        assert stream.seqs + rest.seqs == list(range(1, 12_000 + OPENED + 1))


def _lose(database: Database, *, after: int) -> None:
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > {after}")


async def test_r9_stream_when_the_history_is_cut_in_the_middle_then_told_up_to_where_it_stands(
    start_shop: StartShop, database: Database
) -> None:
    shop = await start_shop()
    for _ in range(20):
        await shop.sell(1)
    async with (
        listening(shop.book.subscribe(from_beginning=True)) as listener,
        listening(shop.book.subscribe(from_beginning=True)) as other,
    ):
        await listener.count(OPENED + 20)
        await other.count(OPENED + 20)
        _lose(database, after=13)
        await shop.sell(30)
        await _ended(listener, other)
        for error in (listener.error, other.error):
            assert isinstance(error, EpochChanged)
            common = decode_position("b", error.last_common_position or "")
            assert common == Position(2, 13)
    assert_told_all(listener, OPENED + 20)  # Nothing of what came later was mixed in.
    start = listener.error.last_common_position
    async with listening(shop.book.subscribe(position=start)) as again:
        await again.count(30)
        assert again.seqs == list(range(14, 44))
        assert {event.id.partition("-")[0] for event in again.events} == {"2"}
    with pytest.raises(EpochChanged) as refused:
        await shop.book.read_entries(position=listener.events[3].position)
    # What it has is all there still: it goes on from its own place.
    common = decode_position("b", refused.value.last_common_position or "")
    assert common == Position(2, 4)


async def test_r9_stream_when_the_feed_is_first_to_notice_a_cut_then_it_raises_the_epoch(
    start_shop: StartShop, database: Database
) -> None:
    shop = await start_shop()
    await shop.sell(20)
    async with listening(shop.book.subscribe(from_beginning=True)) as listener:
        await listener.count(OPENED + 20)
        shop.ledger.kill()
        _lose(database, after=13)
        await _ended(listener)
    assert isinstance(listener.error, EpochChanged)
    common = decode_position("b", listener.error.last_common_position or "")
    # Also of entries that were there before it began to follow.
    assert common == Position(2, 13)
    assert execute(database.admin_url, "SELECT epoch FROM yupana.books") == [(2,)]


async def test_subscribers_when_there_are_a_thousand_then_every_entry_is_read_once(
    start_shop: StartShop,
) -> None:
    address = f"127.0.0.1:{pick_port()}"
    shop = await start_shop(feed_environment={"YUPANA_METRICS_LISTEN": address})
    [feed] = shop.feeds
    async with AsyncExitStack() as stack:
        makers = [await stack.enter_async_context(subscribers(feed.address)) for _ in range(2)]
        streams = [makers[each % 2]("b", from_beginning=True) for each in range(1_000)]
        await asyncio.gather(*(stream.seq(OPENED) for stream in streams))
        for _ in range(3):
            await shop.sell(50)
            newest = await _newest(shop)
            await asyncio.gather(*(stream.seq(newest) for stream in streams))
        for stream in streams:
            assert stream.seqs == list(range(1, OPENED + 151))
        read = await asyncio.to_thread(_entries_read, address)
    # Those that were there before the first subscriber came are read by page, which all share.
    assert read == {"live": 150, "backlog": OPENED}


def _entries_read(metrics_address: str) -> dict[str, int]:
    with urllib.request.urlopen(f"http://{metrics_address}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    found = re.findall(r'yupana_feed_entries_total\{[^}]*yupana_way="(\w+)"[^}]*\} (\S+)', text)
    return {way: int(float(count)) for way, count in found}


async def _ended(*listeners: Listener) -> None:
    async with asyncio.timeout(30):
        while any(listener.error is None for listener in listeners):
            await asyncio.sleep(0.01)


async def _newest(shop: Shop) -> int:
    book = await shop.client.get_book("b")
    return decode_position("b", book.position).seq
