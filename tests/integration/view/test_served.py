"""Reads through real processes: ledger, feed and Valkey."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import NamedTuple

import pytest
import redis

from support.databases import Database
from support.processes import FeedProcess, LedgerProcess
from support.spans import SpanCollector, attributes, span_collector
from yupana import Yupana
from yupana.book import BookClient
from yupana_server.dev.valkey import EmbeddedValkey


class Shop(NamedTuple):
    """A book whose account `wallet` is in the view."""

    book: BookClient
    valkey: EmbeddedValkey

    async def in_view(self, name: str) -> None:
        """Read an account until it is in the view."""
        client = redis.Redis.from_url(self.valkey.url())
        async with asyncio.timeout(30):
            while not any(client.hexists(key, "f") for key in client.keys(f"*:{name}")):
                await self.book.snapshot([name], eventual=True)
                await asyncio.sleep(0.02)


@pytest.fixture
def spans() -> Iterator[tuple[SpanCollector, str]]:
    with span_collector() as collector:
        yield collector


@pytest.fixture
async def shop(
    database: Database,
    valkey: EmbeddedValkey,
    spans: tuple[SpanCollector, str],
    start_ledger: Callable[..., LedgerProcess],
    start_feed: Callable[..., FeedProcess],
) -> AsyncIterator[Shop]:
    environment = {
        "YUPANA_REDIS_URL": valkey.url(),
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": spans[1],
        "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    ledger = await asyncio.to_thread(start_ledger, database, environment=environment)
    await asyncio.to_thread(start_feed, database, environment=environment)
    async with Yupana(ledger.address) as yupana:
        await yupana.create_book("b")
        book = yupana.book("b")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("wallet", asset="USD", id="open-wallet", labels={"name": "Ada"})
        await book.transfer("world", "wallet", 5)
        shop = Shop(book, valkey)
        await shop.in_view("wallet")
        yield shop


async def test_labels_when_they_are_erased_then_no_read_shows_them_any_more(shop: Shop) -> None:
    before = await shop.book.snapshot(["wallet"], eventual=True)
    assert before.accounts["wallet"].labels == {"name": "Ada"}
    await shop.book.erase("open-wallet")
    for asked in ({"eventual": True}, {"at_least": before.position}):
        seen = await shop.book.snapshot(["wallet"], **asked)  # type: ignore[arg-type]
        assert seen.accounts["wallet"].labels == {}
    client = redis.Redis.from_url(shop.valkey.url())
    for key in client.keys("yupana:view:*"):
        assert b"Ada" not in b" ".join(client.hgetall(key).values())


async def test_reads_when_valkey_dies_then_the_same_and_later_from_the_view_again(
    shop: Shop,
) -> None:
    done = await shop.book.transfer("world", "wallet", 7)
    shop.valkey.kill()
    for asked in ({"eventual": True}, {"at_least": done.position}):
        seen = await shop.book.snapshot(["wallet", "nobody"], **asked)  # type: ignore[arg-type]
        assert seen.accounts["wallet"].balance == 12
        assert "nobody" not in seen.accounts
    shop.valkey.start()
    await shop.in_view("wallet")
    assert (await shop.book.account("wallet", at_least=done.position)).balance == 12


async def test_scripts_when_traced_then_spans_name_them_and_no_key(
    shop: Shop, spans: tuple[SpanCollector, str]
) -> None:
    collector, _ = spans
    names = ["EVALSHA view_read", "EVALSHA view_fill", "EVALSHA view_fold"]
    await collector.until(lambda: all(collector.named(name) for name in names))
    for span in (span for name in names for span in collector.named(name)):
        said = attributes(span)
        assert said["db.system.name"] == "redis"
        assert said["db.stored_procedure.name"] in span.name
        assert "wallet" not in str(said)
