"""The methods of the contract, with the types of their messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf import empty_pb2
from google.protobuf.message import Message

from yupana.access.v1 import access_service_pb2 as access
from yupana.access.v1 import key_pb2
from yupana.feed.v1 import feed_service_pb2 as feed
from yupana.feed.v1 import webhook_pb2
from yupana.feed.v1 import webhook_service_pb2 as webhooks
from yupana.ledger.v1 import book_pb2, hold_pb2, outcome_pb2, transfer_pb2
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import history_service_pb2 as history
from yupana.ledger.v1 import ledger_service_pb2 as ledger

Request = TypeVar("Request", bound=Message)
Request_co = TypeVar("Request_co", bound=Message, covariant=True)
Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Response]):
    """One method. The generated stubs know the same, but not to a type checker."""

    service: str
    name: str
    request: type[Request]
    response: type[Response]
    writes: bool = False

    @property
    def path(self) -> str:
        """Its path on the wire."""
        return f"/{self.service}/{self.name}"


_BOOKS = "yupana.ledger.v1.BookService"
_LEDGER = "yupana.ledger.v1.LedgerService"
_HISTORY = "yupana.ledger.v1.HistoryService"
_FEED = "yupana.feed.v1.FeedService"
_WEBHOOKS = "yupana.feed.v1.WebhookService"
_ACCESS = "yupana.access.v1.AccessService"

CREATE_BOOK = Method(_BOOKS, "CreateBook", books.CreateBookRequest, book_pb2.Book, writes=True)
GET_BOOK = Method(_BOOKS, "GetBook", books.GetBookRequest, book_pb2.Book)
LIST_BOOKS = Method(_BOOKS, "ListBooks", books.ListBooksRequest, books.ListBooksResponse)
LIST_ASSETS = Method(_BOOKS, "ListAssets", books.ListAssetsRequest, books.ListAssetsResponse)
EXECUTE = Method(_LEDGER, "Execute", ledger.ExecuteRequest, ledger.ExecuteResponse, writes=True)
EXECUTE_STREAM = Method(
    _LEDGER, "ExecuteStream", ledger.ExecuteStreamRequest, ledger.ExecuteResponse, writes=True
)
BATCH_GET_ACCOUNTS = Method(
    _LEDGER, "BatchGetAccounts", ledger.BatchGetAccountsRequest, ledger.BatchGetAccountsResponse
)
LIST_ACCOUNTS = Method(
    _LEDGER, "ListAccounts", ledger.ListAccountsRequest, ledger.ListAccountsResponse
)
GET_TRANSFER = Method(_LEDGER, "GetTransfer", ledger.GetTransferRequest, transfer_pb2.Transfer)
LIST_TRANSFERS = Method(
    _LEDGER, "ListTransfers", ledger.ListTransfersRequest, ledger.ListTransfersResponse
)
GET_OUTCOME = Method(_HISTORY, "GetOutcome", history.GetOutcomeRequest, outcome_pb2.Outcome)
GET_HOLD = Method(_HISTORY, "GetHold", history.GetHoldRequest, hold_pb2.Hold)
LIST_HOLDS = Method(_HISTORY, "ListHolds", history.ListHoldsRequest, history.ListHoldsResponse)
GET_STATEMENT = Method(
    _HISTORY, "GetStatement", history.GetStatementRequest, history.GetStatementResponse
)
SUM_BALANCES = Method(
    _HISTORY, "SumBalances", history.SumBalancesRequest, history.SumBalancesResponse
)
SUBSCRIBE = Method(_FEED, "Subscribe", feed.SubscribeRequest, feed.SubscribeResponse)
READ_ENTRIES = Method(_FEED, "ReadEntries", feed.ReadEntriesRequest, feed.ReadEntriesResponse)
CREATE_WEBHOOK = Method(
    _WEBHOOKS,
    "CreateWebhookEndpoint",
    webhooks.CreateWebhookEndpointRequest,
    webhook_pb2.WebhookEndpoint,
    writes=True,
)
GET_WEBHOOK = Method(
    _WEBHOOKS,
    "GetWebhookEndpoint",
    webhooks.GetWebhookEndpointRequest,
    webhook_pb2.WebhookEndpoint,
)
LIST_WEBHOOKS = Method(
    _WEBHOOKS,
    "ListWebhookEndpoints",
    webhooks.ListWebhookEndpointsRequest,
    webhooks.ListWebhookEndpointsResponse,
)
UPDATE_WEBHOOK = Method(
    _WEBHOOKS,
    "UpdateWebhookEndpoint",
    webhooks.UpdateWebhookEndpointRequest,
    webhook_pb2.WebhookEndpoint,
    writes=True,
)
DELETE_WEBHOOK = Method(
    _WEBHOOKS,
    "DeleteWebhookEndpoint",
    webhooks.DeleteWebhookEndpointRequest,
    empty_pb2.Empty,
    writes=True,
)
ROTATE_WEBHOOK_SECRET = Method(
    _WEBHOOKS,
    "RotateWebhookSecret",
    webhooks.RotateWebhookSecretRequest,
    webhook_pb2.WebhookEndpoint,
    writes=True,
)
PAUSE_WEBHOOK = Method(
    _WEBHOOKS,
    "PauseWebhookEndpoint",
    webhooks.PauseWebhookEndpointRequest,
    webhook_pb2.WebhookEndpoint,
    writes=True,
)
RESUME_WEBHOOK = Method(
    _WEBHOOKS,
    "ResumeWebhookEndpoint",
    webhooks.ResumeWebhookEndpointRequest,
    webhook_pb2.WebhookEndpoint,
    writes=True,
)
REPLAY_WEBHOOK = Method(
    _WEBHOOKS,
    "ReplayWebhookEndpoint",
    webhooks.ReplayWebhookEndpointRequest,
    webhook_pb2.WebhookEndpoint,
    writes=True,
)
LIST_WEBHOOK_DELIVERIES = Method(
    _WEBHOOKS,
    "ListWebhookDeliveries",
    webhooks.ListWebhookDeliveriesRequest,
    webhooks.ListWebhookDeliveriesResponse,
)
RETRY_WEBHOOK_DELIVERIES = Method(
    _WEBHOOKS,
    "RetryWebhookDeliveries",
    webhooks.RetryWebhookDeliveriesRequest,
    webhooks.RetryWebhookDeliveriesResponse,
    writes=True,
)
CREATE_KEY = Method(_ACCESS, "CreateKey", access.CreateKeyRequest, key_pb2.Key, writes=True)
GET_KEY = Method(_ACCESS, "GetKey", access.GetKeyRequest, key_pb2.Key)
LIST_KEYS = Method(_ACCESS, "ListKeys", access.ListKeysRequest, access.ListKeysResponse)
UPDATE_KEY = Method(_ACCESS, "UpdateKey", access.UpdateKeyRequest, key_pb2.Key, writes=True)
ROTATE_KEY = Method(_ACCESS, "RotateKey", access.RotateKeyRequest, key_pb2.Key, writes=True)
REVOKE_KEY = Method(_ACCESS, "RevokeKey", access.RevokeKeyRequest, key_pb2.Key, writes=True)
LIST_KEY_CHANGES = Method(
    _ACCESS, "ListKeyChanges", access.ListKeyChangesRequest, access.ListKeyChangesResponse
)
GET_BOOK_QUOTA = Method(_ACCESS, "GetBookQuota", access.GetBookQuotaRequest, key_pb2.Quota)
SET_BOOK_QUOTA = Method(
    _ACCESS, "SetBookQuota", access.SetBookQuotaRequest, key_pb2.Quota, writes=True
)
