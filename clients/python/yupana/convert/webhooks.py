"""Endpoints and deliveries of webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.convert.enums import (
    ENTRY_KINDS,
    REASONS,
    WEBHOOK_DELIVERY_STATES,
    WEBHOOK_ORDERS,
    WEBHOOK_STATES,
)
from yupana.convert.times import moment, optional_moment
from yupana.events import EventFilter
from yupana.feed.v1.event_filter_pb2 import DECIDED_DONE, DECIDED_REJECTED
from yupana.webhooks import Webhook, WebhookAttempt, WebhookDelivery, WebhookSecret

if TYPE_CHECKING:
    from yupana.feed.v1 import event_filter_pb2, webhook_pb2


def webhook(message: webhook_pb2.WebhookEndpoint) -> Webhook:
    """Return an endpoint."""
    return Webhook(
        id=message.id,
        url=message.url,
        description=message.description,
        wanted=_wanted(message.filter),
        order=WEBHOOK_ORDERS.of(message.order),
        concurrency=message.concurrency,
        state=WEBHOOK_STATES.of(message.state),
        created_at=moment(message.create_time),
        updated_at=moment(message.update_time),
        etag=message.etag,
        position=message.position,
        lag=message.lag,
        waiting=message.waiting,
        dead_letters=message.dead_letters,
        failures=message.failures,
        failing_since=optional_moment(message, "failing_since"),
        secrets=tuple(map(_secret, message.secrets)),
    )


def webhook_delivery(message: webhook_pb2.WebhookDelivery) -> WebhookDelivery:
    """Return a delivery with its last attempt."""
    last = message.last_attempt if message.HasField("last_attempt") else None
    return WebhookDelivery(
        id=message.id,
        event_id=message.event_id,
        type=message.type,
        subject=message.subject,
        state=WEBHOOK_DELIVERY_STATES.of(message.state),
        attempts=message.attempts,
        created_at=moment(message.create_time),
        next_attempt_at=optional_moment(message, "next_attempt_time"),
        last_attempt=None if last is None else _attempt(last),
    )


def _attempt(message: webhook_pb2.WebhookAttempt) -> WebhookAttempt:
    return WebhookAttempt(
        began_at=moment(message.start_time),
        latency=message.latency.ToTimedelta(),
        status=message.status,
        error=message.error,
        excerpt=message.excerpt,
    )


def _secret(message: webhook_pb2.WebhookSecret) -> WebhookSecret:
    created_at, expires_at = moment(message.create_time), optional_moment(message, "expire_time")
    return WebhookSecret(message.secret, created_at, expires_at)


def _wanted(message: event_filter_pb2.EventFilter) -> EventFilter:
    rejected = {DECIDED_DONE: False, DECIDED_REJECTED: True}
    return EventFilter(
        account_prefixes=tuple(message.account_prefixes),
        kinds=tuple(map(ENTRY_KINDS.of, message.kinds)),
        codes=tuple(message.codes),
        reasons=tuple(map(REASONS.of, message.reasons)),
        rejected=rejected.get(message.decided),
    )
