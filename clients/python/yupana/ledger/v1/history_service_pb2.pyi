import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.access.v1 import scope_pb2 as _scope_pb2
from yupana.ledger.v1 import account_pb2 as _account_pb2
from yupana.ledger.v1 import consistency_pb2 as _consistency_pb2
from yupana.ledger.v1 import hold_pb2 as _hold_pb2
from yupana.ledger.v1 import outcome_pb2 as _outcome_pb2
from yupana.ledger.v1 import transfer_pb2 as _transfer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StatementOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATEMENT_ORDER_UNSPECIFIED: _ClassVar[StatementOrder]
    STATEMENT_ORDER_RECORD_TIME: _ClassVar[StatementOrder]
    STATEMENT_ORDER_EFFECTIVE_TIME: _ClassVar[StatementOrder]
STATEMENT_ORDER_UNSPECIFIED: StatementOrder
STATEMENT_ORDER_RECORD_TIME: StatementOrder
STATEMENT_ORDER_EFFECTIVE_TIME: StatementOrder

class GetOutcomeRequest(_message.Message):
    __slots__ = ("book", "id", "consistency")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    consistency: _consistency_pb2.Consistency
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ...) -> None: ...

class GetHoldRequest(_message.Message):
    __slots__ = ("book", "hold", "consistency")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    book: str
    hold: str
    consistency: _consistency_pb2.Consistency
    def __init__(self, book: _Optional[str] = ..., hold: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ...) -> None: ...

class ListHoldsRequest(_message.Message):
    __slots__ = ("book", "state", "account", "page_size", "page_token", "consistency")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    book: str
    state: _hold_pb2.HoldState
    account: str
    page_size: int
    page_token: str
    consistency: _consistency_pb2.Consistency
    def __init__(self, book: _Optional[str] = ..., state: _Optional[_Union[_hold_pb2.HoldState, str]] = ..., account: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ...) -> None: ...

class ListHoldsResponse(_message.Message):
    __slots__ = ("holds", "next_page_token", "position")
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    holds: _containers.RepeatedCompositeFieldContainer[_hold_pb2.Hold]
    next_page_token: str
    position: str
    def __init__(self, holds: _Optional[_Iterable[_Union[_hold_pb2.Hold, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[str] = ...) -> None: ...

class GetStatementRequest(_message.Message):
    __slots__ = ("book", "account", "order", "from_time", "to_time", "page_size", "page_token", "consistency")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    TO_TIME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    book: str
    account: str
    order: StatementOrder
    from_time: _timestamp_pb2.Timestamp
    to_time: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    consistency: _consistency_pb2.Consistency
    def __init__(self, book: _Optional[str] = ..., account: _Optional[str] = ..., order: _Optional[_Union[StatementOrder, str]] = ..., from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., to_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ...) -> None: ...

class GetStatementResponse(_message.Message):
    __slots__ = ("lines", "opening", "closing", "next_page_token", "position")
    LINES_FIELD_NUMBER: _ClassVar[int]
    OPENING_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[StatementLine]
    opening: _account_pb2.Balances
    closing: _account_pb2.Balances
    next_page_token: str
    position: str
    def __init__(self, lines: _Optional[_Iterable[_Union[StatementLine, _Mapping]]] = ..., opening: _Optional[_Union[_account_pb2.Balances, _Mapping]] = ..., closing: _Optional[_Union[_account_pb2.Balances, _Mapping]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[str] = ...) -> None: ...

class StatementLine(_message.Message):
    __slots__ = ("transfer", "change", "balances")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    transfer: _transfer_pb2.Transfer
    change: str
    balances: _account_pb2.Balances
    def __init__(self, transfer: _Optional[_Union[_transfer_pb2.Transfer, _Mapping]] = ..., change: _Optional[str] = ..., balances: _Optional[_Union[_account_pb2.Balances, _Mapping]] = ...) -> None: ...

class SumBalancesRequest(_message.Message):
    __slots__ = ("book", "prefix", "consistency")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    book: str
    prefix: str
    consistency: _consistency_pb2.Consistency
    def __init__(self, book: _Optional[str] = ..., prefix: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ...) -> None: ...

class SumBalancesResponse(_message.Message):
    __slots__ = ("sums", "position")
    SUMS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    sums: _containers.RepeatedCompositeFieldContainer[AssetSum]
    position: str
    def __init__(self, sums: _Optional[_Iterable[_Union[AssetSum, _Mapping]]] = ..., position: _Optional[str] = ...) -> None: ...

class AssetSum(_message.Message):
    __slots__ = ("asset", "accounts", "balances")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    asset: str
    accounts: int
    balances: _account_pb2.Balances
    def __init__(self, asset: _Optional[str] = ..., accounts: _Optional[int] = ..., balances: _Optional[_Union[_account_pb2.Balances, _Mapping]] = ...) -> None: ...
