import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.ledger.v1 import account_pb2 as _account_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Command(_message.Message):
    __slots__ = ("id", "linked", "create_transfer", "open_account", "open_asset")
    ID_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    CREATE_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    OPEN_ASSET_FIELD_NUMBER: _ClassVar[int]
    id: str
    linked: bool
    create_transfer: CreateTransfer
    open_account: OpenAccount
    open_asset: OpenAsset
    def __init__(self, id: _Optional[str] = ..., linked: _Optional[bool] = ..., create_transfer: _Optional[_Union[CreateTransfer, _Mapping]] = ..., open_account: _Optional[_Union[OpenAccount, _Mapping]] = ..., open_asset: _Optional[_Union[OpenAsset, _Mapping]] = ...) -> None: ...

class CreateTransfer(_message.Message):
    __slots__ = ("debit_account", "credit_account", "amount", "asset", "effective_time", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DEBIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    debit_account: str
    credit_account: str
    amount: str
    asset: str
    effective_time: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    def __init__(self, debit_account: _Optional[str] = ..., credit_account: _Optional[str] = ..., amount: _Optional[str] = ..., asset: _Optional[str] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class OpenAccount(_message.Message):
    __slots__ = ("account", "asset", "normal_side", "min_balance", "max_balance")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    NORMAL_SIDE_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    MAX_BALANCE_FIELD_NUMBER: _ClassVar[int]
    account: str
    asset: str
    normal_side: _account_pb2.NormalSide
    min_balance: str
    max_balance: str
    def __init__(self, account: _Optional[str] = ..., asset: _Optional[str] = ..., normal_side: _Optional[_Union[_account_pb2.NormalSide, str]] = ..., min_balance: _Optional[str] = ..., max_balance: _Optional[str] = ...) -> None: ...

class OpenAsset(_message.Message):
    __slots__ = ("asset", "scale")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    asset: str
    scale: int
    def __init__(self, asset: _Optional[str] = ..., scale: _Optional[int] = ...) -> None: ...
