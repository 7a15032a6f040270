import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.ledger.v1 import account_pb2 as _account_pb2
from yupana.ledger.v1 import book_pb2 as _book_pb2
from yupana.ledger.v1 import command_pb2 as _command_pb2
from yupana.ledger.v1 import outcome_pb2 as _outcome_pb2
from yupana.ledger.v1 import transfer_pb2 as _transfer_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EntryKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_KIND_UNSPECIFIED: _ClassVar[EntryKind]
    ENTRY_KIND_OPEN_ASSET: _ClassVar[EntryKind]
    ENTRY_KIND_OPEN_ACCOUNT: _ClassVar[EntryKind]
    ENTRY_KIND_TRANSFER: _ClassVar[EntryKind]
    ENTRY_KIND_HOLD: _ClassVar[EntryKind]
    ENTRY_KIND_CAPTURE: _ClassVar[EntryKind]
    ENTRY_KIND_RELEASE: _ClassVar[EntryKind]
    ENTRY_KIND_HOLD_UPDATE: _ClassVar[EntryKind]
    ENTRY_KIND_EXPIRY: _ClassVar[EntryKind]
    ENTRY_KIND_RESOLVE_GROUP: _ClassVar[EntryKind]
    ENTRY_KIND_REVERSAL: _ClassVar[EntryKind]
    ENTRY_KIND_PAYMENT: _ClassVar[EntryKind]
    ENTRY_KIND_LEG: _ClassVar[EntryKind]
    ENTRY_KIND_SET_LIMITS: _ClassVar[EntryKind]
    ENTRY_KIND_FREEZE_ACCOUNT: _ClassVar[EntryKind]
    ENTRY_KIND_CLOSE_ACCOUNT: _ClassVar[EntryKind]
    ENTRY_KIND_REOPEN_ACCOUNT: _ClassVar[EntryKind]
    ENTRY_KIND_CLOSE_PERIOD: _ClassVar[EntryKind]
    ENTRY_KIND_ERASE: _ClassVar[EntryKind]
ENTRY_KIND_UNSPECIFIED: EntryKind
ENTRY_KIND_OPEN_ASSET: EntryKind
ENTRY_KIND_OPEN_ACCOUNT: EntryKind
ENTRY_KIND_TRANSFER: EntryKind
ENTRY_KIND_HOLD: EntryKind
ENTRY_KIND_CAPTURE: EntryKind
ENTRY_KIND_RELEASE: EntryKind
ENTRY_KIND_HOLD_UPDATE: EntryKind
ENTRY_KIND_EXPIRY: EntryKind
ENTRY_KIND_RESOLVE_GROUP: EntryKind
ENTRY_KIND_REVERSAL: EntryKind
ENTRY_KIND_PAYMENT: EntryKind
ENTRY_KIND_LEG: EntryKind
ENTRY_KIND_SET_LIMITS: EntryKind
ENTRY_KIND_FREEZE_ACCOUNT: EntryKind
ENTRY_KIND_CLOSE_ACCOUNT: EntryKind
ENTRY_KIND_REOPEN_ACCOUNT: EntryKind
ENTRY_KIND_CLOSE_PERIOD: EntryKind
ENTRY_KIND_ERASE: EntryKind

class Event(_message.Message):
    __slots__ = ("id", "source", "type", "subject", "time", "book", "position", "seq", "kind", "trace_id", "outcome", "transfer", "account", "asset", "group", "period", "erasure")
    ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    BOOK_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    id: str
    source: str
    type: str
    subject: str
    time: _timestamp_pb2.Timestamp
    book: str
    position: str
    seq: int
    kind: EntryKind
    trace_id: str
    outcome: _outcome_pb2.Outcome
    transfer: _transfer_pb2.Transfer
    account: _account_pb2.Account
    asset: _book_pb2.Asset
    group: _command_pb2.ResolveGroup
    period: _command_pb2.ClosePeriod
    erasure: _command_pb2.Erase
    def __init__(self, id: _Optional[str] = ..., source: _Optional[str] = ..., type: _Optional[str] = ..., subject: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., book: _Optional[str] = ..., position: _Optional[str] = ..., seq: _Optional[int] = ..., kind: _Optional[_Union[EntryKind, str]] = ..., trace_id: _Optional[str] = ..., outcome: _Optional[_Union[_outcome_pb2.Outcome, _Mapping]] = ..., transfer: _Optional[_Union[_transfer_pb2.Transfer, _Mapping]] = ..., account: _Optional[_Union[_account_pb2.Account, _Mapping]] = ..., asset: _Optional[_Union[_book_pb2.Asset, _Mapping]] = ..., group: _Optional[_Union[_command_pb2.ResolveGroup, _Mapping]] = ..., period: _Optional[_Union[_command_pb2.ClosePeriod, _Mapping]] = ..., erasure: _Optional[_Union[_command_pb2.Erase, _Mapping]] = ...) -> None: ...
