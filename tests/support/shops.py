"""A shop whose ledger and feeds a test may kill, and a stream of sales."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from support.databases import Database
from support.processes import FeedProcess, LedgerProcess
from yupana import CreateTransfer, Event, OpenAccount, Subscription, Yupana

OPENED = 3
"""Entries that the shop begins with."""

SALES_AT_ONCE = 20
SALE_EVERY_S = 0.02


class Shop:
    """A ledger, feeds, and a client of both; the book is `b`."""

    def __init__(self, ledger: LedgerProcess, feeds: list[FeedProcess], client: Yupana):
        self.ledger = ledger
        self.feeds = feeds
        self.client = client
        self.book = client.book("b")
        self._sales = itertools.count()

    async def open(self) -> None:
        await self.client.create_book("b")
        await self.book.open_asset("USD", scale=2)
        await self.book.execute([OpenAccount(each, "USD") for each in ("world", "wallet")])

    async def sell(self, count: int) -> None:
        """Sell in one request."""
        sales = [
            CreateTransfer("world", "wallet", 1, id=f"sale-{next(self._sales)}")
            for _ in range(count)
        ]
        assert all(outcome.ok for outcome in await self.book.execute(sales))

    @asynccontextmanager
    async def selling(self) -> AsyncIterator[None]:
        """Sell all the time while the `with` block runs."""

        async def sell() -> None:
            while not stop.is_set():
                await self.sell(SALES_AT_ONCE)
                await asyncio.sleep(SALE_EVERY_S)

        stop = asyncio.Event()
        task = asyncio.create_task(sell())
        try:
            yield
        finally:
            stop.set()
            await task


@asynccontextmanager
async def shop_of(
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
    start_feed: Callable[..., FeedProcess],
    *,
    feeds: int = 1,
    environment: Mapping[str, str] | None = None,
    feed_environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Shop]:
    """Runs a shop with so many feeds."""
    ledger = start_ledger(database, environment=environment)
    settings = {**(environment or {}), **(feed_environment or {})}
    started = [start_feed(database, environment=settings) for _ in range(feeds)]
    async with Yupana(ledger.address, feed=[each.address for each in started]) as client:
        shop = Shop(ledger, started, client)
        await shop.open()
        yield shop


class Listener:
    """Takes all events of a subscription, and knows whether each came once and in order."""

    def __init__(self, subscription: Subscription):
        self.events: list[Event] = []
        self.error: BaseException | None = None
        self._subscription = subscription
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async for events in self._subscription.batches():
                self.events += events
        except Exception as error:
            self.error = error

    @property
    def seqs(self) -> list[int]:
        return [event.seq for event in self.events]

    async def until(self, fact: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not fact():
                if self.error is not None:
                    raise self.error
                await asyncio.sleep(0.005)

    async def count(self, count: int) -> None:
        await self.until(lambda: len(self.events) >= count)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def listening(subscription: Subscription) -> AsyncIterator[Listener]:
    listener = Listener(subscription)
    try:
        yield listener
    finally:
        await listener.end()
