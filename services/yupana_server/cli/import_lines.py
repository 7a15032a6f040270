"""What a line of an import may say: from its fields to a transfer, or to why it is none.

Pure. The rules are the contract's, so that a request made of good lines is never malformed.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from yupana import CreateTransfer
from yupana_server.book.bounds import (
    AMOUNT_MAX,
    DESCRIPTION_BYTES_MAX,
    ID_PATTERN,
    LABEL_VALUE_BYTES_MAX,
    LABELS_MAX,
    REFERENCE_BYTES_MAX,
)

REQUIRED_FIELDS = ("id", "debit", "credit", "amount")
FIELDS = (
    *REQUIRED_FIELDS,
    "asset",
    "effective_time",
    "code",
    "description",
    "reference",
    "labels",
)
LABEL_PREFIX = "label."

ID_RULE = "1 to 128 of A-Z a-z 0-9 _ . : @ + ~ -, beginning with a letter or digit"
TIME_RULE = (
    "a time with its zone such as 2026-11-21T09:30:00Z, no finer than a microsecond, or a date, "
    "which means midnight UTC"
)
SHOWN_CHARACTERS = 40
# Statements repeat their few dates; a cache makes the lines of one day share the work.
CACHED_TIMES = 1024

_WHOLE = re.compile(r"[0-9]{1,39}", re.ASCII)
_DECIMAL = re.compile(r"([0-9]{1,39})(?:\.([0-9]{1,38}))?", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?", re.ASCII
)


class BadReason(StrEnum):
    """Why a line is no transfer."""

    UNREADABLE = "UNREADABLE"
    """Not a row of the file's columns, or not a JSON object."""
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    MISSING_FIELD = "MISSING_FIELD"
    INVALID_ID = "INVALID_ID"
    SAME_ACCOUNT = "SAME_ACCOUNT"
    INVALID_AMOUNT = "INVALID_AMOUNT"
    UNKNOWN_ASSET = "UNKNOWN_ASSET"
    INVALID_TIME = "INVALID_TIME"
    INVALID_LABELS = "INVALID_LABELS"
    INVALID_TEXT = "INVALID_TEXT"
    """A description or a reference is too long, or no text."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """Why a line is no transfer."""

    reason: BadReason
    message: str


@dataclass(frozen=True, slots=True)
class LineRules:
    """How the lines of one import are meant."""

    asset: str = ""
    """Of lines that name none."""
    decimal: bool = False
    """Amounts are decimal numbers by the asset's scale, not counts of the smallest unit."""
    asset_needed: bool = False
    """Each line must say its asset, and it must be open."""
    scales: Mapping[str, int] | None = None
    """The open assets with their decimal places, for `decimal` and `asset_needed`."""


class JsonNumber(str):
    """A number with a fraction as it was written in JSON: never a float."""

    __slots__ = ()


