import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.access.v1 import scope_pb2 as _scope_pb2
from yupana.feed.v1 import webhook_pb2 as _webhook_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateWebhookEndpointRequest(_message.Message):
    __slots__ = ("book", "endpoint", "start")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: _webhook_pb2.WebhookEndpoint
    start: WebhookStart
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[_Union[_webhook_pb2.WebhookEndpoint, _Mapping]] = ..., start: _Optional[_Union[WebhookStart, _Mapping]] = ...) -> None: ...

class WebhookStart(_message.Message):
    __slots__ = ("position", "from_time", "from_beginning")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    FROM_BEGINNING_FIELD_NUMBER: _ClassVar[int]
    position: str
    from_time: _timestamp_pb2.Timestamp
    from_beginning: bool
    def __init__(self, position: _Optional[str] = ..., from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., from_beginning: _Optional[bool] = ...) -> None: ...

class GetWebhookEndpointRequest(_message.Message):
    __slots__ = ("book", "endpoint")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ...) -> None: ...

class ListWebhookEndpointsRequest(_message.Message):
    __slots__ = ("book", "page_size", "page_token")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    book: str
    page_size: int
    page_token: str
    def __init__(self, book: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWebhookEndpointsResponse(_message.Message):
    __slots__ = ("endpoints", "next_page_token")
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    endpoints: _containers.RepeatedCompositeFieldContainer[_webhook_pb2.WebhookEndpoint]
    next_page_token: str
    def __init__(self, endpoints: _Optional[_Iterable[_Union[_webhook_pb2.WebhookEndpoint, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateWebhookEndpointRequest(_message.Message):
    __slots__ = ("book", "endpoint", "update_mask")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: _webhook_pb2.WebhookEndpoint
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[_Union[_webhook_pb2.WebhookEndpoint, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class DeleteWebhookEndpointRequest(_message.Message):
    __slots__ = ("book", "endpoint")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ...) -> None: ...

class RotateWebhookSecretRequest(_message.Message):
    __slots__ = ("book", "endpoint", "overlap")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    overlap: _duration_pb2.Duration
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ..., overlap: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PauseWebhookEndpointRequest(_message.Message):
    __slots__ = ("book", "endpoint")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ...) -> None: ...

class ResumeWebhookEndpointRequest(_message.Message):
    __slots__ = ("book", "endpoint")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ...) -> None: ...

class ReplayWebhookEndpointRequest(_message.Message):
    __slots__ = ("book", "endpoint", "start")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    start: WebhookStart
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ..., start: _Optional[_Union[WebhookStart, _Mapping]] = ...) -> None: ...

class ListWebhookDeliveriesRequest(_message.Message):
    __slots__ = ("book", "endpoint", "state", "page_size", "page_token")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    state: _webhook_pb2.WebhookDeliveryState
    page_size: int
    page_token: str
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ..., state: _Optional[_Union[_webhook_pb2.WebhookDeliveryState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWebhookDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries", "next_page_token")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[_webhook_pb2.WebhookDelivery]
    next_page_token: str
    def __init__(self, deliveries: _Optional[_Iterable[_Union[_webhook_pb2.WebhookDelivery, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RetryWebhookDeliveriesRequest(_message.Message):
    __slots__ = ("book", "endpoint", "deliveries")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    book: str
    endpoint: str
    deliveries: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, book: _Optional[str] = ..., endpoint: _Optional[str] = ..., deliveries: _Optional[_Iterable[str]] = ...) -> None: ...

class RetryWebhookDeliveriesResponse(_message.Message):
    __slots__ = ("retried",)
    RETRIED_FIELD_NUMBER: _ClassVar[int]
    retried: int
    def __init__(self, retried: _Optional[int] = ...) -> None: ...
