import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.ledger.v1 import error_reason_pb2 as _error_reason_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(_message.Message):
    __slots__ = ("id", "transfer_posted", "account_opened", "asset_opened", "rejected", "refused", "hold_created", "hold_captured", "hold_released", "hold_updated", "group_resolved", "transfer_reversed", "payment_posted", "limits_set", "account_frozen", "account_closed", "account_reopened", "period_closed", "erased", "hold_expired", "replayed", "position", "record_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_POSTED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_OPENED_FIELD_NUMBER: _ClassVar[int]
    ASSET_OPENED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    HOLD_CREATED_FIELD_NUMBER: _ClassVar[int]
    HOLD_CAPTURED_FIELD_NUMBER: _ClassVar[int]
    HOLD_RELEASED_FIELD_NUMBER: _ClassVar[int]
    HOLD_UPDATED_FIELD_NUMBER: _ClassVar[int]
    GROUP_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_REVERSED_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_POSTED_FIELD_NUMBER: _ClassVar[int]
    LIMITS_SET_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FROZEN_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CLOSED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_REOPENED_FIELD_NUMBER: _ClassVar[int]
    PERIOD_CLOSED_FIELD_NUMBER: _ClassVar[int]
    ERASED_FIELD_NUMBER: _ClassVar[int]
    HOLD_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    transfer_posted: TransferPosted
    account_opened: AccountOpened
    asset_opened: AssetOpened
    rejected: Rejection
    refused: Refusal
    hold_created: HoldCreated
    hold_captured: HoldCaptured
    hold_released: HoldReleased
    hold_updated: HoldUpdated
    group_resolved: GroupResolved
    transfer_reversed: TransferReversed
    payment_posted: PaymentPosted
    limits_set: LimitsSet
    account_frozen: AccountFrozen
    account_closed: AccountClosed
    account_reopened: AccountReopened
    period_closed: PeriodClosed
    erased: Erased
    hold_expired: HoldExpired
    replayed: bool
    position: str
    record_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., transfer_posted: _Optional[_Union[TransferPosted, _Mapping]] = ..., account_opened: _Optional[_Union[AccountOpened, _Mapping]] = ..., asset_opened: _Optional[_Union[AssetOpened, _Mapping]] = ..., rejected: _Optional[_Union[Rejection, _Mapping]] = ..., refused: _Optional[_Union[Refusal, _Mapping]] = ..., hold_created: _Optional[_Union[HoldCreated, _Mapping]] = ..., hold_captured: _Optional[_Union[HoldCaptured, _Mapping]] = ..., hold_released: _Optional[_Union[HoldReleased, _Mapping]] = ..., hold_updated: _Optional[_Union[HoldUpdated, _Mapping]] = ..., group_resolved: _Optional[_Union[GroupResolved, _Mapping]] = ..., transfer_reversed: _Optional[_Union[TransferReversed, _Mapping]] = ..., payment_posted: _Optional[_Union[PaymentPosted, _Mapping]] = ..., limits_set: _Optional[_Union[LimitsSet, _Mapping]] = ..., account_frozen: _Optional[_Union[AccountFrozen, _Mapping]] = ..., account_closed: _Optional[_Union[AccountClosed, _Mapping]] = ..., account_reopened: _Optional[_Union[AccountReopened, _Mapping]] = ..., period_closed: _Optional[_Union[PeriodClosed, _Mapping]] = ..., erased: _Optional[_Union[Erased, _Mapping]] = ..., hold_expired: _Optional[_Union[HoldExpired, _Mapping]] = ..., replayed: _Optional[bool] = ..., position: _Optional[str] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

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

class HoldCreated(_message.Message):
    __slots__ = ("amount", "expire_time")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    amount: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, amount: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class HoldCaptured(_message.Message):
    __slots__ = ("amount", "remaining")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    amount: str
    remaining: str
    def __init__(self, amount: _Optional[str] = ..., remaining: _Optional[str] = ...) -> None: ...

class HoldReleased(_message.Message):
    __slots__ = ("amount",)
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    amount: str
    def __init__(self, amount: _Optional[str] = ...) -> None: ...

class HoldExpired(_message.Message):
    __slots__ = ("amount",)
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    amount: str
    def __init__(self, amount: _Optional[str] = ...) -> None: ...

class HoldUpdated(_message.Message):
    __slots__ = ("remaining", "expire_time")
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    remaining: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, remaining: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GroupResolved(_message.Message):
    __slots__ = ("holds",)
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    holds: _containers.RepeatedCompositeFieldContainer[ResolvedHold]
    def __init__(self, holds: _Optional[_Iterable[_Union[ResolvedHold, _Mapping]]] = ...) -> None: ...

class ResolvedHold(_message.Message):
    __slots__ = ("hold", "amount")
    HOLD_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    hold: str
    amount: str
    def __init__(self, hold: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class TransferReversed(_message.Message):
    __slots__ = ("amount", "reversed_amount")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REVERSED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    amount: str
    reversed_amount: str
    def __init__(self, amount: _Optional[str] = ..., reversed_amount: _Optional[str] = ...) -> None: ...

class PaymentPosted(_message.Message):
    __slots__ = ("leg_amounts",)
    LEG_AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    leg_amounts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, leg_amounts: _Optional[_Iterable[str]] = ...) -> None: ...

class LimitsSet(_message.Message):
    __slots__ = ("below_min_balance", "above_max_balance", "windows_exceeded")
    BELOW_MIN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    ABOVE_MAX_BALANCE_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_EXCEEDED_FIELD_NUMBER: _ClassVar[int]
    below_min_balance: bool
    above_max_balance: bool
    windows_exceeded: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, below_min_balance: _Optional[bool] = ..., above_max_balance: _Optional[bool] = ..., windows_exceeded: _Optional[_Iterable[bool]] = ...) -> None: ...

class AccountFrozen(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AccountClosed(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AccountReopened(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PeriodClosed(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Erased(_message.Message):
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
