from google.api import annotations_pb2 as _annotations_pb2
from yupana.ledger.v1 import command_pb2 as _command_pb2
from yupana.ledger.v1 import outcome_pb2 as _outcome_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OpenAssetRequest(_message.Message):
    __slots__ = ("book", "id", "asset", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    asset: _command_pb2.OpenAsset
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., asset: _Optional[_Union[_command_pb2.OpenAsset, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class OpenAccountRequest(_message.Message):
    __slots__ = ("book", "id", "account", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    account: _command_pb2.OpenAccount
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., account: _Optional[_Union[_command_pb2.OpenAccount, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class SetLimitsRequest(_message.Message):
    __slots__ = ("book", "id", "limits", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    limits: _command_pb2.SetLimits
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., limits: _Optional[_Union[_command_pb2.SetLimits, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class FreezeAccountRequest(_message.Message):
    __slots__ = ("book", "id", "freeze", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    FREEZE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    freeze: _command_pb2.FreezeAccount
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., freeze: _Optional[_Union[_command_pb2.FreezeAccount, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CloseAccountRequest(_message.Message):
    __slots__ = ("book", "id", "close", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    close: _command_pb2.CloseAccount
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., close: _Optional[_Union[_command_pb2.CloseAccount, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ReopenAccountRequest(_message.Message):
    __slots__ = ("book", "id", "reopen", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REOPEN_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    reopen: _command_pb2.ReopenAccount
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., reopen: _Optional[_Union[_command_pb2.ReopenAccount, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CreateTransferRequest(_message.Message):
    __slots__ = ("book", "id", "transfer", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    transfer: _command_pb2.CreateTransfer
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., transfer: _Optional[_Union[_command_pb2.CreateTransfer, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ReverseTransferRequest(_message.Message):
    __slots__ = ("book", "id", "reversal", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REVERSAL_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    reversal: _command_pb2.ReverseTransfer
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., reversal: _Optional[_Union[_command_pb2.ReverseTransfer, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CreatePaymentRequest(_message.Message):
    __slots__ = ("book", "id", "payment", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    payment: _command_pb2.CreatePayment
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., payment: _Optional[_Union[_command_pb2.CreatePayment, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CreateHoldRequest(_message.Message):
    __slots__ = ("book", "id", "hold", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    hold: _command_pb2.CreateHold
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., hold: _Optional[_Union[_command_pb2.CreateHold, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CaptureHoldRequest(_message.Message):
    __slots__ = ("book", "id", "capture", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    capture: _command_pb2.CaptureHold
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., capture: _Optional[_Union[_command_pb2.CaptureHold, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ReleaseHoldRequest(_message.Message):
    __slots__ = ("book", "id", "release", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    release: _command_pb2.ReleaseHold
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., release: _Optional[_Union[_command_pb2.ReleaseHold, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class UpdateHoldRequest(_message.Message):
    __slots__ = ("book", "id", "update", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    update: _command_pb2.UpdateHold
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., update: _Optional[_Union[_command_pb2.UpdateHold, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ResolveGroupRequest(_message.Message):
    __slots__ = ("book", "id", "group", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    group: _command_pb2.ResolveGroup
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., group: _Optional[_Union[_command_pb2.ResolveGroup, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ClosePeriodRequest(_message.Message):
    __slots__ = ("book", "id", "period", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    period: _command_pb2.ClosePeriod
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., period: _Optional[_Union[_command_pb2.ClosePeriod, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class EraseRequest(_message.Message):
    __slots__ = ("book", "id", "erasure", "validate_only")
    BOOK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    book: str
    id: str
    erasure: _command_pb2.Erase
    validate_only: bool
    def __init__(self, book: _Optional[str] = ..., id: _Optional[str] = ..., erasure: _Optional[_Union[_command_pb2.Erase, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...
