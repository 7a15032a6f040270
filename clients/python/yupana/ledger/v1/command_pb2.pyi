import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.access.v1 import scope_pb2 as _scope_pb2
from yupana.ledger.v1 import account_pb2 as _account_pb2
from yupana.ledger.v1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpTo(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UP_TO_UNSPECIFIED: _ClassVar[UpTo]
    UP_TO_DEBIT_LIMITS: _ClassVar[UpTo]
    UP_TO_CREDIT_LIMITS: _ClassVar[UpTo]
    UP_TO_BOTH_LIMITS: _ClassVar[UpTo]

class Operator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATOR_UNSPECIFIED: _ClassVar[Operator]
    OPERATOR_AT_LEAST: _ClassVar[Operator]
    OPERATOR_AT_MOST: _ClassVar[Operator]
    OPERATOR_EQUAL: _ClassVar[Operator]
    OPERATOR_NOT_EQUAL: _ClassVar[Operator]

class Resolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESOLUTION_UNSPECIFIED: _ClassVar[Resolution]
    RESOLUTION_CAPTURE: _ClassVar[Resolution]
    RESOLUTION_RELEASE: _ClassVar[Resolution]
UP_TO_UNSPECIFIED: UpTo
UP_TO_DEBIT_LIMITS: UpTo
UP_TO_CREDIT_LIMITS: UpTo
UP_TO_BOTH_LIMITS: UpTo
OPERATOR_UNSPECIFIED: Operator
OPERATOR_AT_LEAST: Operator
OPERATOR_AT_MOST: Operator
OPERATOR_EQUAL: Operator
OPERATOR_NOT_EQUAL: Operator
RESOLUTION_UNSPECIFIED: Resolution
RESOLUTION_CAPTURE: Resolution
RESOLUTION_RELEASE: Resolution

class Command(_message.Message):
    __slots__ = ("id", "linked", "create_transfer", "open_account", "open_asset", "create_hold", "capture_hold", "release_hold", "update_hold", "resolve_group", "reverse_transfer", "create_payment", "set_limits", "freeze_account", "close_account", "reopen_account", "close_period", "erase")
    ID_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    CREATE_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    OPEN_ASSET_FIELD_NUMBER: _ClassVar[int]
    CREATE_HOLD_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_HOLD_FIELD_NUMBER: _ClassVar[int]
    RELEASE_HOLD_FIELD_NUMBER: _ClassVar[int]
    UPDATE_HOLD_FIELD_NUMBER: _ClassVar[int]
    RESOLVE_GROUP_FIELD_NUMBER: _ClassVar[int]
    REVERSE_TRANSFER_FIELD_NUMBER: _ClassVar[int]
    CREATE_PAYMENT_FIELD_NUMBER: _ClassVar[int]
    SET_LIMITS_FIELD_NUMBER: _ClassVar[int]
    FREEZE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CLOSE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REOPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CLOSE_PERIOD_FIELD_NUMBER: _ClassVar[int]
    ERASE_FIELD_NUMBER: _ClassVar[int]
    id: str
    linked: bool
    create_transfer: CreateTransfer
    open_account: OpenAccount
    open_asset: OpenAsset
    create_hold: CreateHold
    capture_hold: CaptureHold
    release_hold: ReleaseHold
    update_hold: UpdateHold
    resolve_group: ResolveGroup
    reverse_transfer: ReverseTransfer
    create_payment: CreatePayment
    set_limits: SetLimits
    freeze_account: FreezeAccount
    close_account: CloseAccount
    reopen_account: ReopenAccount
    close_period: ClosePeriod
    erase: Erase
    def __init__(self, id: _Optional[str] = ..., linked: _Optional[bool] = ..., create_transfer: _Optional[_Union[CreateTransfer, _Mapping]] = ..., open_account: _Optional[_Union[OpenAccount, _Mapping]] = ..., open_asset: _Optional[_Union[OpenAsset, _Mapping]] = ..., create_hold: _Optional[_Union[CreateHold, _Mapping]] = ..., capture_hold: _Optional[_Union[CaptureHold, _Mapping]] = ..., release_hold: _Optional[_Union[ReleaseHold, _Mapping]] = ..., update_hold: _Optional[_Union[UpdateHold, _Mapping]] = ..., resolve_group: _Optional[_Union[ResolveGroup, _Mapping]] = ..., reverse_transfer: _Optional[_Union[ReverseTransfer, _Mapping]] = ..., create_payment: _Optional[_Union[CreatePayment, _Mapping]] = ..., set_limits: _Optional[_Union[SetLimits, _Mapping]] = ..., freeze_account: _Optional[_Union[FreezeAccount, _Mapping]] = ..., close_account: _Optional[_Union[CloseAccount, _Mapping]] = ..., reopen_account: _Optional[_Union[ReopenAccount, _Mapping]] = ..., close_period: _Optional[_Union[ClosePeriod, _Mapping]] = ..., erase: _Optional[_Union[Erase, _Mapping]] = ...) -> None: ...

class CreateTransfer(_message.Message):
    __slots__ = ("debit_account", "credit_account", "amount", "asset", "effective_time", "labels", "code", "description", "reference", "up_to", "conditions")
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
    CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    debit_account: str
    credit_account: str
    amount: str
    asset: str
    effective_time: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    code: str
    description: str
    reference: str
    up_to: UpTo
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    def __init__(self, debit_account: _Optional[str] = ..., credit_account: _Optional[str] = ..., amount: _Optional[str] = ..., asset: _Optional[str] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., code: _Optional[str] = ..., description: _Optional[str] = ..., reference: _Optional[str] = ..., up_to: _Optional[_Union[UpTo, str]] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("side", "balance", "available", "last_position")
    SIDE_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    LAST_POSITION_FIELD_NUMBER: _ClassVar[int]
    side: _limits_pb2.Side
    balance: Comparison
    available: Comparison
    last_position: str
    def __init__(self, side: _Optional[_Union[_limits_pb2.Side, str]] = ..., balance: _Optional[_Union[Comparison, _Mapping]] = ..., available: _Optional[_Union[Comparison, _Mapping]] = ..., last_position: _Optional[str] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ("operator", "value")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    operator: Operator
    value: str
    def __init__(self, operator: _Optional[_Union[Operator, str]] = ..., value: _Optional[str] = ...) -> None: ...

class CreateHold(_message.Message):
    __slots__ = ("debit_account", "credit_account", "amount", "asset", "expire_time", "timeout", "group", "labels", "code", "description", "reference", "up_to", "conditions")
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
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    debit_account: str
    credit_account: str
    amount: str
    asset: str
    expire_time: _timestamp_pb2.Timestamp
    timeout: _duration_pb2.Duration
    group: str
    labels: _containers.ScalarMap[str, str]
    code: str
    description: str
    reference: str
    up_to: UpTo
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    def __init__(self, debit_account: _Optional[str] = ..., credit_account: _Optional[str] = ..., amount: _Optional[str] = ..., asset: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., group: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., code: _Optional[str] = ..., description: _Optional[str] = ..., reference: _Optional[str] = ..., up_to: _Optional[_Union[UpTo, str]] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ...) -> None: ...

class CaptureHold(_message.Message):
    __slots__ = ("hold", "amount", "final", "effective_time", "labels", "code", "description", "reference")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HOLD_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    hold: str
    amount: str
    final: bool
    effective_time: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    code: str
    description: str
    reference: str
    def __init__(self, hold: _Optional[str] = ..., amount: _Optional[str] = ..., final: _Optional[bool] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., code: _Optional[str] = ..., description: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class ReleaseHold(_message.Message):
    __slots__ = ("hold",)
    HOLD_FIELD_NUMBER: _ClassVar[int]
    hold: str
    def __init__(self, hold: _Optional[str] = ...) -> None: ...

class UpdateHold(_message.Message):
    __slots__ = ("hold", "amount", "expire_time", "timeout", "never")
    HOLD_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    NEVER_FIELD_NUMBER: _ClassVar[int]
    hold: str
    amount: str
    expire_time: _timestamp_pb2.Timestamp
    timeout: _duration_pb2.Duration
    never: bool
    def __init__(self, hold: _Optional[str] = ..., amount: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., never: _Optional[bool] = ...) -> None: ...

class ResolveGroup(_message.Message):
    __slots__ = ("group", "resolution", "effective_time")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    group: str
    resolution: Resolution
    effective_time: _timestamp_pb2.Timestamp
    def __init__(self, group: _Optional[str] = ..., resolution: _Optional[_Union[Resolution, str]] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReverseTransfer(_message.Message):
    __slots__ = ("transfer", "amount", "force", "effective_time", "labels", "code", "description", "reference")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    transfer: str
    amount: str
    force: bool
    effective_time: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    code: str
    description: str
    reference: str
    def __init__(self, transfer: _Optional[str] = ..., amount: _Optional[str] = ..., force: _Optional[bool] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., code: _Optional[str] = ..., description: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class CreatePayment(_message.Message):
    __slots__ = ("legs", "collect_amount", "collect_partially", "effective_time", "labels", "code", "description", "reference")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LEGS_FIELD_NUMBER: _ClassVar[int]
    COLLECT_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COLLECT_PARTIALLY_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    legs: _containers.RepeatedCompositeFieldContainer[Leg]
    collect_amount: str
    collect_partially: bool
    effective_time: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    code: str
    description: str
    reference: str
    def __init__(self, legs: _Optional[_Iterable[_Union[Leg, _Mapping]]] = ..., collect_amount: _Optional[str] = ..., collect_partially: _Optional[bool] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., code: _Optional[str] = ..., description: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class Leg(_message.Message):
    __slots__ = ("debit_account", "credit_account", "amount", "asset", "collect", "up_to", "conditions", "rate")
    DEBIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    COLLECT_FIELD_NUMBER: _ClassVar[int]
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    debit_account: str
    credit_account: str
    amount: str
    asset: str
    collect: bool
    up_to: UpTo
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    rate: str
    def __init__(self, debit_account: _Optional[str] = ..., credit_account: _Optional[str] = ..., amount: _Optional[str] = ..., asset: _Optional[str] = ..., collect: _Optional[bool] = ..., up_to: _Optional[_Union[UpTo, str]] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., rate: _Optional[str] = ...) -> None: ...

class SetLimits(_message.Message):
    __slots__ = ("account", "min_balance", "max_balance", "windows")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    MAX_BALANCE_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    account: str
    min_balance: str
    max_balance: str
    windows: _containers.RepeatedCompositeFieldContainer[_limits_pb2.WindowLimit]
    def __init__(self, account: _Optional[str] = ..., min_balance: _Optional[str] = ..., max_balance: _Optional[str] = ..., windows: _Optional[_Iterable[_Union[_limits_pb2.WindowLimit, _Mapping]]] = ...) -> None: ...

class FreezeAccount(_message.Message):
    __slots__ = ("account", "debits", "credits")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEBITS_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    account: str
    debits: bool
    credits: bool
    def __init__(self, account: _Optional[str] = ..., debits: _Optional[bool] = ..., credits: _Optional[bool] = ...) -> None: ...

class CloseAccount(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    def __init__(self, account: _Optional[str] = ...) -> None: ...

class ReopenAccount(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    def __init__(self, account: _Optional[str] = ...) -> None: ...

class ClosePeriod(_message.Message):
    __slots__ = ("before",)
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    before: _timestamp_pb2.Timestamp
    def __init__(self, before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Erase(_message.Message):
    __slots__ = ("command",)
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    command: str
    def __init__(self, command: _Optional[str] = ...) -> None: ...

class OpenAccount(_message.Message):
    __slots__ = ("account", "asset", "normal_side", "min_balance", "max_balance", "windows", "code", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    NORMAL_SIDE_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    MAX_BALANCE_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    account: str
    asset: str
    normal_side: _account_pb2.NormalSide
    min_balance: str
    max_balance: str
    windows: _containers.RepeatedCompositeFieldContainer[_limits_pb2.WindowLimit]
    code: str
    labels: _containers.ScalarMap[str, str]
    def __init__(self, account: _Optional[str] = ..., asset: _Optional[str] = ..., normal_side: _Optional[_Union[_account_pb2.NormalSide, str]] = ..., min_balance: _Optional[str] = ..., max_balance: _Optional[str] = ..., windows: _Optional[_Iterable[_Union[_limits_pb2.WindowLimit, _Mapping]]] = ..., code: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class OpenAsset(_message.Message):
    __slots__ = ("asset", "scale")
    ASSET_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    asset: str
    scale: int
    def __init__(self, asset: _Optional[str] = ..., scale: _Optional[int] = ...) -> None: ...
