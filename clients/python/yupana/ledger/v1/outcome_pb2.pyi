import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.ledger.v1 import error_reason_pb2 as _error_reason_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(_message.Message):
    __slots__ = ("id", "transfer_posted", "account_opened", "asset_opened", "rejected", "refused", "replayed", "position", "record_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_POSTED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_OPENED_FIELD_NUMBER: _ClassVar[int]
    ASSET_OPENED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    transfer_posted: TransferPosted
    account_opened: AccountOpened
    asset_opened: AssetOpened
    rejected: Rejection
    refused: Refusal
    replayed: bool
    position: str
    record_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., transfer_posted: _Optional[_Union[TransferPosted, _Mapping]] = ..., account_opened: _Optional[_Union[AccountOpened, _Mapping]] = ..., asset_opened: _Optional[_Union[AssetOpened, _Mapping]] = ..., rejected: _Optional[_Union[Rejection, _Mapping]] = ..., refused: _Optional[_Union[Refusal, _Mapping]] = ..., replayed: _Optional[bool] = ..., position: _Optional[str] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TransferPosted(_message.Message):
    __slots__ = ("amount",)
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    amount: str
    def __init__(self, amount: _Optional[str] = ...) -> None: ...

class AccountOpened(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AssetOpened(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("reason", "facts", "message")
    class FactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REASON_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: _error_reason_pb2.ErrorReason
    facts: _containers.ScalarMap[str, str]
    message: str
    def __init__(self, reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., facts: _Optional[_Mapping[str, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "facts", "message")
    class FactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REASON_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: _error_reason_pb2.ErrorReason
    facts: _containers.ScalarMap[str, str]
    message: str
    def __init__(self, reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., facts: _Optional[_Mapping[str, str]] = ..., message: _Optional[str] = ...) -> None: ...
