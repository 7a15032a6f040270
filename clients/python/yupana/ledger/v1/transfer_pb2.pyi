import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from yupana.ledger.v1 import account_pb2 as _account_pb2
from yupana.ledger.v1 import outcome_pb2 as _outcome_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TransferKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_KIND_UNSPECIFIED: _ClassVar[TransferKind]
    TRANSFER_KIND_TRANSFER: _ClassVar[TransferKind]
    TRANSFER_KIND_HOLD: _ClassVar[TransferKind]
    TRANSFER_KIND_CAPTURE: _ClassVar[TransferKind]
    TRANSFER_KIND_RELEASE: _ClassVar[TransferKind]
    TRANSFER_KIND_HOLD_UPDATE: _ClassVar[TransferKind]
    TRANSFER_KIND_EXPIRY: _ClassVar[TransferKind]
    TRANSFER_KIND_REVERSAL: _ClassVar[TransferKind]
    TRANSFER_KIND_LEG: _ClassVar[TransferKind]
    TRANSFER_KIND_PAYMENT: _ClassVar[TransferKind]
TRANSFER_KIND_UNSPECIFIED: TransferKind
TRANSFER_KIND_TRANSFER: TransferKind
TRANSFER_KIND_HOLD: TransferKind
TRANSFER_KIND_CAPTURE: TransferKind
TRANSFER_KIND_RELEASE: TransferKind
TRANSFER_KIND_HOLD_UPDATE: TransferKind
TRANSFER_KIND_EXPIRY: TransferKind
TRANSFER_KIND_REVERSAL: TransferKind
TRANSFER_KIND_LEG: TransferKind
TRANSFER_KIND_PAYMENT: TransferKind

class Transfer(_message.Message):
    __slots__ = ("id", "debit_account", "credit_account", "amount", "asset", "effective_time", "labels", "chain", "outcome", "kind", "code", "description", "reference", "hold", "group", "reverses", "payment", "debit_balances", "credit_balances", "reversed_amount", "rate")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    DEBIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    REVERSES_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    DEBIT_BALANCES_FIELD_NUMBER: _ClassVar[int]
    CREDIT_BALANCES_FIELD_NUMBER: _ClassVar[int]
    REVERSED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    id: str
    debit_account: str
    credit_account: str
    amount: str
    asset: str
    effective_time: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    chain: Chain
    outcome: _outcome_pb2.Outcome
    kind: TransferKind
    code: str
    description: str
    reference: str
    hold: str
    group: str
    reverses: str
    payment: str
    debit_balances: _account_pb2.Balances
    credit_balances: _account_pb2.Balances
    reversed_amount: str
    rate: str
    def __init__(self, id: _Optional[str] = ..., debit_account: _Optional[str] = ..., credit_account: _Optional[str] = ..., amount: _Optional[str] = ..., asset: _Optional[str] = ..., effective_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., chain: _Optional[_Union[Chain, _Mapping]] = ..., outcome: _Optional[_Union[_outcome_pb2.Outcome, _Mapping]] = ..., kind: _Optional[_Union[TransferKind, str]] = ..., code: _Optional[str] = ..., description: _Optional[str] = ..., reference: _Optional[str] = ..., hold: _Optional[str] = ..., group: _Optional[str] = ..., reverses: _Optional[str] = ..., payment: _Optional[str] = ..., debit_balances: _Optional[_Union[_account_pb2.Balances, _Mapping]] = ..., credit_balances: _Optional[_Union[_account_pb2.Balances, _Mapping]] = ..., reversed_amount: _Optional[str] = ..., rate: _Optional[str] = ...) -> None: ...

class Chain(_message.Message):
    __slots__ = ("first_id", "place", "length")
    FIRST_ID_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    first_id: str
    place: int
    length: int
    def __init__(self, first_id: _Optional[str] = ..., place: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...
