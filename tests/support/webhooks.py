"""Webhooks in this process, with short pauses, and calls that manage them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio

from support.databases import Database
from yupana.feed.v1 import webhook_pb2, webhook_service_pb2, webhook_service_pb2_grpc
from yupana_server.feed.webhooks.service import Webhooks
from yupana_server.journal.errors import UnavailableError
from yupana_server.runtime.admission import Admission
from yupana_server.runtime.config import FeedConfig
from yupana_server.runtime.errors import database_unavailable
from yupana_server.runtime.interceptors import CallInterceptor
from yupana_server.runtime.server import Server

SHORT: dict[str, Any] = {
    "feed_poll_s": 0.02,
    "webhook_allow_private": "127.0.0.0/8",
    "webhook_allow_http": True,
    "webhook_timeout_s": 2.0,
    "webhook_retry_base_s": 0.02,
    "webhook_retry_max_s": 0.1,
    "webhook_probe_s": 0.1,
}
BOOK = "b"


class Hooks:
    """Calls about the endpoints of the book `b`."""

    def __init__(self, channel: grpc.aio.Channel, address: str):
        self.stub: Any = webhook_service_pb2_grpc.WebhookServiceStub(channel)
        self.address = address

    async def create(
        self, id_: str, url: str, *, start: Any = None, **fields: Any
    ) -> webhook_pb2.WebhookEndpoint:
        """Create an endpoint, which begins with the book unless told otherwise."""
        endpoint = webhook_pb2.WebhookEndpoint(id=id_, url=url, **fields)
        start = start or webhook_service_pb2.WebhookStart(from_beginning=True)
        return await self.call("CreateWebhookEndpoint", endpoint=endpoint, start=start)  # type: ignore[no-any-return]

    async def get(self, id_: str) -> webhook_pb2.WebhookEndpoint:
        return await self.call("GetWebhookEndpoint", endpoint=id_)  # type: ignore[no-any-return]

    async def deliveries(self, id_: str, state: str = "", **fields: Any) -> list[Any]:
        if state:
            fields["state"] = f"WEBHOOK_DELIVERY_STATE_{state}"
        return list((await self.call("ListWebhookDeliveries", endpoint=id_, **fields)).deliveries)

    async def call(self, method: str, **fields: Any) -> Any:
        request = getattr(webhook_service_pb2, f"{method}Request")(book=BOOK, **fields)
        return await getattr(self.stub, method)(request, timeout=10)


async def create_endpoint(
    address: str, book: str, id_: str, url: str, *, from_beginning: bool = False, **fields: Any
) -> webhook_pb2.WebhookEndpoint:
    """Create an endpoint of any book by the feed at an address."""
    start = webhook_service_pb2.WebhookStart(from_beginning=True) if from_beginning else None
    async with grpc.aio.insecure_channel(address) as channel:
        request = webhook_service_pb2.CreateWebhookEndpointRequest(
            book=book, endpoint=webhook_pb2.WebhookEndpoint(id=id_, url=url, **fields), start=start
        )
        stub: Any = webhook_service_pb2_grpc.WebhookServiceStub(channel)
        return await stub.CreateWebhookEndpoint(request, timeout=10)  # type: ignore[no-any-return]


def secret_of(endpoint: webhook_pb2.WebhookEndpoint) -> str:
    """Return the secret that was just made."""
    return endpoint.secrets[0].secret


@asynccontextmanager
async def hooks_of(
    database: Database, *, parts: Any = None, **settings: Any
) -> AsyncIterator[Hooks]:
    """Deliver the webhooks of a database; `settings` are those of the feed."""
    settings = {"database_url": database.feed_url, "listen": "127.0.0.1:0", **SHORT, **settings}
    config = FeedConfig(**settings)
    webhooks = Webhooks(config, **(parts or {}))
    interceptor = CallInterceptor(
        default_deadline_s=10.0,
        admission=Admission(100),
        expected={UnavailableError: database_unavailable},
    )
    server = Server([interceptor])
    try:
        await webhooks.start(server.grpc)
        address = await server.start(config, ())
        async with grpc.aio.insecure_channel(address) as channel:
            yield Hooks(channel, address)
    finally:
        await server.grpc.stop(0)
        await webhooks.stop()
