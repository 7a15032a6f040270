import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.ledger.v1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NormalSide(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NORMAL_SIDE_UNSPECIFIED: _ClassVar[NormalSide]
    NORMAL_SIDE_CREDIT: _ClassVar[NormalSide]
    NORMAL_SIDE_DEBIT: _ClassVar[NormalSide]
NORMAL_SIDE_UNSPECIFIED: NormalSide
NORMAL_SIDE_CREDIT: NormalSide
NORMAL_SIDE_DEBIT: NormalSide

class Account(_message.Message):
    __slots__ = ("id", "asset", "normal_side", "min_balance", "max_balance", "balances", "create_time", "last_position", "windows", "debits_frozen", "credits_frozen", "closed", "code", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    NORMAL_SIDE_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    MAX_BALANCE_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_POSITION_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    DEBITS_FROZEN_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FROZEN_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    id: str
    asset: str
    normal_side: NormalSide
    min_balance: str
    max_balance: str
    balances: Balances
    create_time: _timestamp_pb2.Timestamp
    last_position: str
    windows: _containers.RepeatedCompositeFieldContainer[WindowUsage]
    debits_frozen: bool
    credits_frozen: bool
    closed: bool
    code: str
    labels: _containers.ScalarMap[str, str]
    def __init__(self, id: _Optional[str] = ..., asset: _Optional[str] = ..., normal_side: _Optional[_Union[NormalSide, str]] = ..., min_balance: _Optional[str] = ..., max_balance: _Optional[str] = ..., balances: _Optional[_Union[Balances, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_position: _Optional[str] = ..., windows: _Optional[_Iterable[_Union[WindowUsage, _Mapping]]] = ..., debits_frozen: _Optional[bool] = ..., credits_frozen: _Optional[bool] = ..., closed: _Optional[bool] = ..., code: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class WindowUsage(_message.Message):
    __slots__ = ("limit", "used")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    limit: _limits_pb2.WindowLimit
    used: str
    def __init__(self, limit: _Optional[_Union[_limits_pb2.WindowLimit, _Mapping]] = ..., used: _Optional[str] = ...) -> None: ...

class Balances(_message.Message):
    __slots__ = ("debits_posted", "credits_posted", "debits_pending", "credits_pending", "balance", "available")
    DEBITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    CREDITS_POSTED_FIELD_NUMBER: _ClassVar[int]
    DEBITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    CREDITS_PENDING_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    debits_posted: str
    credits_posted: str
    debits_pending: str
    credits_pending: str
    balance: str
    available: str
    def __init__(self, debits_posted: _Optional[str] = ..., credits_posted: _Optional[str] = ..., debits_pending: _Optional[str] = ..., credits_pending: _Optional[str] = ..., balance: _Optional[str] = ..., available: _Optional[str] = ...) -> None: ...
