"""`yupana webhook` and the client's methods, against a running feed."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from support.cli import Answer, Run, make_run, make_shop
from support.databases import Database
from support.processes import FeedProcess, LedgerProcess
from support.receivers import Receiver
from support.webhooks import Hooks
from support.writers import send
from yupana import (
    EntryKind,
    EventFilter,
    WebhookChanged,
    WebhookDeliveryState,
    WebhookExists,
    WebhookNotFound,
    WebhookOrder,
    WebhookState,
    Yupana,
)
from yupana_server.book.commands import OpenAsset
from yupana_server.ledger.writer import Writer

ENVIRONMENT = {
    "YUPANA_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
    "YUPANA_WEBHOOK_ALLOW_HTTP": "true",
    "YUPANA_WEBHOOK_ATTEMPTS_MAX": "1",
}
NOBODY = "http://127.0.0.1:1/"


@pytest.fixture
def run(
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
    start_feed: Callable[..., FeedProcess],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("YUPANA_FEED", start_feed(database, environment=ENVIRONMENT).address)
    return make_run(start_ledger(database).address, monkeypatch, capsys)


def until(ask: Callable[[], Answer], fact: Callable[[Answer], bool]) -> Answer:
    deadline = time.monotonic() + 20
    while not fact(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


def test_webhook_when_managed_by_commands_then_each_does_what_it_says(run: Run) -> None:
    shop = make_shop(run)
    made = run("webhook", "create", shop, "crm", NOBODY, "--from-beginning", "--prefix", "users:")
    assert made.code == 0, made.errors
    assert "whsec_" in made.output
    assert "accounts users:…" in made.output
    assert "shown this once" in made.errors
    again = run("webhook", "create", shop, "crm", NOBODY, "--prefix", "users:")
    assert "whsec_" not in again.output + again.errors

    listed = until(
        lambda: run("webhook", "list", shop, "--json"), lambda each: each.json[0]["dead_letters"]
    ).json
    assert [(each["id"], each["state"]) for each in listed] == [("crm", "active")]
    dead = run("webhook", "deliveries", shop, "crm", "--state", "dead", "--json").json
    assert [(each["id"], each["subject"]) for each in dead] == [
        ("1-4", "open-account:users:1:wallet")
    ]
    assert dead[0]["last_attempt"]["error"] == "connect"
    assert "connect" in run("webhook", "deliveries", shop, "crm").output
    assert run("webhook", "retry", shop, "crm", "1-4", "--json").json == {"retried": 1}

    assert run("webhook", "pause", shop, "crm", "--json").json["state"] == "paused"
    assert "paused" in run("webhook", "list", shop).output
    assert run("webhook", "resume", shop, "crm", "--json").json["state"] == "active"
    changed = run("webhook", "update", shop, "crm", "--everything", "--order", "none", "--json")
    assert changed.json["filter"]["account_prefixes"] == []
    assert changed.json["order"] == "none"
    assert run("webhook", "replay", shop, "crm", "--from-beginning").code == 0
    assert run("webhook", "rotate", shop, "crm", "--json").json["secret"].startswith("whsec_")
    assert "not looked through" in run("webhook", "show", shop, "crm").output
    assert run("webhook", "delete", shop, "crm").code == 0
    gone = run("webhook", "show", shop, "crm", "--json")
    assert gone.code == 1
    assert "WEBHOOK_NOT_FOUND" in gone.errors
    check_what_is_wrong(run, shop)


def check_what_is_wrong(run: Run, shop: str) -> None:
    """A command that cannot be done says why."""
    refused = run("webhook", "create", shop, "crm", "http://10.0.0.1/")
    assert refused.code == 1
    assert "may not reach" in refused.errors
    assert "give one of them" in run("webhook", "replay", shop, "crm").wrong
    assert (
        "takes the filter away"
        in run("webhook", "update", shop, "crm", "--everything", "--code", "sale").wrong
    )
    missing = run("webhook", "list", shop, "--feed", "127.0.0.1:1")
    assert missing.code == 1
    assert "--feed" in missing.errors


async def test_client_when_it_manages_webhooks_then_it_sees_what_became_of_them(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    async with Yupana(hooks.address, feed=[hooks.address]) as yupana:
        webhooks = yupana.book("b").webhooks
        wanted = EventFilter(kinds=[EntryKind.OPEN_ASSET], rejected=False)
        made = await webhooks.create("crm", receiver.url, wanted=wanted, order=WebhookOrder.NONE)
        assert made.secret.startswith("whsec_")
        assert made.secret not in repr(made)
        assert made.wanted == EventFilter(kinds=(EntryKind.OPEN_ASSET,), rejected=False)
        assert (made.state, made.order) == (WebhookState.ACTIVE, WebhookOrder.NONE)
        await send(writer, OpenAsset("eur", "EUR", 2))
        await receiver.until(lambda: receiver.received)
        assert receiver.received[0].verify(made.secret)["type"] == "yupana.asset.opened"
        with pytest.raises(WebhookExists):
            await webhooks.create("crm", receiver.url, description="other")
        with pytest.raises(WebhookNotFound):
            await webhooks.get("nobody")
        changed = await webhooks.update(
            "crm", description="new", wanted=EventFilter(), etag=made.etag
        )
        assert (changed.description, changed.wanted) == ("new", EventFilter())
        with pytest.raises(WebhookChanged):
            await webhooks.update("crm", description="newer", etag=made.etag)
        rotated = await webhooks.rotate("crm", overlap=timedelta(days=1))
        assert len(rotated.secrets) == 2
        assert (await webhooks.pause("crm")).state is WebhookState.PAUSED
        assert (await webhooks.resume("crm")).state is WebhookState.ACTIVE
        await webhooks.replay("crm", position=made.position)
        await receiver.until(lambda: len(receiver.received) == 2)
        assert receiver.ids[0] == receiver.ids[1]
        async with asyncio.timeout(10):
            while (await webhooks.get("crm")).waiting:
                await asyncio.sleep(0.02)
        states = [each.state async for each in webhooks.deliveries("crm")]
        assert states == [WebhookDeliveryState.DELIVERED] * 2
        assert await webhooks.retry("crm") == 0
        assert [each.id async for each in webhooks.list()] == ["crm"]
        await webhooks.delete("crm")
        assert [each.id async for each in webhooks.list()] == []