class _BadFieldError(ValueError):
    def __init__(self, reason: BadReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def parse_line(fields: Mapping[str, object], rules: LineRules) -> CreateTransfer | BadLine:
    """Return the transfer that a line asks for, or the first thing that is wrong with it.

    An empty field counts as left out.
    """
    try:
        return _transfer(fields, rules)
    except _BadFieldError as bad:
        return BadLine(bad.reason, str(bad))


def unknown_fields(names: Iterable[str]) -> list[str]:
    """Return the names that mean nothing: a typing error must not pass silently."""
    return [name for name in names if name not in FIELDS and not name.startswith(LABEL_PREFIX)]


def _transfer(fields: Mapping[str, object], rules: LineRules) -> CreateTransfer:
    if unknown := unknown_fields(fields):
        advice = f"known are {', '.join(FIELDS)} and {LABEL_PREFIX}<key>"
        raise _BadFieldError(BadReason.UNKNOWN_FIELD, f"the field {_show(unknown[0])}: {advice}")
    debit, credit = _id(fields, "debit"), _id(fields, "credit")
    if debit == credit:
        raise _BadFieldError(BadReason.SAME_ACCOUNT, f"debit and credit are both {debit}: name two")
    asset = _asset(fields, rules)
    return CreateTransfer(
        debit,
        credit,
        _amount(fields, asset, rules),
        asset=asset,
        effective_at=_effective_at(fields),
        labels=_labels(fields),
        code=_optional_id(fields, "code"),
        description=_words(fields, "description", DESCRIPTION_BYTES_MAX),
        reference=_words(fields, "reference", REFERENCE_BYTES_MAX),
        id=_id(fields, "id"),
    )


def _id(fields: Mapping[str, object], name: str) -> str:
    return _checked_id(name, _required(fields, name))


def _optional_id(fields: Mapping[str, object], name: str) -> str:
    text = _text(fields, name)
    return _checked_id(name, text) if text else ""


def _checked_id(name: str, text: str) -> str:
    if ID_PATTERN.fullmatch(text) is None:
        raise _BadFieldError(BadReason.INVALID_ID, f"{name} {_show(text)} is not {ID_RULE}")
    return text


def _words(fields: Mapping[str, object], name: str, bytes_max: int) -> str:
    text = _text(fields, name)
    if text and not _is_text(text, bytes_max):
        rule = f"at most {bytes_max} bytes of text without NUL"
        raise _BadFieldError(BadReason.INVALID_TEXT, f"{name} {_show(text)} is not {rule}")
    return text


def _asset(fields: Mapping[str, object], rules: LineRules) -> str:
    asset = _text(fields, "asset") or rules.asset
    if asset:
        _checked_id("asset", asset)
    if not (rules.decimal or rules.asset_needed):
        return asset
    if not asset:
        raise _BadFieldError(BadReason.MISSING_FIELD, "asset is empty: fill it in, or give --asset")
    if asset not in (rules.scales or {}):
        advice = f"open it, for instance with --open-asset {asset}:2"
        raise _BadFieldError(BadReason.UNKNOWN_ASSET, f"{asset} is not open in the book: {advice}")
    return asset


def _amount(fields: Mapping[str, object], asset: str, rules: LineRules) -> int:
    text = _required(fields, "amount")
    scale = (rules.scales or {})[asset] if rules.decimal else None
    amount = _whole(text) if scale is None else _exact(text, asset, scale)
    if amount > AMOUNT_MAX:
        raise _BadFieldError(
            BadReason.INVALID_AMOUNT, f"amount {_show(text)} is above 2^128 - 1 units"
        )
    return amount


def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        rule = "a whole number of the smallest unit without a sign; for 12.50 give --decimal"
        raise _BadFieldError(BadReason.INVALID_AMOUNT, f"amount {_show(text)} is not {rule}")
    return int(text)


def _exact(text: str, asset: str, scale: int) -> int:
    matched = _DECIMAL.fullmatch(text)
    if matched is None:
        rule = "a decimal number such as 12.50, without sign, exponent or separators"
        raise _BadFieldError(BadReason.INVALID_AMOUNT, f"amount {_show(text)} is not {rule}")
    whole, fraction = matched[1], matched[2] or ""
    if len(fraction) > scale:
        fraction = fraction.rstrip("0")  # Zeros beyond the scale say nothing.
    if len(fraction) > scale:
        raise _BadFieldError(
            BadReason.INVALID_AMOUNT,
            f"amount {_show(text)} has {len(fraction)} decimals, {asset} has {scale}: round it",
        )
    return int(whole + fraction.ljust(scale, "0"))


def _effective_at(fields: Mapping[str, object]) -> datetime | None:
    text = _text(fields, "effective_time")
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise _BadFieldError(BadReason.INVALID_TIME, f"effective_time {error}") from error


@lru_cache(maxsize=CACHED_TIMES)
def parse_time(text: str) -> datetime:
    """Return an ISO 8601 time in UTC. A date alone is its midnight in UTC.

    Raises:
        ValueError: It is no time, names no zone, or is finer than a microsecond.
    """
    shape = _TIME.fullmatch(text)
    try:
        at = datetime.fromisoformat(text if shape else "")
        # Near the years 1 and 9999 the zone can lead out of the calendar.
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{_show(text)} is not {TIME_RULE}") from error


def parse_labels(text: str) -> dict[str, str]:
    """Return the labels of a text: a JSON object, or key=value;key=value.

    Raises:
        ValueError: It is neither, or a key is there twice.
    """
    if text.startswith("{"):
        return _json_labels(text)
    labels: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.split(";"))):
        key, equals, value = pair.partition("=")
        if not equals:
            raise _bad_labels(f"{_show(pair)} is not key=value")
        if key in labels:
            raise _bad_labels(f"the key {_show(key)} is there twice")
        labels[key] = value
    return labels


def check_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """Return the labels if they keep to the contract.

    Raises:
        ValueError: A key is not an id, a value no text or too long, or there are too many.
    """
    if len(labels) > LABELS_MAX:
        raise _bad_labels(f"{len(labels)} of them: at most {LABELS_MAX}")
    good: dict[str, str] = {}
    for key, value in labels.items():
        if ID_PATTERN.fullmatch(key) is None:
            raise _bad_labels(f"the key {_show(key)} is not {ID_RULE}")
        if type(value) is not str or not _is_text(value, LABEL_VALUE_BYTES_MAX):
            rule = f"at most {LABEL_VALUE_BYTES_MAX} bytes of text without NUL"
            raise _bad_labels(f"the value {_show(value)} of {key} is not {rule}")
        good[key] = value
    return good


def _labels(fields: Mapping[str, object]) -> dict[str, str]:
    labels: dict[str, object] = {}
    given = fields.get("labels")
    if isinstance(given, Mapping):
        labels.update(given)
    elif isinstance(given, str):
        labels.update(parse_labels(given.strip()))
    elif given is not None:
        raise _bad_labels(f"{_show(given)} is not an object")
    for name, value in fields.items():
        if name.startswith(LABEL_PREFIX) and value not in ("", None):
            key = name.removeprefix(LABEL_PREFIX)
            if key in labels:
                raise _bad_labels(f"the key {_show(key)} is there twice")
            labels[key] = value
    return check_labels(labels) if labels else {}


def _json_labels(text: str) -> dict[str, str]:
    try:
        found = json.loads(text, parse_float=JsonNumber)
    except (ValueError, RecursionError) as error:
        raise _bad_labels(f"{_show(text)} is not a JSON object") from error
    return check_labels(found)


def _is_text(value: str, bytes_max: int) -> bool:
    try:
        return len(value.encode()) <= bytes_max and "\0" not in value
    except UnicodeEncodeError:
        return False  # Bytes of the file that are not UTF-8.


def _bad_labels(what: str) -> _BadFieldError:
    return _BadFieldError(BadReason.INVALID_LABELS, f"labels: {what}")


def _required(fields: Mapping[str, object], name: str) -> str:
    text = _text(fields, name)
    if not text:
        raise _BadFieldError(BadReason.MISSING_FIELD, f"{name} is empty: every line needs it")
    return text


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _BadFieldError(BadReason.UNREADABLE, f"{name} is neither text nor a whole number")


def _show(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
