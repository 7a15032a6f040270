"""The enums of this package and those of the contract: the same names, there with a prefix."""

from typing import Generic, TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from yupana.enums import (
    EntryKind,
    HoldState,
    Measure,
    NormalSide,
    OpenEnum,
    Side,
    TransferKind,
    WebhookDeliveryState,
    WebhookOrder,
    WebhookState,
)
from yupana.feed.v1 import event_pb2, webhook_pb2
from yupana.ledger.v1 import account_pb2, error_reason_pb2, hold_pb2, limits_pb2, transfer_pb2
from yupana.reasons import PROTO_PREFIX, Reason

Member = TypeVar("Member", bound=OpenEnum)


class Members(Generic[Member]):
    """Finds the members of an enum by the contract's numbers."""

    def __init__(self, enum: type[Member], proto: EnumTypeWrapper, prefix: str) -> None:
        self._enum = enum
        self._by_number = {proto.Value(f"{prefix}{member.name}"): member for member in enum}

    def of(self, number: int) -> Member:
        """Return the member; one that is newer than this client equals its number as text."""
        return self._by_number.get(number) or self._enum(str(number))


NORMAL_SIDES = Members(NormalSide, account_pb2.NormalSide, "NORMAL_SIDE_")
SIDES = Members(Side, limits_pb2.Side, "SIDE_")
MEASURES = Members(Measure, limits_pb2.Measure, "MEASURE_")
HOLD_STATES = Members(HoldState, hold_pb2.HoldState, "HOLD_STATE_")
TRANSFER_KINDS = Members(TransferKind, transfer_pb2.TransferKind, "TRANSFER_KIND_")
ENTRY_KINDS = Members(EntryKind, event_pb2.EntryKind, "ENTRY_KIND_")
REASONS = Members(Reason, error_reason_pb2.ErrorReason, PROTO_PREFIX)
WEBHOOK_ORDERS = Members(WebhookOrder, webhook_pb2.WebhookOrder, "WEBHOOK_ORDER_")
WEBHOOK_STATES = Members(WebhookState, webhook_pb2.WebhookState, "WEBHOOK_STATE_")
WEBHOOK_DELIVERY_STATES = Members(
    WebhookDeliveryState, webhook_pb2.WebhookDeliveryState, "WEBHOOK_DELIVERY_STATE_"
)
