"""Endpoints that fail are left alone and keep their backlog; what was given up can be retried."""

import asyncio

import structlog
import structlog.testing

from support.databases import Database
from support.receivers import Receiver, Reply
from support.webhooks import Hooks, hooks_of, secret_of
from support.writers import send
from yupana.feed.v1 import webhook_pb2
from yupana.feed.v1.webhook_service_pb2 import WebhookStart
from yupana_server.book.commands import CreateTransfer
from yupana_server.ledger.writer import Writer

FAILS_SOON = {"webhook_pause_failures": 3, "webhook_pause_after_s": 0.0}
GIVES_UP_SOON = {"webhook_attempts_max": 3}


def state_of(name: str) -> int:
    return webhook_pb2.WebhookState.Value(f"WEBHOOK_STATE_{name}")


async def until_state(hooks: Hooks, id_: str, name: str) -> webhook_pb2.WebhookEndpoint:
    async with asyncio.timeout(20):
        while (endpoint := await hooks.get(id_)).state != state_of(name):
            await asyncio.sleep(0.01)
    return endpoint


async def test_endpoint_when_it_fails_on_and_on_then_it_is_probed_and_recovers_by_itself(
    database: Database, writer: Writer, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(500)
    async with hooks_of(database, **FAILS_SOON, **GIVES_UP_SOON) as hooks:
        await hooks.create("crm", receiver.url)
        failing = await until_state(hooks, "crm", "FAILING")
        assert failing.HasField("failing_since")
        position = failing.position
        await send(writer, *(CreateTransfer(f"t{place}", "a0", "a1", 1) for place in range(10)))
        count = len(receiver.received)
        await receiver.until(lambda: len(receiver.received) >= count + 2)
        assert receiver.at_once == 0 or receiver.at_once_max <= 8
        failing = await hooks.get("crm")
        assert failing.position == position, "its backlog stays in the journal"
        assert failing.lag >= 10
        assert failing.dead_letters == 0, "nothing is given up while all of it fails"
        receiver.answer = lambda _: Reply(200)
        receiver.received.clear()
        await until_state(hooks, "crm", "ACTIVE")
        await receiver.until(lambda: {*range(2, 16)} <= set(receiver.seqs))
        recovered = await hooks.get("crm")
        assert recovered.failures == 0
        assert not recovered.HasField("failing_since")


async def test_log_when_an_endpoint_fails_then_it_has_neither_payloads_nor_secrets(
    database: Database, writer: Writer, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(500, b"answered-this")
    with structlog.testing.capture_logs() as lines:
        async with hooks_of(database, **FAILS_SOON) as hooks:
            made = await hooks.create("crm", receiver.url)
            await until_state(hooks, "crm", "FAILING")
    told = [line for line in lines if line["event"] == "webhook_state_changed"]
    assert [(line["endpoint"], line["state"]) for line in told] == [("crm", "failing")]
    for private in (secret_of(made), "whsec_", "open-0", "answered-this", "/hook"):
        assert private not in str(lines)


async def test_endpoint_when_it_is_gone_then_only_a_call_resumes_it(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    receiver.answer = lambda each: Reply(410)
    await hooks.create("crm", receiver.url, concurrency=1)
    await until_state(hooks, "crm", "GONE")
    assert len(receiver.received) == 1
    receiver.answer = lambda each: Reply(200)
    await hooks.call("ResumeWebhookEndpoint", endpoint="crm")
    await receiver.until(lambda: len(receiver.received) == 6)
    assert sorted(receiver.seqs) == [1, 1, 2, 3, 4, 5]


async def test_pause_when_called_then_nothing_comes_until_it_is_resumed(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    other = Receiver()
    async with other:
        await hooks.create("crm", receiver.url)
        await hooks.create("other", other.url)
        await receiver.until(lambda: len(receiver.received) == 5)
        paused = await hooks.call("PauseWebhookEndpoint", endpoint="crm")
        assert paused.state == state_of("PAUSED")
        await send(writer, CreateTransfer("t", "a0", "a1", 1))
        await other.until(lambda: 6 in other.seqs)
        assert (await hooks.get("crm")).lag == 1
        assert len(receiver.received) == 5
        resumed = await hooks.call("ResumeWebhookEndpoint", endpoint="crm")
        assert resumed.state == state_of("ACTIVE")
        await receiver.until(lambda: receiver.seqs[-1] == 6)
        assert len(receiver.received) == 6, "what was delivered before does not come again"


async def test_pause_when_an_attempt_is_under_way_then_what_came_of_it_counts(
    hooks: Hooks, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(delay_s=0.3)
    await hooks.create("crm", receiver.url)
    await receiver.until(lambda: len(receiver.received) == 5)
    await hooks.call("PauseWebhookEndpoint", endpoint="crm")
    async with asyncio.timeout(10):
        while (await hooks.get("crm")).waiting:
            await asyncio.sleep(0.01)
    await hooks.call("ResumeWebhookEndpoint", endpoint="crm")
    assert len(await hooks.deliveries("crm", "DELIVERED")) == 5
    assert len(receiver.received) == 5


async def test_replay_when_called_then_what_follows_comes_again_with_the_same_ids(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    made = await hooks.create("crm", receiver.url, start=WebhookStart())
    await send(writer, *(CreateTransfer(f"t{place}", "a0", "a1", 1) for place in range(5)))
    await receiver.until(lambda: len(receiver.received) == 5)
    first = list(receiver.ids)
    start = WebhookStart(position=made.position)
    await hooks.call("ReplayWebhookEndpoint", endpoint="crm", start=start)
    await receiver.until(lambda: len(receiver.received) == 10)
    assert receiver.ids[5:] == first
    assert {each.id.split("-")[0] for each in await hooks.deliveries("crm")} == {"1", "2"}
    start = WebhookStart(from_beginning=True)
    await hooks.call("ReplayWebhookEndpoint", endpoint="crm", start=start)
    await receiver.until(lambda: len(receiver.received) == 20)
    assert sorted(receiver.seqs[10:]) == list(range(1, 11))


async def test_replay_when_the_position_lies_ahead_then_what_waits_before_it_still_comes(
    database: Database, writer: Writer, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(500)
    async with hooks_of(database, **FAILS_SOON, webhook_probe_s=3_600) as hooks:
        await hooks.create("crm", receiver.url)
        await until_state(hooks, "crm", "FAILING")
        await send(writer, *(CreateTransfer(f"t{place}", "a0", "a1", 1) for place in range(5)))
        end = (await hooks.create("end", receiver.url, start=WebhookStart())).position
        await hooks.call("DeleteWebhookEndpoint", endpoint="end")
        start = WebhookStart(position=end)
        replayed = await hooks.call("ReplayWebhookEndpoint", endpoint="crm", start=start)
        assert replayed.lag == 0
        receiver.answer = lambda _: Reply(200)
        receiver.received.clear()
        await hooks.call("ResumeWebhookEndpoint", endpoint="crm")
        await send(writer, CreateTransfer("last", "a0", "a1", 1))
        await receiver.until(lambda: len(receiver.received) == 6)
        assert sorted(receiver.seqs) == [1, 2, 3, 4, 5, 11]


async def test_delivery_when_all_attempts_fail_then_a_dead_letter_that_can_be_retried(
    database: Database, writer: Writer, receiver: Receiver
) -> None:
    receiver.answer = lambda each: Reply(500 if each.seq in (2, 4) else 200)
    async with hooks_of(database, **GIVES_UP_SOON) as hooks:
        await hooks.create("crm", receiver.url)
        async with asyncio.timeout(20):
            while (await hooks.get("crm")).dead_letters < 2:
                await asyncio.sleep(0.01)
        dead = await hooks.deliveries("crm", "DEAD")
        assert [(each.id, each.attempts) for each in dead] == [("1-4", 3), ("1-2", 3)]
        assert receiver.seqs.count(2) == receiver.seqs.count(4) == 3
        await send(writer, CreateTransfer("t", "a0", "a1", 1))
        await receiver.until(lambda: 6 in receiver.seqs)
        receiver.answer = lambda _: Reply(200)
        receiver.received.clear()
        answer = await hooks.call(
            "RetryWebhookDeliveries", endpoint="crm", deliveries=["1-4", "1-9"]
        )
        assert answer.retried == 1
        await receiver.until(lambda: receiver.seqs == [4])
        assert (await hooks.call("RetryWebhookDeliveries", endpoint="crm")).retried == 1
        await receiver.until(lambda: receiver.seqs == [4, 2])
        assert (await hooks.call("RetryWebhookDeliveries", endpoint="crm")).retried == 0
        answer = await hooks.call("RetryWebhookDeliveries", endpoint="crm", deliveries=["1-3"])
        assert answer.retried == 1, "what was delivered can be sent once more"
        await receiver.until(lambda: receiver.seqs == [4, 2, 3])


async def test_delivery_when_the_receiver_asks_for_a_pause_then_it_gets_it(
    hooks: Hooks, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Reply(429, headers=("retry-after: 1",))
    await hooks.create("crm", receiver.url, concurrency=1, order="WEBHOOK_ORDER_NONE")
    await receiver.until(lambda: len(receiver.received) == 10)
    at = {seq: [each.at_s for each in receiver.received if each.seq == seq] for seq in range(1, 6)}
    assert all(len(times) == 2 and times[1] - times[0] >= 0.9 for times in at.values())
