"""Reads the fields of messages, and names everything that is wrong with them."""

import os
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from yupana_server.book.bounds import (
    AMOUNT_MAX,
    DESCRIPTION_BYTES_MAX,
    EFFECTIVE_AT_MIN,
    ID_PATTERN,
    INTERNAL_ID_PATTERN,
    LABEL_VALUE_BYTES_MAX,
    LABELS_MAX,
    REFERENCE_BYTES_MAX,
)
from yupana_server.book.commands import Words
from yupana_server.book.words import SALT_BYTES, seal
from yupana_server.runtime.errors import Violation

ID_RULE = "1 to 128 of A-Z a-z 0-9 _ . : @ + ~ -, beginning with a letter or digit"
AMOUNT_RULE = "a whole number from 0 to 2^128 - 1, without sign or leading zeros"
SIGNED_RULE = "a whole number from -(2^128 - 1) to 2^128 - 1, without + or leading zeros"
TIME_RULE = "a time from year 1 to 9999, no finer than a microsecond"
_AMOUNT_DIGITS = 39
_TIME_MAX = 253_402_300_799_999_999

E = TypeVar("E", bound=IntEnum)


class Violations:
    """Collects what is wrong with the fields of one message."""

    def __init__(self, path: str, found: list[Violation] | None = None, *, book: str = ""):
        self.book = book
        """The book that the message is about: positions are good for one book only."""
        self._path = path
        self.found: list[Violation] = [] if found is None else found

    def inside(self, field: str) -> "Violations":
        """Return what collects, in the same list, what is wrong inside a field."""
        path = f"{self._path}.{field}" if self._path else field
        return Violations(path, self.found, book=self.book)

    def add(self, field: str, description: str) -> None:
        """Name one more."""
        self.found.append(Violation(f"{self._path}.{field}" if self._path else field, description))

    def check_id(self, field: str, value: str) -> None:
        """Name the field unless the value is an id."""
        if ID_PATTERN.fullmatch(value) is None:
            self.add(field, f"{show(value)} is not an id: {ID_RULE}")

    def check_unknown(self, message: Message) -> None:
        """Name fields that this release does not know: they could mean something that matters."""
        unknown = UnknownFieldSet(message)
        for index in range(len(unknown)):
            self.add(
                f"{unknown[index].field_number}",
                "this field is not known here: the caller's release is newer than the server's",
            )

    def check_enum(self, field: str, message: Message) -> None:
        """Name an enum field whose value is not known."""
        descriptor = message.DESCRIPTOR.fields_by_name[field].enum_type
        value = getattr(message, field)
        if descriptor is not None and value not in descriptor.values_by_number:
            self.add(field, f"{value} is not a value of {descriptor.name}")

    def check_target(self, field: str, value: str) -> None:
        """Name the field unless the value is an id, a caller's or one of the ledger's own."""
        if INTERNAL_ID_PATTERN.fullmatch(value) is None:
            self.check_id(field, value)

    def check_optional_id(self, field: str, value: str) -> str | None:
        """Name the field unless the value is an id or empty; return None for the empty one."""
        if value:
            self.check_id(field, value)
        return value or None

    def read_amount(self, field: str, text: str) -> int:
        """Read an amount; name the field and return 0 when it is not one."""
        amount = parse_amount(text)
        if amount is None:
            self.add(field, f"{show(text)} is not {AMOUNT_RULE}")
        return amount or 0

    def read_optional_amount(self, field: str, text: str) -> int | None:
        """Read an amount that may be left out."""
        return self.read_amount(field, text) if text else None

    def read_signed(self, field: str, text: str) -> int:
        """Read a signed amount; name the field and return 0 when it is not one."""
        amount = parse_signed(text)
        if amount is None:
            self.add(field, f"{show(text)} is not {SIGNED_RULE}")
        return amount or 0

    def read_enum(self, field: str, message: Message, known: type[E]) -> E | None:
        """Read an enum field that must be given; name it and return None when it is not known."""
        value = getattr(message, field)
        try:
            return known(value)
        except ValueError:
            self.add(field, f"{value} is not one of {', '.join(each.name for each in known)}")
            return None

    def read_time(self, field: str, message: Message) -> int | None:
        """Read a timestamp, None when it is absent; name the field when it is not one."""
        if not message.HasField(field):
            return None
        time: Any = getattr(message, field)
        self.inside(field).check_unknown(time)
        micros, rest = divmod(time.nanos, 1000)
        at: int = time.seconds * 1_000_000 + micros
        fine = rest == 0 and 0 <= time.nanos < 1_000_000_000
        if not fine or not EFFECTIVE_AT_MIN <= at <= _TIME_MAX:
            self.add(field, f"{time.seconds} s {time.nanos} ns is not {TIME_RULE}")
            return None
        return at

    def read_duration(self, field: str, duration: Duration, least: int, most: int) -> int:
        """Read a duration in microseconds; name the field when it is not within the bounds."""
        self.inside(field).check_unknown(duration)
        micros, rest = divmod(duration.nanos, 1000)
        length = duration.seconds * 1_000_000 + micros
        if rest or not 0 <= duration.nanos < 1_000_000_000 or not least <= length <= most:
            rule = f"from {least} us to {most // 1_000_000} s, no finer than a microsecond"
            self.add(field, f"{duration.seconds} s {duration.nanos} ns is not {rule}")
            return least
        return length

    def read_words(
        self, labels: Mapping[str, str], description: str = "", reference: str = ""
    ) -> Words | None:
        """Read and seal labels, description and reference; None when there are none."""
        if not (labels or description or reference):
            return None
        self._check_labels(labels)
        self._check_text("description", description, DESCRIPTION_BYTES_MAX)
        self._check_text("reference", reference, REFERENCE_BYTES_MAX)
        words = Words(dict(labels) or None, description, reference)
        return None if self.found else words._replace(sealed=seal(words, os.urandom(SALT_BYTES)))

    def _check_labels(self, labels: Mapping[str, str]) -> None:
        if len(labels) > LABELS_MAX:
            self.add("labels", f"{len(labels)} labels: at most {LABELS_MAX} allowed")
        for key, value in labels.items():
            if ID_PATTERN.fullmatch(key) is None:
                self.add("labels", f"the key {show(key)} is not an id: {ID_RULE}")
            if "\x00" in value or len(value.encode()) > LABEL_VALUE_BYTES_MAX:
                rule = f"at most {LABEL_VALUE_BYTES_MAX} bytes of text without NUL"
                self.add("labels", f"the value of {show(key)} is not {rule}")

    def _check_text(self, field: str, text: str, bytes_max: int) -> None:
        if "\x00" in text or len(text.encode()) > bytes_max:
            self.add(field, f"is not at most {bytes_max} bytes of text without NUL")


def parse_amount(text: str) -> int | None:
    """Read an amount; None when it is not one."""
    if not (text.isascii() and text.isdigit()) or len(text) > _AMOUNT_DIGITS:
        return None
    if text[0] == "0" and text != "0":
        return None
    amount = int(text)
    return amount if amount <= AMOUNT_MAX else None


def parse_signed(text: str) -> int | None:
    """Read a signed amount; None when it is not one."""
    negative = text.startswith("-")
    amount = parse_amount(text[1:] if negative else text)
    if amount is None or (negative and amount == 0):
        return None
    return -amount if negative else amount


def show(value: str) -> str:
    """Quote a value for an error message, cut short."""
    return repr(value if len(value) <= 40 else value[:40] + "…")
