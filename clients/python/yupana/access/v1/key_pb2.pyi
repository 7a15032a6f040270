import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.access.v1 import scope_pb2 as _scope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KeyChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEY_CHANGE_KIND_UNSPECIFIED: _ClassVar[KeyChangeKind]
    KEY_CHANGE_KIND_CREATED: _ClassVar[KeyChangeKind]
    KEY_CHANGE_KIND_UPDATED: _ClassVar[KeyChangeKind]
    KEY_CHANGE_KIND_ROTATED: _ClassVar[KeyChangeKind]
    KEY_CHANGE_KIND_REVOKED: _ClassVar[KeyChangeKind]
    KEY_CHANGE_KIND_BOOK_QUOTA_SET: _ClassVar[KeyChangeKind]
KEY_CHANGE_KIND_UNSPECIFIED: KeyChangeKind
KEY_CHANGE_KIND_CREATED: KeyChangeKind
KEY_CHANGE_KIND_UPDATED: KeyChangeKind
KEY_CHANGE_KIND_ROTATED: KeyChangeKind
KEY_CHANGE_KIND_REVOKED: KeyChangeKind
KEY_CHANGE_KIND_BOOK_QUOTA_SET: KeyChangeKind

class Key(_message.Message):
    __slots__ = ("id", "description", "grants", "quota", "expire_time", "certificate_name", "create_time", "update_time", "revoke_time", "last_use_time", "tokens")
    ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_NAME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVOKE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_USE_TIME_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    id: str
    description: str
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    quota: Quota
    expire_time: _timestamp_pb2.Timestamp
    certificate_name: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    revoke_time: _timestamp_pb2.Timestamp
    last_use_time: _timestamp_pb2.Timestamp
    tokens: _containers.RepeatedCompositeFieldContainer[Token]
    def __init__(self, id: _Optional[str] = ..., description: _Optional[str] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., quota: _Optional[_Union[Quota, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., certificate_name: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revoke_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_use_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tokens: _Optional[_Iterable[_Union[Token, _Mapping]]] = ...) -> None: ...

class Token(_message.Message):
    __slots__ = ("token", "create_time", "expire_time")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    token: str
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, token: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("book", "account_prefix", "actions")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_PREFIX_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    book: str
    account_prefix: str
    actions: _containers.RepeatedScalarFieldContainer[_scope_pb2.Action]
    def __init__(self, book: _Optional[str] = ..., account_prefix: _Optional[str] = ..., actions: _Optional[_Iterable[_Union[_scope_pb2.Action, str]]] = ...) -> None: ...

class Quota(_message.Message):
    __slots__ = ("requests_per_second", "request_burst", "transfers_per_second", "transfer_burst")
    REQUESTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    REQUEST_BURST_FIELD_NUMBER: _ClassVar[int]
    TRANSFERS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_BURST_FIELD_NUMBER: _ClassVar[int]
    requests_per_second: float
    request_burst: int
    transfers_per_second: float
    transfer_burst: int
    def __init__(self, requests_per_second: _Optional[float] = ..., request_burst: _Optional[int] = ..., transfers_per_second: _Optional[float] = ..., transfer_burst: _Optional[int] = ...) -> None: ...

class KeyChange(_message.Message):
    __slots__ = ("number", "time", "actor", "kind", "key", "book", "detail")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    number: int
    time: _timestamp_pb2.Timestamp
    actor: str
    kind: KeyChangeKind
    key: str
    book: str
    detail: str
    def __init__(self, number: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., kind: _Optional[_Union[KeyChangeKind, str]] = ..., key: _Optional[str] = ..., book: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
