import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.access.v1 import scope_pb2 as _scope_pb2
from yupana.ledger.v1 import account_pb2 as _account_pb2
from yupana.ledger.v1 import as_of_pb2 as _as_of_pb2
from yupana.ledger.v1 import command_pb2 as _command_pb2
from yupana.ledger.v1 import consistency_pb2 as _consistency_pb2
from yupana.ledger.v1 import error_reason_pb2 as _error_reason_pb2
from yupana.ledger.v1 import hold_pb2 as _hold_pb2
from yupana.ledger.v1 import outcome_pb2 as _outcome_pb2
from yupana.ledger.v1 import transfer_pb2 as _transfer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExecuteRequest(_message.Message):
    __slots__ = ("book", "commands", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    commands: _containers.RepeatedCompositeFieldContainer[_command_pb2.Command]
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., commands: _Optional[_Iterable[_Union[_command_pb2.Command, _Mapping]]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ExecuteStreamRequest(_message.Message):
    __slots__ = ("request", "timeout")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    request: ExecuteRequest
    timeout: _duration_pb2.Duration
    def __init__(self, request: _Optional[_Union[ExecuteRequest, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExecuteResponse(_message.Message):
    __slots__ = ("outcomes", "position")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[_outcome_pb2.Outcome]
    position: str
    def __init__(self, outcomes: _Optional[_Iterable[_Union[_outcome_pb2.Outcome, _Mapping]]] = ..., position: _Optional[str] = ...) -> None: ...

class BatchGetAccountsRequest(_message.Message):
    __slots__ = ("book", "accounts", "consistency", "as_of", "include_open_holds")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_OPEN_HOLDS_FIELD_NUMBER: _ClassVar[int]
    book: str
    accounts: _containers.RepeatedScalarFieldContainer[str]
    consistency: _consistency_pb2.Consistency
    as_of: _as_of_pb2.AsOf
    include_open_holds: bool
    def __init__(self, book: _Optional[str] = ..., accounts: _Optional[_Iterable[str]] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ..., as_of: _Optional[_Union[_as_of_pb2.AsOf, _Mapping]] = ..., include_open_holds: _Optional[bool] = ...) -> None: ...

class BatchGetAccountsResponse(_message.Message):
    __slots__ = ("accounts", "missing", "position", "open_holds", "more_open_holds")
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    OPEN_HOLDS_FIELD_NUMBER: _ClassVar[int]
    MORE_OPEN_HOLDS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[_account_pb2.Account]
    missing: _containers.RepeatedScalarFieldContainer[str]
    position: str
    open_holds: _containers.RepeatedCompositeFieldContainer[_hold_pb2.Hold]
    more_open_holds: bool
    def __init__(self, accounts: _Optional[_Iterable[_Union[_account_pb2.Account, _Mapping]]] = ..., missing: _Optional[_Iterable[str]] = ..., position: _Optional[str] = ..., open_holds: _Optional[_Iterable[_Union[_hold_pb2.Hold, _Mapping]]] = ..., more_open_holds: _Optional[bool] = ...) -> None: ...

class GetAccountRequest(_message.Message):
    __slots__ = ("book", "account", "consistency", "as_of")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    book: str
    account: str
    consistency: _consistency_pb2.Consistency
    as_of: _as_of_pb2.AsOf
    def __init__(self, book: _Optional[str] = ..., account: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ..., as_of: _Optional[_Union[_as_of_pb2.AsOf, _Mapping]] = ...) -> None: ...

class ListAccountsRequest(_message.Message):
    __slots__ = ("book", "prefix", "page_size", "page_token", "consistency", "code", "label")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    book: str
    prefix: str
    page_size: int
    page_token: str
    consistency: _consistency_pb2.Consistency
    code: str
    label: Label
    def __init__(self, book: _Optional[str] = ..., prefix: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ..., code: _Optional[str] = ..., label: _Optional[_Union[Label, _Mapping]] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ListAccountsResponse(_message.Message):
    __slots__ = ("accounts", "next_page_token", "position")
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[_account_pb2.Account]
    next_page_token: str
    position: str
    def __init__(self, accounts: _Optional[_Iterable[_Union[_account_pb2.Account, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[str] = ...) -> None: ...

class GetTransferRequest(_message.Message):
    __slots__ = ("book", "id", "consistency")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    consistency: _consistency_pb2.Consistency
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("book", "account", "page_size", "page_token", "consistency", "prefix", "code", "label", "group", "outcome", "from_record_time", "to_record_time", "hold", "reverses")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FROM_RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    TO_RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    REVERSES_FIELD_NUMBER: _ClassVar[int]
    book: str
    account: str
    page_size: int
    page_token: str
    consistency: _consistency_pb2.Consistency
    prefix: str
    code: str
    label: Label
    group: str
    outcome: OutcomeFilter
    from_record_time: _timestamp_pb2.Timestamp
    to_record_time: _timestamp_pb2.Timestamp
    hold: str
    reverses: str
    def __init__(self, book: _Optional[str] = ..., account: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., consistency: _Optional[_Union[_consistency_pb2.Consistency, _Mapping]] = ..., prefix: _Optional[str] = ..., code: _Optional[str] = ..., label: _Optional[_Union[Label, _Mapping]] = ..., group: _Optional[str] = ..., outcome: _Optional[_Union[OutcomeFilter, _Mapping]] = ..., from_record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., to_record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold: _Optional[str] = ..., reverses: _Optional[str] = ...) -> None: ...

class OutcomeFilter(_message.Message):
    __slots__ = ("rejected", "reason")
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    rejected: bool
    reason: _error_reason_pb2.ErrorReason
    def __init__(self, rejected: _Optional[bool] = ..., reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "next_page_token", "position")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[_transfer_pb2.Transfer]
    next_page_token: str
    position: str
    def __init__(self, transfers: _Optional[_Iterable[_Union[_transfer_pb2.Transfer, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[str] = ...) -> None: ...
