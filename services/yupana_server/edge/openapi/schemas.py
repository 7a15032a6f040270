"""Messages as JSON schemas, by Protobuf's mapping to JSON."""

from collections.abc import Collection, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

Json = dict[str, Any]

REF = "#/components/schemas/"
_INT64 = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}
_INT32 = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_SFIXED32,
}
_OWN_FORM: Mapping[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "examples": ["3.5s"]},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.FieldMask": {"type": "string", "examples": ["url,description"]},
    "google.protobuf.Any": {"type": "object", "additionalProperties": True},
}


class Schemas:
    """Collects the schemas of the messages that are met."""

    def __init__(self, comments: Mapping[str, str]):
        self._comments = comments
        self.found: dict[str, Json] = {}

    def comment(self, name: str) -> str:
        """Return the comment of a declaration by its full name; empty without one."""
        return self._comments.get(name, "")

    def message(self, descriptor: Any) -> Json:
        """Return the schema of a message: a reference, but for those with a form of their own."""
        if descriptor.full_name in _OWN_FORM:
            return dict(_OWN_FORM[descriptor.full_name])
        if descriptor.name not in self.found:
            self.found[descriptor.name] = {}
            self.found[descriptor.name] = self.object(descriptor)
        return {"$ref": REF + descriptor.name}

    def object(self, descriptor: Any, *, without: Collection[str] = ()) -> Json:
        """Return the schema of a message without some fields, which paths of names may lead to."""
        fields = {
            field.json_name: self._described(field, _below(field.name, without))
            for field in descriptor.fields
            if field.name not in without
        }
        schema: Json = {"type": "object", "properties": fields}
        if text := self.comment(descriptor.full_name):
            schema["description"] = text
        return schema

    def _described(self, field: Any, without: Collection[str]) -> Json:
        text = self.comment(field.full_name)
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            text = f"{text}\n\nAt most one of {_names(oneof)}.".strip()
        inside = field.message_type
        schema = self.object(inside, without=without) if without else self.field(field)
        return {**schema, "description": text} if text else schema

    def field(self, field: Any) -> Json:
        """Return the schema of a field's value."""
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            value = message.fields_by_name["value"]
            return {"type": "object", "additionalProperties": self.value(value)}
        if field.is_repeated:
            return {"type": "array", "items": self.value(field)}
        return self.value(field)

    def value(self, field: Any) -> Json:
        """Return the schema of one value of a field."""
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type in _INT64:
            return {"type": "string", "format": "int64"}
        if field.type in _INT32:
            return {"type": "integer", "format": "int32"}
        if field.type == FieldDescriptor.TYPE_BOOL:
            return {"type": "boolean"}
        return {"type": "string"}

    def _enum(self, enum: Any) -> Json:
        if enum.name not in self.found:
            values = [value.name for value in enum.values]
            meanings = "\n".join(
                f"- `{name}`: {' '.join(self.comment(f'{enum.full_name}.{name}').split())}"
                for name in values
            )
            text = f"{self.comment(enum.full_name)}\n\n{meanings}"
            self.found[enum.name] = {"type": "string", "enum": values, "description": text}
        return {"$ref": REF + enum.name}


def _below(name: str, paths: Collection[str]) -> list[str]:
    """Return how the paths that lead into a field go on."""
    return [path.removeprefix(f"{name}.") for path in paths if path.startswith(f"{name}.")]


def _names(oneof: Any) -> str:
    return ", ".join(f"`{field.json_name}`" for field in oneof.fields)
