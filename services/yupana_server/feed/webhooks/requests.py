"""Reads requests about endpoints, and names everything that is wrong with them."""

import re
from datetime import timedelta
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict

from yupana.feed.v1 import webhook_pb2, webhook_service_pb2
from yupana_server.feed.event_filter import read_filter
from yupana_server.feed.webhooks.guard import Guard
from yupana_server.feed.webhooks.presenting import DELIVERY_STATES
from yupana_server.journal.webhook_rows import DeliveryState, Settings
from yupana_server.messages.checks import RequestCheck
from yupana_server.messages.fields import Violations

DESCRIPTION_BYTES_MAX = 1_024
CONCURRENCY_DEFAULT = 8
CONCURRENCY_MAX = 64
OVERLAP = timedelta(hours=24)
OVERLAP_MAX = timedelta(days=30)
RETRIED_MAX = 1_000

CHOSEN = ("url", "description", "filter", "order", "concurrency")
"""The fields of an endpoint that a caller chooses, which are those that a mask may name."""

_DELIVERY = re.compile("([0-9]{1,9})-([0-9]{1,18})", re.ASCII)


class Start(NamedTuple):
    """Where deliveries begin: one of these, or else the book's first entry."""

    position: str | None = None
    at: int | None = None
    """With the first entry that was recorded at this time or later, in microseconds."""
    now: bool = False


def read_endpoint(
    message: webhook_pb2.WebhookEndpoint, check: RequestCheck, guard: Guard
) -> Settings:
    """Read what a caller chooses of a new endpoint."""
    inside = check.inside("endpoint")
    inside.check_unknown(message)
    inside.check_id("id", message.id)
    return _settings(message, inside, guard)


def read_update(
    request: webhook_service_pb2.UpdateWebhookEndpointRequest,
    known: webhook_pb2.WebhookEndpoint,
    check: RequestCheck,
    guard: Guard,
) -> Settings:
    """Read what an endpoint is to be, given how it is: only what is named changes."""
    paths = list(request.update_mask.paths)
    if not request.HasField("update_mask"):
        paths = [field.name for field, _ in request.endpoint.ListFields() if field.name in CHOSEN]
    merged = webhook_pb2.WebhookEndpoint()
    merged.CopyFrom(known)
    for place, path in enumerate(paths):
        if path not in CHOSEN:
            check.add(f"update_mask.paths[{place}]", f"is not one of {', '.join(CHOSEN)}")
            continue
        _take(merged, request.endpoint, path)
    return _settings(merged, check.inside("endpoint"), guard)


def _take(
    merged: webhook_pb2.WebhookEndpoint, given: webhook_pb2.WebhookEndpoint, field: str
) -> None:
    merged.ClearField(field)
    if field != "filter":
        setattr(merged, field, getattr(given, field))
    elif given.HasField("filter"):
        merged.filter.CopyFrom(given.filter)


def read_start(
    message: webhook_service_pb2.WebhookStart, check: Violations, *, otherwise: Start | None
) -> Start:
    """Read where deliveries begin; `otherwise` when the request does not say."""
    check.check_unknown(message)
    kind = message.WhichOneof("at")
    if kind == "position":
        return Start(position=message.position)
    if kind == "from_time":
        return Start(at=check.read_time("from_time", message))
    if kind == "from_beginning" and not message.from_beginning:
        check.add("from_beginning", "false is not allowed: leave it out")
    if kind is None and otherwise is None:
        check.add("at", "give one of position, from_time and from_beginning")
    return Start() if kind is not None or otherwise is None else otherwise


def read_overlap(
    request: webhook_service_pb2.RotateWebhookSecretRequest, check: RequestCheck
) -> timedelta:
    """Read for how long old secrets stay valid."""
    if not request.HasField("overlap"):
        return OVERLAP
    most_us = OVERLAP_MAX // timedelta(microseconds=1)
    return timedelta(microseconds=check.read_duration("overlap", request.overlap, 0, most_us))


def read_state(
    request: webhook_service_pb2.ListWebhookDeliveriesRequest, check: RequestCheck
) -> DeliveryState | None:
    """Read which deliveries are wanted; None for all."""
    check.check_enum("state", request)
    states = {number: state for state, number in DELIVERY_STATES.items()}
    return states.get(request.state)


def read_deliveries(
    request: webhook_service_pb2.RetryWebhookDeliveriesRequest, check: RequestCheck
) -> list[tuple[int, int]] | None:
    """Read which deliveries to make once more, by run and seq; None for all dead letters."""
    if len(request.deliveries) > RETRIED_MAX:
        check.add("deliveries", f"has {len(request.deliveries)} ids: at most {RETRIED_MAX} allowed")
    found = []
    for place, text in enumerate(request.deliveries):
        matched = _DELIVERY.fullmatch(text)
        if matched is None:
            check.add(f"deliveries[{place}]", "is not the id of a delivery, such as 1-42")
        else:
            found.append((int(matched[1]), int(matched[2])))
    return found or None


def _settings(message: webhook_pb2.WebhookEndpoint, check: Violations, guard: Guard) -> Settings:
    trouble = guard.trouble_with(message.url)
    if trouble is not None:
        check.add("url", trouble)
    size = len(message.description.encode())
    if size > DESCRIPTION_BYTES_MAX or "\x00" in message.description:
        rule = f"must be at most {DESCRIPTION_BYTES_MAX} bytes of text without NUL"
        check.add("description", rule)
    check.check_enum("order", message)
    if not 0 <= message.concurrency <= CONCURRENCY_MAX:
        check.add("concurrency", f"{message.concurrency} is not from 1 to {CONCURRENCY_MAX}")
    read_filter(message.filter, check.inside("filter"))
    chosen: dict[str, Any] = MessageToDict(message.filter)
    return Settings(
        message.url,
        message.description,
        chosen,
        message.order != webhook_pb2.WEBHOOK_ORDER_NONE,
        message.concurrency or CONCURRENCY_DEFAULT,
    )
