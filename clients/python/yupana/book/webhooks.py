"""The webhooks of a book."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.field_mask_pb2 import FieldMask

from yupana.convert.times import duration, optional_timestamp
from yupana.convert.webhooks import webhook, webhook_delivery
from yupana.enums import WebhookDeliveryState, WebhookOrder
from yupana.feed.v1 import webhook_pb2
from yupana.feed.v1 import webhook_service_pb2 as messages
from yupana.methods import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_WEBHOOK_DELIVERIES,
    LIST_WEBHOOKS,
    PAUSE_WEBHOOK,
    REPLAY_WEBHOOK,
    RESUME_WEBHOOK,
    RETRY_WEBHOOK_DELIVERIES,
    ROTATE_WEBHOOK_SECRET,
    UPDATE_WEBHOOK,
)
from yupana.paging import pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from yupana.calls import Calls
    from yupana.events import EventFilter
    from yupana.methods import Method
    from yupana.webhooks import Webhook, WebhookDelivery

OVERLAP = timedelta(hours=24)


class WebhookClient:
    """Manages where the events of a book are posted to, from `BookClient.webhooks`.

    All methods raise `WebhookNotFound` when there is no endpoint of the id.
    """

    def __init__(self, calls: Calls, book: str) -> None:
        self._calls = calls
        self._book = book

    async def create(
        self,
        id: str,  # noqa: A002 - the contract's word
        url: str,
        *,
        description: str = "",
        wanted: EventFilter | None = None,
        order: WebhookOrder = WebhookOrder.BY_ACCOUNT,
        concurrency: int = 0,
        position: str | None = None,
        since: datetime | None = None,
        from_beginning: bool = False,
        timeout_s: float | None = None,
    ) -> Webhook:
        """Create an endpoint; its `secret` is in the answer, once.

        Begins with what is recorded from now on, unless it is told where. Idempotent: the same
        again returns the endpoint without its secret; `WebhookExists` when it is configured
        otherwise.

        Args:
            id: The endpoint's, within the book.
            url: `https://…`, where to post to.
            description: For people.
            wanted: Which events. None: all.
            order: By account or none.
            concurrency: How many deliveries may be under way, 1 to 64; 0 means 8.
            position: Begin after the entry at this position.
            since: Begin with the first entry recorded at this time or later.
            from_beginning: Begin with the book's first entry.
            timeout_s: For the call.
        """
        endpoint = webhook_pb2.WebhookEndpoint(
            id=id,
            url=url,
            description=description,
            filter=None if wanted is None else wanted.to_message(),
            order=_order(order),
            concurrency=concurrency,
        )
        request = messages.CreateWebhookEndpointRequest(
            book=self._book, endpoint=endpoint, start=_start(position, since, from_beginning)
        )
        return await self._one(CREATE_WEBHOOK, request, timeout_s)

    async def get(self, id: str, *, timeout_s: float | None = None) -> Webhook:  # noqa: A002
        """Return an endpoint as it stands."""
        request = messages.GetWebhookEndpointRequest(book=self._book, endpoint=id)
        return await self._one(GET_WEBHOOK, request, timeout_s)

    async def list(self, *, timeout_s: float | None = None) -> AsyncIterator[Webhook]:
        """Yield the endpoints of the book by id. The time-out is for each page."""
        request = messages.ListWebhookEndpointsRequest(book=self._book)
        found = pages(self._calls, LIST_WEBHOOKS, request, key=self._book, timeout_s=timeout_s)
        async for page in found:
            for each in page.endpoints:
                yield webhook(each)

    async def update(
        self,
        id: str,  # noqa: A002
        *,
        url: str | None = None,
        description: str | None = None,
        wanted: EventFilter | None = None,
        order: WebhookOrder | None = None,
        concurrency: int | None = None,
        etag: str = "",
        timeout_s: float | None = None,
    ) -> Webhook:
        """Change what is given of an endpoint.

        With an etag, `WebhookChanged` when somebody changed it since. An empty `EventFilter` wants
        everything.
        """
        given = {
            "url": url,
            "description": description,
            "filter": None if wanted is None else wanted.to_message(),
            "order": None if order is None else _order(order),
            "concurrency": concurrency,
        }
        changed = {name: value for name, value in given.items() if value is not None}
        fields: dict[str, Any] = changed
        request = messages.UpdateWebhookEndpointRequest(
            book=self._book,
            endpoint=webhook_pb2.WebhookEndpoint(id=id, etag=etag, **fields),
            update_mask=FieldMask(paths=list(changed)),
        )
        return await self._one(UPDATE_WEBHOOK, request, timeout_s)

    async def delete(self, id: str, *, timeout_s: float | None = None) -> None:  # noqa: A002
        """Delete an endpoint with its backlog and the list of its deliveries, for good."""
        request = messages.DeleteWebhookEndpointRequest(book=self._book, endpoint=id)
        await self._calls.send(DELETE_WEBHOOK, request, key=self._book, timeout_s=timeout_s)

    async def rotate(
        self,
        id: str,  # noqa: A002
        *,
        overlap: timedelta = OVERLAP,
        timeout_s: float | None = None,
    ) -> Webhook:
        """Make a new `secret`; the old ones are signed with beside it for the overlap."""
        request = messages.RotateWebhookSecretRequest(
            book=self._book, endpoint=id, overlap=duration(overlap)
        )
        return await self._one(ROTATE_WEBHOOK_SECRET, request, timeout_s)

    async def pause(self, id: str, *, timeout_s: float | None = None) -> Webhook:  # noqa: A002
        """Stop deliveries; what happens meanwhile is delivered after `resume`."""
        request = messages.PauseWebhookEndpointRequest(book=self._book, endpoint=id)
        return await self._one(PAUSE_WEBHOOK, request, timeout_s)

    async def resume(self, id: str, *, timeout_s: float | None = None) -> Webhook:  # noqa: A002
        """Go on with deliveries, whatever had stopped them."""
        request = messages.ResumeWebhookEndpointRequest(book=self._book, endpoint=id)
        return await self._one(RESUME_WEBHOOK, request, timeout_s)

    async def replay(
        self,
        id: str,  # noqa: A002
        *,
        position: str | None = None,
        since: datetime | None = None,
        from_beginning: bool = False,
        timeout_s: float | None = None,
    ) -> Webhook:
        """Deliver once more, with the same event ids, what follows: give one of the three."""
        request = messages.ReplayWebhookEndpointRequest(
            book=self._book, endpoint=id, start=_start(position, since, from_beginning)
        )
        return await self._one(REPLAY_WEBHOOK, request, timeout_s)

    async def deliveries(
        self,
        id: str,  # noqa: A002
        *,
        state: WebhookDeliveryState | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[WebhookDelivery]:
        """Yield deliveries, the newest first. The time-out is for each page."""
        name = "UNSPECIFIED" if state is None else state.name
        request = messages.ListWebhookDeliveriesRequest(
            book=self._book,
            endpoint=id,
            state=f"WEBHOOK_DELIVERY_STATE_{name}",
        )
        method, key = LIST_WEBHOOK_DELIVERIES, self._book
        async for page in pages(self._calls, method, request, key=key, timeout_s=timeout_s):
            for each in page.deliveries:
                yield webhook_delivery(each)

    async def retry(
        self,
        id: str,  # noqa: A002
        deliveries: Sequence[str] = (),
        *,
        timeout_s: float | None = None,
    ) -> int:
        """Have these delivered once more, or up to 1,000 dead letters; return how many."""
        request = messages.RetryWebhookDeliveriesRequest(
            book=self._book, endpoint=id, deliveries=deliveries
        )
        answer = await self._calls.send(
            RETRY_WEBHOOK_DELIVERIES, request, key=self._book, timeout_s=timeout_s
        )
        return answer.retried

    async def _one(
        self,
        method: Method[Any, webhook_pb2.WebhookEndpoint],
        request: Any,
        timeout_s: float | None,
    ) -> Webhook:
        answer = await self._calls.send(method, request, key=self._book, timeout_s=timeout_s)
        return webhook(answer)


def _order(order: WebhookOrder) -> str:
    return f"WEBHOOK_ORDER_{order.name}"


def _start(
    position: str | None,
    since: datetime | None,
    from_beginning: bool,  # noqa: FBT001
) -> messages.WebhookStart | None:
    given = (position is not None) + (since is not None) + from_beginning
    if given > 1:
        raise ValueError("position, since and from_beginning exclude each other: give one of them")
    if not given:
        return None
    return messages.WebhookStart(
        position=position,
        from_time=optional_timestamp(since),
        from_beginning=from_beginning or None,
    )
