"""Every event reaches its endpoint, signed, in the order that was asked for."""

import asyncio
import time
from collections import defaultdict
from random import Random

from google.protobuf.json_format import ParseDict

from support.databases import Database
from support.receivers import Receiver, Reply
from support.webhooks import Hooks, hooks_of, secret_of
from support.writers import send
from yupana.feed.v1.event_pb2 import Event
from yupana_server.book.commands import CreateTransfer
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.ledger.writer import Writer
from yupana_server.runtime.announcements import CHANNEL, write_books
from yupana_server.runtime.redis import Redis


def transfers(prefix: str, count: int) -> list[CreateTransfer]:
    """Transfers between random pairs of the four accounts."""
    random = Random(prefix)
    pairs = [random.sample(range(4), 2) for _ in range(count)]
    return [
        CreateTransfer(f"{prefix}{place}", f"a{debit}", f"a{credit}", 1)
        for place, (debit, credit) in enumerate(pairs)
    ]


async def test_deliveries_when_an_endpoint_is_there_then_each_event_comes_once_and_signed(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    secret = secret_of(await hooks.create("crm", receiver.url))
    await send(writer, *transfers("t", 20))
    await receiver.until(lambda: len(receiver.received) >= 25)
    for received in receiver.received:
        body = received.verify(secret)
        event = ParseDict(body["data"], Event())
        assert received.id == f"b/{event.id}"
        assert body["specversion"] == "1.0"
        assert (body["id"], body["source"]) == (event.id, "/books/b")
        assert (body["type"], body["subject"]) == (event.type, event.subject)
        assert received.headers["content-type"].startswith("application/cloudevents+json")
    assert sorted(receiver.seqs) == list(range(1, 26))
    assert (await hooks.get("crm")).lag == 0


async def test_deliveries_when_ordered_by_account_then_no_account_sees_a_later_one_first(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    random = Random(7)
    receiver.answer = lambda _: Reply(503 if random.random() < 0.3 else 200, delay_s=0.002)
    await hooks.create("crm", receiver.url, concurrency=16)
    await send(writer, *transfers("t", 60))
    delivered: dict[int, int] = {}

    def all_came() -> bool:
        delivered.update({each.seq: place for place, each in enumerate(receiver.received)})
        return len(delivered) == 65

    await receiver.until(all_came)
    seen: dict[str, int] = defaultdict(int)
    for each in receiver.received:
        for account in accounts_of(each.event["data"]):
            assert each.seq >= seen[account], "a later event of the account came before"
            seen[account] = each.seq
    assert receiver.at_once_max > 1


async def test_deliveries_when_one_account_fails_then_others_go_on(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    receiver.answer = lambda each: Reply(500 if "a0" in each.body else 200)
    await hooks.create("crm", receiver.url)
    await send(writer, CreateTransfer("x", "a0", "a1", 1))
    await send(writer, CreateTransfer("y", "a1", "a2", 1), CreateTransfer("z", "a3", "a3x", 1))
    await send(writer, CreateTransfer("w", "a3", "a2", 1))
    # a1 waits for the transfer of a0 before it, a2 for that of a1, and a3 for that with a2.
    await receiver.until(lambda: {5, 8} <= set(receiver.seqs) and receiver.seqs.count(2) > 2)
    assert set(receiver.seqs) <= {1, 2, 3, 4, 5, 8}


async def test_deliveries_when_without_order_then_a_failing_one_holds_up_nothing(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    receiver.answer = lambda each: Reply(500 if each.seq == 6 else 200)
    await hooks.create("crm", receiver.url, order="WEBHOOK_ORDER_NONE", concurrency=4)
    await send(writer, *transfers("t", 30))
    await receiver.until(lambda: set(receiver.seqs) == set(range(1, 36)))
    await receiver.until(lambda: receiver.seqs.count(6) > 2)


async def test_deliveries_when_filtered_then_only_what_fits_comes_and_orders_by_its_accounts(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    # a0 fails; as the filter is about a1 and a2, that holds up those two alone.
    receiver.answer = lambda each: Reply(500 if each.seq == 6 else 200)
    wanted = {"account_prefixes": ["a1", "a2"], "kinds": ["ENTRY_KIND_TRANSFER"]}
    await hooks.create("crm", receiver.url, filter=wanted)
    await send(writer, CreateTransfer("x", "a0", "a1", 1))
    await send(writer, CreateTransfer("y", "a0", "a3", 1), CreateTransfer("z", "a0", "a2", 1))
    await receiver.until(lambda: 8 in receiver.seqs)
    assert set(receiver.seqs) == {6, 8}


async def test_deliveries_when_a_book_is_long_then_few_stand_in_rows(
    database: Database, writer: Writer, receiver: Receiver
) -> None:
    for batch in range(3):
        await send(writer, *transfers(f"t{batch}-", 1_000))
    receiver.answer = lambda _: Reply(hangs=True, length=10)
    async with hooks_of(database, webhook_timeout_s=30.0) as hooks:
        await hooks.create("crm", receiver.url, order="WEBHOOK_ORDER_NONE")
        await receiver.until(lambda: receiver.at_once_max == 8)
        endpoint = await hooks.get("crm")
        assert endpoint.waiting <= 2_000
        assert endpoint.lag >= 1_000


def accounts_of(data: dict[str, dict[str, str]]) -> set[str]:
    named = data.get("transfer", data.get("account", {}))
    return {named[key] for key in ("debitAccount", "creditAccount", "id") if key in named} & {
        f"a{number}" for number in range(4)
    }


async def test_deliveries_when_commits_are_announced_then_they_do_not_wait_for_the_poll(
    database: Database, writer: Writer, receiver: Receiver, shared_valkey: EmbeddedValkey
) -> None:
    poll_s = 2.0
    redis = Redis(shared_valkey.url(), connections_max=1)
    async with hooks_of(database, redis_url=shared_valkey.url(), feed_poll_s=poll_s) as hooks:
        await hooks.create("crm", receiver.url)
        await receiver.until(lambda: len(receiver.received) == 5)
        for number in range(3):
            # The last look was just now: the next one would be in two seconds.
            began_s = time.monotonic()
            await send(writer, CreateTransfer(f"t{number}", "a0", "a1", 1))
            while len(receiver.received) < 6 + number:
                async with redis.use() as client:
                    await client.publish(CHANNEL, write_books(["b"]))
                await asyncio.sleep(0.02)
            assert time.monotonic() - began_s < 0.75 * poll_s
    await redis.close()
