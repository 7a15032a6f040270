"""Feeds die at any moment, Redis is emptied, receivers of webhooks are what receivers are."""

import asyncio
import time
from collections.abc import Callable
from random import Random

import redis
from faults.history.journal import read_journal
from faults.history.report import Report
from faults.history.told import Posted, Told, not_taken, posted_wrongly, told_wrongly
from faults.registry import scenario
from faults.stage import Stage

from support.receivers import Received, Receiver, Reply
from support.shops import listening
from support.webhooks import create_endpoint
from yupana import Event, Yupana

KILLS = 3
PREFIXES = ("users:1", "users:2", "users:3")
"""Of the accounts whose events are posted."""

BEHIND_MAX_S = 60.0
"""How long subscribers and receivers may take to be told the rest; nothing breaks then."""

TIMEOUT_S = 2.0
"""How long a receiver may take: one of those here never takes a second unless it means to."""

ENVIRONMENT = {
    "YUPANA_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
    "YUPANA_WEBHOOK_ALLOW_HTTP": "true",
    "YUPANA_WEBHOOK_RETRY_BASE_S": "0.02",
    "YUPANA_WEBHOOK_RETRY_MAX_S": "0.1",
    "YUPANA_WEBHOOK_TIMEOUT_S": str(TIMEOUT_S),
}


@scenario(ci=False)
async def feeds_are_killed_while_they_tell(stage: Stage, seed: int) -> Report:
    """Every subscriber and receiver hears everything in order, and twice only after a fault."""
    random, faults = Random(seed), list[tuple[float, float]]()
    valkey = await stage.start_valkey()
    environment = {"YUPANA_REDIS_URL": valkey.url()}
    ledger = await stage.start_ledger(environment=environment)
    feeds = [await stage.start_feed(environment={**environment, **ENVIRONMENT}) for _ in range(2)]
    moody = Moody(random)
    receiver = await stage.enter(Receiver(moody.answer))
    addresses = [feed.address for feed in feeds]
    client = await stage.enter(Yupana(ledger.address, feed=addresses))
    async with stage.load(seed, clients=3, pause_s=0.15) as load:
        await create_endpoint(
            addresses[0],
            load.book_id,
            "crm",
            receiver.url,
            from_beginning=True,
            filter={"account_prefixes": PREFIXES},
        )
        subscribe = client.book(load.book_id).subscribe
        early = await stage.enter(listening(subscribe(from_beginning=True)))
        for _ in range(KILLS):
            await load.acknowledged(random.randint(20, 60), more=True)
            redis.Redis.from_url(valkey.url()).flushall()
            feed = random.choice(feeds)
            began = time.monotonic()
            await asyncio.to_thread(feed.kill)
            await asyncio.to_thread(feed.restart)
            faults.append((began, time.monotonic()))
        await load.acknowledged(50, more=True)
        start = early.events[len(early.events) // 2]
        late = await stage.enter(listening(subscribe(position=start.position)))
    moody.random = None
    await asyncio.to_thread(ledger.stop)  # It would go on to expire holds.
    journal = await read_journal(stage.database.ledger_url, load.book_id)
    newest = journal.rows[-1].seq
    await _until(lambda: all(newest in each.seqs[-1:] for each in (early, late)))
    await _until(lambda: not not_taken(journal, moody.posted, PREFIXES))
    report = await stage.check(load)
    report.problems += told_wrongly(journal, [_told(event) for event in early.events])
    report.problems += told_wrongly(
        journal, [_told(event) for event in late.events], after=start.seq
    )
    report.problems += posted_wrongly(journal, moody.posted, prefixes=PREFIXES, faults=faults)
    if all(each.taken for each in moody.posted):
        report.wrong("the receiver took everything at once: nothing was tried")
    return report


class Moody:
    """Answers as receivers do that fail, are slow, or close in the midst of an answer."""

    def __init__(self, random: Random):
        self.random: Random | None = random
        """None: from now on it takes everything."""
        self.posted: list[Posted] = []

    def answer(self, received: Received) -> Reply:
        """Say how to answer, and note it."""
        reply = self._reply()
        data = received.event["data"]
        event = Told(received.seq, data["id"], data["subject"])
        good = reply.status == 200 and reply.length is None and not (reply.silent or reply.hangs)
        self.posted.append(Posted(event, received.at_s, good))
        return reply

    def _reply(self) -> Reply:
        drawn = 1.0 if self.random is None else self.random.random()
        if drawn < 0.03:
            return Reply(503)
        if drawn < 0.05:
            return Reply(length=100)  # Says that there is more, and closes.
        if drawn < 0.06:
            return Reply(silent=True)
        if drawn < 0.063:
            return Reply(length=100, hangs=True)
        return Reply(delay_s=0.1) if drawn < 0.1 else Reply(delay_s=0.002)


async def _until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(BEHIND_MAX_S):
        while not fact():
            await asyncio.sleep(0.05)


def _told(event: Event) -> Told:
    return Told(event.seq, event.id, event.subject)
