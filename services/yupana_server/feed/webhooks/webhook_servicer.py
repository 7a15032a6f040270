"""`yupana.feed.v1.WebhookService`."""

from typing import Any

import grpc.aio
from google.protobuf.empty_pb2 import Empty

from yupana.feed.v1 import webhook_pb2, webhook_service_pb2, webhook_service_pb2_grpc
from yupana_server.feed.webhooks import presenting, requests
from yupana_server.feed.webhooks.guard import Guard
from yupana_server.feed.webhooks.requests import Start
from yupana_server.feed.webhooks.signing import new_secret
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link
from yupana_server.journal.webhook_rows import Cursor, EndpointRow
from yupana_server.journal.webhooks import ENDPOINTS_MAX, WebhookStore
from yupana_server.messages.checks import page_size, read_request
from yupana_server.messages.tokens import SEQ_MAX, PageScope, decode_position, epoch_changed
from yupana_server.runtime.errors import CallError

RUN_MAX = 2**31 - 1
SERVICE = webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"].full_name

Context = grpc.aio.ServicerContext[Any, Any]


class WebhookServicer(webhook_service_pb2_grpc.WebhookServiceServicer):
    """Manages endpoints, and shows how their deliveries go."""

    def __init__(self, reader: JournalReader, guard: Guard):
        self._reader = reader
        self._store = WebhookStore(reader)
        self._guard = guard

    async def CreateWebhookEndpoint(
        self, request: webhook_service_pb2.CreateWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        """Create an endpoint, or return the one that is there."""
        check = read_request(request)
        settings = requests.read_endpoint(request.endpoint, check, self._guard)
        inside = check.inside("start")
        start = requests.read_start(request.start, inside, otherwise=Start(now=True))
        check.done()
        book, name, secret = await self._book(request.book), request.endpoint.id, new_secret()
        cursor = Cursor(book.epoch, Link(await self._seq_before(book, start), b""))
        made = await self._store.create(book.number, name, settings, cursor=cursor, secret=secret)
        row = await self._store.get(book.number, name)
        if row is None:
            raise _full(book)
        if not made and row.settings != settings:
            raise _exists(book, name)
        message = await self._shown(book, row)
        if made:
            presenting.show_secret(message, secret)
        return message

    async def GetWebhookEndpoint(
        self, request: webhook_service_pb2.GetWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        """Return an endpoint as it stands."""
        return await self._found(await self._named(request), request.endpoint)

    async def ListWebhookEndpoints(
        self, request: webhook_service_pb2.ListWebhookEndpointsRequest, context: Context
    ) -> webhook_service_pb2.ListWebhookEndpointsResponse:
        """List a book's endpoints by id."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        check.done()
        book = await self._book(request.book)
        scope = PageScope("webhooks", book)
        after = scope.read_id(request.page_token)
        rows = await self._store.page(book.number, after=after, limit=size + 1)
        response = webhook_service_pb2.ListWebhookEndpointsResponse(
            endpoints=[await self._shown(book, row) for row in rows[:size]]
        )
        if len(rows) > size:
            response.next_page_token = scope.write(rows[size - 1].endpoint)
        return response

    async def UpdateWebhookEndpoint(
        self, request: webhook_service_pb2.UpdateWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        """Change an endpoint."""
        check = read_request(request)
        check.inside("endpoint").check_id("id", request.endpoint.id)
        check.done()
        book, name = await self._book(request.book), request.endpoint.id
        row = await self._row(book, name)
        known = await self._shown(book, row)
        settings = requests.read_update(request, known, check, self._guard)
        check.done()
        if request.endpoint.etag and request.endpoint.etag != known.etag:
            raise _changed(book, name)
        if not await self._store.update(book.number, name, settings, version=row.version):
            raise _changed(book, name)
        return await self._found(book, name)

    async def DeleteWebhookEndpoint(
        self, request: webhook_service_pb2.DeleteWebhookEndpointRequest, context: Context
    ) -> Empty:
        """Delete an endpoint with all that belongs to it."""
        book = await self._named(request)
        _done(book, request.endpoint, await self._store.delete(book.number, request.endpoint))
        return Empty()

    async def RotateWebhookSecret(
        self, request: webhook_service_pb2.RotateWebhookSecretRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        """Make a new secret, and show it."""
        check = read_request(request)
        check.check_id("endpoint", request.endpoint)
        overlap = requests.read_overlap(request, check)
        check.done()
        book, name, secret = await self._book(request.book), request.endpoint, new_secret()
        rotated = await self._store.rotate(book.number, name, secret=secret, overlap=overlap)
        _done(book, name, rotated)
        message = await self._found(book, name)
        presenting.show_secret(message, secret)
        return message

    async def PauseWebhookEndpoint(
        self, request: webhook_service_pb2.PauseWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        """Stop deliveries."""
        book = await self._named(request)
        _done(book, request.endpoint, await self._store.pause(book.number, request.endpoint))
        return await self._found(book, request.endpoint)

    async def ResumeWebhookEndpoint(
        self, request: webhook_service_pb2.ResumeWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        """Go on with deliveries."""
        book = await self._named(request)
        _done(book, request.endpoint, await self._store.resume(book.number, request.endpoint))
        return await self._found(book, request.endpoint)

    async def ReplayWebhookEndpoint(
        self, request: webhook_service_pb2.ReplayWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        """Go on after another entry."""
        check = read_request(request)
        check.check_id("endpoint", request.endpoint)
        start = requests.read_start(request.start, check.inside("start"), otherwise=None)
        check.done()
        book, name = await self._book(request.book), request.endpoint
        seq = await self._seq_before(book, start)
        replayed = await self._store.replay(book.number, name, epoch=book.epoch, seq=seq)
        _done(book, name, replayed)
        return await self._found(book, name)

    async def ListWebhookDeliveries(
        self, request: webhook_service_pb2.ListWebhookDeliveriesRequest, context: Context
    ) -> webhook_service_pb2.ListWebhookDeliveriesResponse:
        """List deliveries, the newest first."""
        check = read_request(request)
        check.check_id("endpoint", request.endpoint)
        size, state = page_size(request.page_size, check), requests.read_state(request, check)
        check.done()
        book = await self._book(request.book)
        await self._row(book, request.endpoint)
        scope = PageScope(f"deliveries {request.endpoint} {request.state}", book)
        token = request.page_token
        run, seq = scope.read_numbers(token, 2) if token else (RUN_MAX, SEQ_MAX)
        rows = await self._store.deliveries(
            book.number, request.endpoint, state=state, before=(run, seq), limit=size + 1
        )
        response = webhook_service_pb2.ListWebhookDeliveriesResponse(
            deliveries=map(presenting.delivery, rows[:size])
        )
        if len(rows) > size:
            response.next_page_token = scope.write(f"{rows[size - 1].run},{rows[size - 1].seq}")
        return response

    async def RetryWebhookDeliveries(
        self, request: webhook_service_pb2.RetryWebhookDeliveriesRequest, context: Context
    ) -> webhook_service_pb2.RetryWebhookDeliveriesResponse:
        """Have deliveries made once more."""
        check = read_request(request)
        check.check_id("endpoint", request.endpoint)
        wanted = requests.read_deliveries(request, check)
        check.done()
        book = await self._book(request.book)
        await self._row(book, request.endpoint)
        retried = await self._store.retry(book.number, request.endpoint, wanted)
        return webhook_service_pb2.RetryWebhookDeliveriesResponse(retried=retried)

    async def _named(self, request: Any) -> BookRow:
        """Check a request that names an endpoint and nothing else; return the book."""
        check = read_request(request)
        check.check_id("endpoint", request.endpoint)
        check.done()
        return await self._book(request.book)

    async def _book(self, book_id: str) -> BookRow:
        book = await self._reader.book(book_id)
        if book is None:
            raise CallError(
                "BOOK_NOT_FOUND", f"there is no book {book_id}", metadata={"book": book_id}
            )
        return book

    async def _row(self, book: BookRow, name: str) -> EndpointRow:
        row = await self._store.get(book.number, name)
        if row is None:
            raise _not_found(book, name)
        return row

    async def _found(self, book: BookRow, name: str) -> webhook_pb2.WebhookEndpoint:
        return await self._shown(book, await self._row(book, name))

    async def _shown(self, book: BookRow, row: EndpointRow) -> webhook_pb2.WebhookEndpoint:
        counts = await self._store.counts(book.number, row.endpoint)
        secrets = await self._store.secrets(book.number, row.endpoint)
        return presenting.endpoint(book, row, counts, secrets)

    async def _seq_before(self, book: BookRow, start: Start) -> int:
        """Return the entry after which to begin."""
        if start.now:
            return book.seq
        if start.at is not None:
            return await self._reader.seq_at(book.number, start.at - 1)
        if start.position is None:
            return 0
        position = decode_position(book.id, start.position)
        if position.epoch != book.epoch:
            raise epoch_changed("the position", position.epoch, book)
        if position.seq > book.seq:
            message = "the book's journal does not reach to this position"
            raise CallError("INVALID_POSITION", message)
        return position.seq


def _done(book: BookRow, name: str, done: bool) -> None:  # noqa: FBT001
    if not done:
        raise _not_found(book, name)


def _not_found(book: BookRow, name: str) -> CallError:
    message = f"the book {book.id} has no webhook endpoint {name}"
    return CallError("WEBHOOK_NOT_FOUND", message, metadata={"book": book.id, "endpoint": name})


def _exists(book: BookRow, name: str) -> CallError:
    message = (
        f"the book {book.id} has a webhook endpoint {name} already, which is configured otherwise: "
        "update it, or choose another id"
    )
    return CallError("WEBHOOK_EXISTS", message, metadata={"book": book.id, "endpoint": name})


def _changed(book: BookRow, name: str) -> CallError:
    message = f"the webhook endpoint {name} was changed meanwhile: read it and decide again"
    return CallError("WEBHOOK_CHANGED", message, metadata={"book": book.id, "endpoint": name})


def _full(book: BookRow) -> CallError:
    message = f"the book {book.id} has {ENDPOINTS_MAX} webhook endpoints already: delete one first"
    return CallError("WEBHOOKS_FULL", message, metadata={"endpoints_max": str(ENDPOINTS_MAX)})
