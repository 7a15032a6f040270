"""The edge's check of JSON bodies, as a script for Envoy with tables from the contract."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from yupana_server.edge.contract import rule_of, services

ANYTHING = 0
MAP = -1
_SCRIPT = files(__package__) / "strict_json.lua"


def script() -> str:
    """Return the script: it refuses fields that a method's request does not have."""
    messages = _Messages()
    methods: dict[str, list[str]] = {}
    for verb, path, request in _bodies():
        methods.setdefault(verb, []).append(f'{{"{_pattern(path)}", {messages.number(request)}}}')
    tables = (
        "local METHODS = {"
        + ", ".join(f"{verb} = {{{', '.join(found)}}}" for verb, found in methods.items())
        + "}\nlocal MESSAGES = {"
        + ", ".join(messages.tables())
        + "}\n"
    )
    return tables + _SCRIPT.read_text()


def _bodies() -> Iterator[tuple[str, str, Any]]:
    for _, service in services():
        for method in service.methods:
            rule = rule_of(method)
            if rule is not None and rule.body == "*":
                yield rule.verb.upper(), rule.path, method.input_type


def _pattern(path: str) -> str:
    """Return Lua's pattern for a path; `%` stands before signs that would mean something."""
    parts = re.split(r"\{[^}]*\}", path)
    return "^" + "[^/]+".join(re.sub(r"([^A-Za-z0-9/])", r"%\1", part) for part in parts) + "$"


class _Messages:
    """Numbers messages in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._waiting: list[Any] = []

    def number(self, message: Any) -> int:
        """Return a message's number, from 1; ANYTHING for those with a JSON form of their own."""
        if message.full_name.startswith("google.protobuf."):
            return ANYTHING
        if message.full_name not in self._numbers:
            self._numbers[message.full_name] = len(self._numbers) + 1
            self._waiting.append(message)
        return self._numbers[message.full_name]

    def tables(self) -> Iterator[str]:
        """Yield the fields of each message, in the order of their numbers."""
        while self._waiting:
            message = self._waiting.pop(0)
            fields = (
                f'["{name}"] = {self._inside(field)}'
                for field in message.fields
                for name in dict.fromkeys((field.json_name, field.name))
            )
            yield "{" + ", ".join(fields) + "}"

    def _inside(self, field: FieldDescriptor) -> int:
        message = field.message_type
        if message is None:
            return ANYTHING
        return MAP if message.GetOptions().map_entry else self.number(message)
