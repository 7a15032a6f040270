from yupana.feed.v1 import event_pb2 as _event_pb2
from yupana.ledger.v1 import error_reason_pb2 as _error_reason_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Decided(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECIDED_UNSPECIFIED: _ClassVar[Decided]
    DECIDED_DONE: _ClassVar[Decided]
    DECIDED_REJECTED: _ClassVar[Decided]
DECIDED_UNSPECIFIED: Decided
DECIDED_DONE: Decided
DECIDED_REJECTED: Decided

class EventFilter(_message.Message):
    __slots__ = ("account_prefixes", "kinds", "reasons", "codes", "decided")
    ACCOUNT_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    account_prefixes: _containers.RepeatedScalarFieldContainer[str]
    kinds: _containers.RepeatedScalarFieldContainer[_event_pb2.EntryKind]
    reasons: _containers.RepeatedScalarFieldContainer[_error_reason_pb2.ErrorReason]
    codes: _containers.RepeatedScalarFieldContainer[str]
    decided: Decided
    def __init__(self, account_prefixes: _Optional[_Iterable[str]] = ..., kinds: _Optional[_Iterable[_Union[_event_pb2.EntryKind, str]]] = ..., reasons: _Optional[_Iterable[_Union[_error_reason_pb2.ErrorReason, str]]] = ..., codes: _Optional[_Iterable[str]] = ..., decided: _Optional[_Union[Decided, str]] = ...) -> None: ...
