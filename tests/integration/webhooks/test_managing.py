"""Endpoints are created, changed, shown, deleted; secrets are shown once and can be rotated."""

import base64
from datetime import UTC, datetime, timedelta

import grpc
import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from standardwebhooks import WebhookVerificationError

from support.databases import Database
from support.feeds import failure
from support.journals import execute
from support.receivers import Receiver, Reply
from support.webhooks import Hooks, secret_of
from support.writers import send
from yupana.feed.v1 import webhook_pb2
from yupana.feed.v1.webhook_service_pb2 import WebhookStart
from yupana_server.book.commands import CreateTransfer
from yupana_server.ledger.writer import Writer

URL = "http://127.0.0.1:1/"


async def test_create_when_sent_again_then_the_same_one_without_its_secret(hooks: Hooks) -> None:
    made = await hooks.create("crm", URL, description="for people")
    assert made.state == webhook_pb2.WEBHOOK_STATE_ACTIVE
    assert made.order == webhook_pb2.WEBHOOK_ORDER_BY_ACCOUNT
    assert made.concurrency == 8
    secret = secret_of(made)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) >= 24
    again = await hooks.create("crm", URL, description="for people")
    assert secret_of(again) == ""
    assert again.create_time == made.create_time
    assert secret_of(await hooks.get("crm")) == ""
    code, info = await failure(hooks.create("crm", URL, description="other"))
    assert (code, info.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "ERROR_REASON_WEBHOOK_EXISTS",
    )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"url": "http://10.0.0.1/"}, "endpoint.url"),
        ({"url": "https://user:pw@example.com/"}, "endpoint.url"),  # pragma: allowlist secret
        ({"url": "ftp://example.com/"}, "endpoint.url"),
        ({"id_": "no id"}, "endpoint.id"),
        ({"description": "x" * 1_025}, "endpoint.description"),
        ({"concurrency": 65}, "endpoint.concurrency"),
        ({"filter": {"kinds": [99]}}, "endpoint.filter.kinds[0]"),
        ({"start": WebhookStart(from_beginning=False)}, "start.from_beginning"),
    ],
)
async def test_create_when_malformed_then_says_what(
    hooks: Hooks, fields: dict[str, object], named: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await hooks.create(**({"id_": "crm", "url": URL} | fields))  # type: ignore[arg-type]
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named in str(raised.value.details())


async def test_create_when_it_begins_now_then_only_what_comes_is_delivered(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    await hooks.create("crm", receiver.url, start=WebhookStart())
    await send(writer, CreateTransfer("t", "a0", "a1", 1))
    await receiver.until(lambda: receiver.received)
    assert receiver.seqs == [6]


async def test_create_when_it_begins_at_a_position_or_time_then_with_what_follows(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    after_all = (await hooks.create("all", receiver.url, start=WebhookStart())).position
    time = Timestamp()
    time.FromDatetime(datetime.now(UTC))
    await send(writer, CreateTransfer("t", "a0", "a1", 1))
    await receiver.until(lambda: receiver.received)
    await hooks.create("by-position", receiver.url, start=WebhookStart(position=after_all))
    await hooks.create("by-time", receiver.url, start=WebhookStart(from_time=time))
    await receiver.until(lambda: len(receiver.received) == 3)
    assert receiver.seqs == [6, 6, 6]
    garbage = WebhookStart(position="garbage")
    _, info = await failure(hooks.create("x", receiver.url, start=garbage))
    assert info.reason == "ERROR_REASON_INVALID_POSITION"


async def test_update_when_some_fields_are_given_then_only_those_change(hooks: Hooks) -> None:
    made = await hooks.create("crm", URL, description="one", filter={"codes": ["sale"]})
    endpoint = webhook_pb2.WebhookEndpoint(id="crm", description="two")
    changed = await hooks.call("UpdateWebhookEndpoint", endpoint=endpoint)
    assert (changed.description, changed.url) == ("two", URL)
    assert list(changed.filter.codes) == ["sale"]
    assert changed.etag != made.etag
    mask = FieldMask(paths=["filter"])
    cleared = await hooks.call("UpdateWebhookEndpoint", endpoint=endpoint, update_mask=mask)
    assert not cleared.filter.codes
    stale = webhook_pb2.WebhookEndpoint(id="crm", description="three", etag=made.etag)
    code, info = await failure(hooks.call("UpdateWebhookEndpoint", endpoint=stale))
    assert (code, info.reason) == (grpc.StatusCode.ABORTED, "ERROR_REASON_WEBHOOK_CHANGED")
    wrong = FieldMask(paths=["state"])
    code, info = await failure(
        hooks.call("UpdateWebhookEndpoint", endpoint=endpoint, update_mask=wrong)
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_update_when_the_url_changes_then_what_waits_goes_there(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.create("crm", URL)
    endpoint = webhook_pb2.WebhookEndpoint(id="crm", url=receiver.url)
    await hooks.call("UpdateWebhookEndpoint", endpoint=endpoint)
    await receiver.until(lambda: set(receiver.seqs) == {1, 2, 3, 4, 5})


async def test_list_when_there_are_several_then_in_pages(hooks: Hooks) -> None:
    for id_ in ("c", "a", "b"):
        await hooks.create(id_, URL)
    page = await hooks.call("ListWebhookEndpoints", page_size=2)
    assert [each.id for each in page.endpoints] == ["a", "b"]
    token = page.next_page_token
    page = await hooks.call("ListWebhookEndpoints", page_size=2, page_token=token)
    assert [each.id for each in page.endpoints] == ["c"]
    assert page.next_page_token == ""


async def test_delete_when_done_then_nothing_is_left(
    hooks: Hooks, database: Database, receiver: Receiver
) -> None:
    await hooks.create("crm", receiver.url)
    await receiver.until(lambda: len(receiver.received) == 5)
    await hooks.call("DeleteWebhookEndpoint", endpoint="crm")
    for table in ("webhook_endpoints", "webhook_secrets", "webhook_deliveries"):
        assert execute(database.admin_url, f"SELECT count(*) FROM yupana.{table}") == [(0,)]
    for method in ("Get", "Delete", "Pause", "Resume"):
        code, info = await failure(hooks.call(f"{method}WebhookEndpoint", endpoint="crm"))
        assert (code, info.reason) == (
            grpc.StatusCode.NOT_FOUND,
            "ERROR_REASON_WEBHOOK_NOT_FOUND",
        )


async def test_rotate_when_they_overlap_then_both_secrets_verify_and_later_the_new_one_alone(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    old = secret_of(await hooks.create("crm", receiver.url, start=WebhookStart()))
    overlap = Duration()
    overlap.FromTimedelta(timedelta(seconds=1))
    rotated = await hooks.call("RotateWebhookSecret", endpoint="crm", overlap=overlap)
    new = secret_of(rotated)
    assert new not in ("", old)
    assert [each.HasField("expire_time") for each in rotated.secrets] == [False, True]
    await send(writer, CreateTransfer("t", "a0", "a1", 1))
    await receiver.until(lambda: receiver.received)
    receiver.received[0].verify(old)
    receiver.received[0].verify(new)
    ended = rotated.secrets[1].expire_time.ToDatetime(UTC)
    number = 0
    while datetime.now(UTC) <= ended or len(receiver.received) <= number:
        number = len(receiver.received)
        await send(writer, CreateTransfer(f"t{number}", "a0", "a1", 1))
        await receiver.until(lambda count=number: len(receiver.received) > count)
    await send(writer, CreateTransfer("last", "a0", "a1", 1))
    await receiver.until(lambda: "last" in receiver.received[-1].body)
    receiver.received[-1].verify(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[-1].verify(old)
    assert len((await hooks.get("crm")).secrets) == 1


async def test_rotate_when_without_overlap_then_the_old_secret_ends_at_once(
    hooks: Hooks, writer: Writer, receiver: Receiver
) -> None:
    old = secret_of(await hooks.create("crm", receiver.url, start=WebhookStart()))
    new = secret_of(await hooks.call("RotateWebhookSecret", endpoint="crm", overlap=Duration()))
    await send(writer, CreateTransfer("t", "a0", "a1", 1))
    await receiver.until(lambda: receiver.received)
    receiver.received[0].verify(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[0].verify(old)


async def test_secrets_when_another_role_asks_then_it_may_not_read_them(
    hooks: Hooks, database: Database
) -> None:
    await hooks.create("crm", URL)
    for url in (database.ledger_url, database.worker_url):
        for table in ("webhook_endpoints", "webhook_secrets", "webhook_deliveries"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                execute(url, f"SELECT * FROM yupana.{table}")


async def test_deliveries_when_listed_then_with_status_latency_and_excerpt(
    hooks: Hooks, receiver: Receiver
) -> None:
    receiver.answer = lambda each: Reply(418 if each.seq == 3 else 200, b"I am a teapot")
    await hooks.create("crm", receiver.url)
    await receiver.until(lambda: receiver.seqs.count(3) >= 3 and 5 in receiver.seqs)
    while (await hooks.get("crm")).waiting != 1:
        pass
    [waiting] = await hooks.deliveries("crm", "WAITING")
    assert (waiting.id, waiting.event_id, waiting.type) == ("1-3", "1-3", "yupana.account.opened")
    assert waiting.attempts >= 2
    assert waiting.HasField("next_attempt_time")
    last = waiting.last_attempt
    assert (last.status, last.error, last.excerpt) == (418, "status", "I am a teapot")
    assert timedelta(0) < last.latency.ToTimedelta() < timedelta(seconds=2)
    delivered = await hooks.deliveries("crm", "DELIVERED")
    assert [each.id for each in delivered] == ["1-5", "1-4", "1-2", "1-1"]
    assert {each.last_attempt.status for each in delivered} == {200}
    page = await hooks.call("ListWebhookDeliveries", endpoint="crm", page_size=3)
    assert [each.id for each in page.deliveries] == ["1-5", "1-4", "1-3"]
    token = page.next_page_token
    page = await hooks.call("ListWebhookDeliveries", endpoint="crm", page_size=3, page_token=token)
    assert [each.id for each in page.deliveries] == ["1-2", "1-1"]
