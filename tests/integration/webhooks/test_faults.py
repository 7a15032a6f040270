"""Feeds that die, stop and stall: every event comes, in order, twice only after a fault."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from support.databases import Database
from support.journals import execute
from support.processes import FeedProcess
from support.receivers import Receiver, Reply
from support.webhooks import BOOK, create_endpoint
from support.writers import send
from yupana_server.book.commands import CreateTransfer
from yupana_server.ledger.writer import Writer

ENVIRONMENT = {
    "YUPANA_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
    "YUPANA_WEBHOOK_ALLOW_HTTP": "true",
    "YUPANA_WEBHOOK_RETRY_BASE_S": "0.02",
    "YUPANA_WEBHOOK_RETRY_MAX_S": "0.1",
    "YUPANA_WEBHOOK_TIMEOUT_S": "1",
    "YUPANA_FEED_POLL_S": "0.02",
    "YUPANA_DRAIN_WAIT_S": "0",
}
CONCURRENCY = 8
ACCOUNTS = [f"a{number}" for number in range(4)]


class Load:
    """Writes transfers between random accounts until it is told to end."""

    def __init__(self, writer: Writer):
        self.count = 0
        self._writer = writer
        self._random = Random(5)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            debit, credit = self._random.sample(ACCOUNTS, 2)
            self.count += 1
            await send(self._writer, CreateTransfer(f"t{self.count}", debit, credit, 1))
            await asyncio.sleep(0.05)


def newest(database: Database) -> int:
    return int(str(execute(database.admin_url, "SELECT max(seq) FROM yupana.journal")[0][0]))


def check_order(receiver: Receiver) -> None:
    """By account, each event comes first after all earlier ones of the account came."""
    seen: dict[str, set[int]] = {account: set() for account in ACCOUNTS}
    for received in receiver.received:
        transfer = received.event["data"].get("transfer", {})
        for account in {transfer.get("debitAccount"), transfer.get("creditAccount")} - {None}:
            if received.seq not in seen[account]:
                assert all(seq < received.seq for seq in seen[account]), received.id
                seen[account].add(received.seq)


@pytest.fixture
def failing_sometimes(receiver: Receiver) -> Receiver:
    random = Random(3)

    def answer(_: object) -> Reply:
        drawn = random.random()
        if drawn < 0.03:
            return Reply(503)
        return Reply(length=100) if drawn < 0.05 else Reply(delay_s=0.002)

    receiver.answer = answer  # type: ignore[assignment]
    return receiver


async def test_feeds_when_killed_and_stalled_under_load_then_every_event_comes_in_order(
    database: Database,
    writer: Writer,
    failing_sometimes: Receiver,
    start_feed: Callable[..., FeedProcess],
) -> None:
    receiver = failing_sometimes
    feeds = [start_feed(database, environment=ENVIRONMENT) for _ in range(2)]
    await create_endpoint(feeds[0].address, BOOK, "crm", receiver.url)
    load = Load(writer)
    async with load.running():
        for feed, number in ((feeds[0], signal.SIGKILL), (feeds[1], signal.SIGSTOP)):
            count = len(receiver.received)
            await receiver.until(lambda known=count: len(receiver.received) > known + 10)
            feed.send(number)
            count = len(receiver.received)
            # After 5 s without a word the other one takes over; here both may have been idle.
            await receiver.until(lambda known=count: len(receiver.received) > known + 10)
            if number == signal.SIGKILL:
                feed.kill()
                await asyncio.to_thread(feed.restart)
            else:
                feed.resume()
        count = len(receiver.received)
        await receiver.until(lambda: len(receiver.received) > count + 10)
    wanted = set(range(6, newest(database) + 1))
    await receiver.until(lambda: wanted <= set(receiver.seqs))
    check_order(receiver)
    for log in (feed.log() for feed in feeds):
        assert all(private not in log for private in ("whsec_", "/hook", "cloudevents", "t1"))


async def test_feeds_when_one_stops_under_load_then_nothing_comes_twice(
    database: Database,
    writer: Writer,
    receiver: Receiver,
    start_feed: Callable[..., FeedProcess],
) -> None:
    receiver.answer = lambda _: Reply(delay_s=0.02)
    first = start_feed(database, environment=ENVIRONMENT)
    await create_endpoint(first.address, BOOK, "crm", receiver.url)
    load = Load(writer)
    async with load.running():
        await receiver.until(lambda: len(receiver.received) > 10)
        # Not in this thread: the receiver must go on answering.
        second = await asyncio.to_thread(start_feed, database, environment=ENVIRONMENT)
        assert await asyncio.to_thread(first.stop) == 0
        count = len(receiver.received)
        await receiver.until(lambda: len(receiver.received) > count + 10)
    wanted = set(range(6, newest(database) + 1))
    await receiver.until(lambda: wanted <= set(receiver.seqs))
    assert max(Counter(receiver.ids).values()) == 1
    check_order(receiver)
    assert second.running
