"""Lists that page by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from yupana.access.v1 import access_service_pb2 as access
from yupana.feed.v1 import webhook_service_pb2 as webhooks
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import history_service_pb2 as history
from yupana.ledger.v1 import ledger_service_pb2 as ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from yupana.calls import Calls
    from yupana.methods import Method

PAGE_SIZE = 1000  # the most that the contract allows

PageRequest = TypeVar(
    "PageRequest",
    books.ListBooksRequest,
    books.ListAssetsRequest,
    ledger.ListAccountsRequest,
    ledger.ListTransfersRequest,
    history.ListHoldsRequest,
    history.GetStatementRequest,
    webhooks.ListWebhookEndpointsRequest,
    webhooks.ListWebhookDeliveriesRequest,
    access.ListKeysRequest,
    access.ListKeyChangesRequest,
)
Page = TypeVar(
    "Page",
    books.ListBooksResponse,
    books.ListAssetsResponse,
    ledger.ListAccountsResponse,
    ledger.ListTransfersResponse,
    history.ListHoldsResponse,
    history.GetStatementResponse,
    webhooks.ListWebhookEndpointsResponse,
    webhooks.ListWebhookDeliveriesResponse,
    access.ListKeysResponse,
    access.ListKeyChangesResponse,
)


async def pages(
    calls: Calls,
    method: Method[PageRequest, Page],
    request: PageRequest,
    *,
    key: str,
    timeout_s: float | None,
) -> AsyncIterator[Page]:
    """Yield page after page. The time-out is for each of them.

    Args:
        calls: Sends the calls.
        method: The list method.
        request: The request for the first page; its token is moved on.
        key: The book that it is about.
        timeout_s: For each page. None: the default for reads.
    """
    request.page_size = PAGE_SIZE
    while True:
        page = await calls.send(method, request, key=key, timeout_s=timeout_s)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
