"""Writes endpoints and deliveries as messages of `yupana.feed.v1`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

from yupana.feed.v1 import webhook_pb2
from yupana_server.feed.webhooks.signing import shown_secret
from yupana_server.journal.points import BookRow
from yupana_server.journal.webhook_rows import (
    Counts,
    DeliveryRow,
    DeliveryState,
    EndpointRow,
    EndpointState,
    SecretRow,
)
from yupana_server.messages.tokens import encode_position

STATES = {
    EndpointState.ACTIVE: webhook_pb2.WEBHOOK_STATE_ACTIVE,
    EndpointState.PAUSED: webhook_pb2.WEBHOOK_STATE_PAUSED,
    EndpointState.FAILING: webhook_pb2.WEBHOOK_STATE_FAILING,
    EndpointState.GONE: webhook_pb2.WEBHOOK_STATE_GONE,
}
DELIVERY_STATES = {
    DeliveryState.WAITING: webhook_pb2.WEBHOOK_DELIVERY_STATE_WAITING,
    DeliveryState.DELIVERED: webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED,
    DeliveryState.DEAD: webhook_pb2.WEBHOOK_DELIVERY_STATE_DEAD,
    DeliveryState.VOID: webhook_pb2.WEBHOOK_DELIVERY_STATE_VOID,
}


def endpoint(
    book: BookRow, row: EndpointRow, counts: Counts, secrets: Sequence[SecretRow]
) -> webhook_pb2.WebhookEndpoint:
    """Write an endpoint as it stands."""
    settings, health, cursor = row.settings, row.health, row.cursor
    ordered, unordered = webhook_pb2.WEBHOOK_ORDER_BY_ACCOUNT, webhook_pb2.WEBHOOK_ORDER_NONE
    message = webhook_pb2.WebhookEndpoint(
        id=row.endpoint,
        url=settings.url,
        description=settings.description,
        order=ordered if settings.by_account else unordered,
        concurrency=settings.concurrency,
        state=STATES[health.state],
        create_time=timestamp(row.created_at),
        update_time=timestamp(row.updated_at),
        etag=etag(row),
        position=encode_position(book.id, cursor.epoch, cursor.link.seq),
        lag=max(0, book.seq - cursor.link.seq),
        waiting=counts.waiting,
        dead_letters=counts.dead,
        failures=health.failures,
        secrets=[_secret(each) for each in secrets],
    )
    if settings.filter:
        ParseDict(dict(settings.filter), message.filter)
    if health.failing_since is not None:
        message.failing_since.CopyFrom(timestamp(health.failing_since))
    return message


def etag(row: EndpointRow) -> str:
    """Return what tells versions of an endpoint apart."""
    return str(row.version)


def show_secret(message: webhook_pb2.WebhookEndpoint, secret: bytes) -> None:
    """Write the text of the newest secret: in the answer to the call that made it alone."""
    message.secrets[0].secret = shown_secret(secret)


def delivery(row: DeliveryRow) -> webhook_pb2.WebhookDelivery:
    """Write a delivery."""
    message = webhook_pb2.WebhookDelivery(
        id=f"{row.run}-{row.seq}",
        event_id=row.event_id,
        type=row.type,
        subject=row.subject,
        state=DELIVERY_STATES[row.state],
        attempts=row.attempts,
        create_time=timestamp(row.created_at),
    )
    if row.state is DeliveryState.WAITING:
        message.next_attempt_time.CopyFrom(timestamp(row.due_at))
    if row.began_at is not None:
        message.last_attempt.CopyFrom(_attempt(row, row.began_at))
    return message


def _attempt(row: DeliveryRow, began_at: datetime) -> webhook_pb2.WebhookAttempt:
    latency = Duration()
    latency.FromTimedelta(timedelta(seconds=row.took_s or 0.0))
    return webhook_pb2.WebhookAttempt(
        start_time=timestamp(began_at),
        latency=latency,
        status=row.status or 0,
        error=row.error or "",
        excerpt=row.excerpt or "",
    )


def _secret(row: SecretRow) -> webhook_pb2.WebhookSecret:
    expires_at = None if row.expires_at is None else timestamp(row.expires_at)
    return webhook_pb2.WebhookSecret(create_time=timestamp(row.created_at), expire_time=expires_at)


def timestamp(at: datetime) -> Timestamp:
    """Write an aware time."""
    message = Timestamp()
    message.FromDatetime(at.astimezone(UTC))
    return message
