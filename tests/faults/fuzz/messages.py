"""Builds requests from their descriptors: valid, nearly valid and absurd ones."""

from typing import Any

from faults.fuzz.values import Values
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

NEEDED = {
    *("book", "accounts", "debit_account", "credit_account", "amount", "legs", "operator", "side"),
    *("measure", "length", "max", "resolution", "before", "request"),
}
"""Fields that a good message has wherever they are."""

NEEDED_IN = {
    "Command": {"id"},
    "CaptureHold": {"hold"},
    "ReleaseHold": {"hold"},
    "UpdateHold": {"hold"},
    "ResolveGroup": {"group"},
    "ReverseTransfer": {"transfer"},
    "SetLimits": {"account"},
    "FreezeAccount": {"account"},
    "CloseAccount": {"account"},
    "ReopenAccount": {"account"},
    "Erase": {"command"},
    "OpenAccount": {"account", "asset"},
    "OpenAsset": {"asset"},
    "GetTransferRequest": {"id"},
    "GetOutcomeRequest": {"id"},
    "GetHoldRequest": {"hold"},
    "GetStatementRequest": {"account"},
    "Comparison": {"value"},
    "Label": {"key"},
    "ExecuteRequest": {"commands"},
}

NEEDED_ONEOFS = {"kind", "test", "level", "moment"}
OPTIONAL_CHANCE = 0.15
USUAL_KINDS = ["create_transfer"] * 6 + ["create_hold"] * 4 + ["capture_hold"] * 3


class Messages:
    """Builds messages of any type. `absurdity` is the chance that a field is made absurd."""

    def __init__(self, values: Values):
        self.values = values
        self._chance = values.chance

    def build(self, descriptor: Descriptor, absurdity: float) -> Any:
        """Build a message."""
        message = GetMessageClass(descriptor)()
        chosen = {oneof.name: self._member(oneof, absurdity) for oneof in descriptor.oneofs}
        for field in descriptor.fields:
            oneof = field.containing_oneof
            if oneof is not None and len(oneof.fields) > 1:
                wanted = chosen[oneof.name] is field
            else:
                wanted = self._wanted(descriptor, field, absurdity)
            if wanted:
                self._fill(message, field, absurdity)
        return message

    def _member(self, oneof: Any, absurdity: float) -> FieldDescriptor | None:
        if not self.values.maybe(0.9 if absurdity else 1) or (
            oneof.name not in NEEDED_ONEOFS and self.values.maybe(0.6)
        ):
            return None
        if oneof.full_name.endswith("Command.kind") and self.values.maybe(0.5):
            name = self._chance.choice(USUAL_KINDS)
            return next(field for field in oneof.fields if field.name == name)
        return self._chance.choice(list(oneof.fields))

    def _wanted(self, descriptor: Descriptor, field: FieldDescriptor, absurdity: float) -> bool:
        if field.name in NEEDED or field.name in NEEDED_IN.get(descriptor.name, ()):
            return not self.values.maybe(absurdity / 3)
        return self.values.maybe(OPTIONAL_CHANCE + absurdity / 2)

    def _fill(self, message: Message, field: FieldDescriptor, absurdity: float) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for _ in range(self._count(field, absurdity)):
                getattr(message, field.name)[self._label(absurdity)] = self._label(absurdity)
        elif field.is_repeated:
            for _ in range(self._count(field, absurdity)):
                self._add(getattr(message, field.name), field, absurdity)
        elif field.message_type is not None:
            getattr(message, field.name).SetInParent()
            getattr(message, field.name).MergeFrom(self._message(field, absurdity))
        else:
            setattr(message, field.name, self._scalar(field, absurdity))

    def _add(self, values: Any, field: FieldDescriptor, absurdity: float) -> None:
        if field.message_type is not None:
            values.append(self._message(field, absurdity))
        else:
            value = self._scalar(field, absurdity)
            if absurdity or value not in values:
                values.append(value)

    def _count(self, field: FieldDescriptor, absurdity: float) -> int:
        if self.values.maybe(absurdity / 10):
            return self._chance.choice([0, 17, 257, 1_001])
        return self._chance.randint(1, 6 if field.name == "commands" else 3)

    def _message(self, field: FieldDescriptor, absurdity: float) -> Any:
        name = field.message_type.name
        if name == "Timestamp":
            return self._time(field, absurdity)
        if name == "Duration":
            return self._duration(field, absurdity)
        return self.build(field.message_type, absurdity)

    def _time(self, field: FieldDescriptor, absurdity: float) -> Any:
        time = GetMessageClass(field.message_type)()
        time.seconds = self.values.seconds(past=field.name != "expire_time")
        return self._distort(time, absurdity)

    def _duration(self, field: FieldDescriptor, absurdity: float) -> Any:
        duration = GetMessageClass(field.message_type)()
        duration.seconds = self._chance.choice([60, 3600] if field.name == "length" else [1, 5, 60])
        return self._distort(duration, absurdity)

    def _distort(self, moment: Any, absurdity: float) -> Any:
        for field in moment.DESCRIPTOR.fields:
            if self.values.maybe(absurdity):
                setattr(moment, field.name, self.values.absurd(field))
        return moment

    def _scalar(self, field: FieldDescriptor, absurdity: float) -> Any:
        absurd = self.values.maybe(absurdity)
        return self.values.absurd(field) if absurd else self.values.good(field)

    def _label(self, absurdity: float) -> str:
        if self.values.maybe(absurdity):
            return self.values._absurd_string()
        return self._chance.choice(["k", "order", "v"])
