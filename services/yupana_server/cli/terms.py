"""The small language of arguments: amounts, lengths of time, windows, conditions and legs.

Pure. Every `parse_…` raises ValueError with what is wrong and what to write instead.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

from yupana import Action, Condition, Grant, Leg, Measure, Reason, Side, WindowLimit

COLLECT = "collect"

_WHOLE = re.compile(r"[0-9]{1,1000}", re.ASCII)
_SIGNED = re.compile(r"-?[0-9]{1,1000}", re.ASCII)
_DECIMAL = re.compile(r"([0-9]{1,39})\.([0-9]{1,38})", re.ASCII)
_LENGTH = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_WINDOW = re.compile(r"(debit|credit)\.(amount|count) *<= *(\S+) +per +(\S+)", re.ASCII)
_CONDITION = re.compile(
    r"(debit|credit)\.(balance|available|last_position) *(>=|<=|==|!=) *(\S+)", re.ASCII
)

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_COMPARISONS = {">=": "at_least", "<=": "at_most", "==": "equal", "!=": "not_equal"}


def parse_amount(text: str) -> int:
    """Return an amount of smallest units: a whole number."""
    if _WHOLE.fullmatch(text):
        return int(text)
    advice = "give whole smallest units"
    if matched := _DECIMAL.fullmatch(text):
        scale = max(2, len(matched[2]))
        advice += (
            f": {int(matched[1] + matched[2].ljust(scale, '0'))} (of an asset of scale {scale})"
        )
    raise ValueError(f"{text} is no whole number: {advice}")


def parse_limit(text: str) -> int | None:
    """Return a floor or a ceiling: a whole number with or without a minus, or `none`."""
    if text == "none":
        return None
    if _SIGNED.fullmatch(text) is None:
        raise ValueError(f"{text} is no limit: give a whole number, or none")
    return int(text)


def parse_length(text: str) -> timedelta:
    """Return a length of time: a number of seconds, minutes, hours or days."""
    matched = _LENGTH.fullmatch(text)
    if matched is None:
        raise ValueError(f"{text} is no length of time: write 90s, 15m, 24h or 7d")
    try:
        return int(matched[1]) * _UNITS[matched[2]]
    except OverflowError as error:
        raise ValueError(f"{text} is longer than there is time") from error


def parse_window(text: str) -> WindowLimit:
    """Return a windowed limit: `debit.amount <= 100000 per 24h`."""
    matched = _WINDOW.fullmatch(text)
    if matched is None:
        raise ValueError(f"{text} is no window: write 'debit.amount <= 100000 per 24h'")
    return WindowLimit(
        Side(matched[1]),
        Measure(matched[2]),
        length=parse_length(matched[4]),
        max=parse_amount(matched[3]),
    )


def parse_condition(text: str) -> Condition:
    """Return a condition: `debit.available >= 500`, `credit.last_position == …`."""
    matched = _CONDITION.fullmatch(text)
    if matched is None:
        raise ValueError(f"{text} is no condition: write 'debit.available >= 500'")
    side, quantity, comparison, value = Side(matched[1]), *matched.groups()[1:]
    if quantity == "last_position":
        if comparison != "==":
            raise ValueError(f"{text} is no condition: a last_position can only be ==")
        return Condition.unchanged(side, value)
    if _SIGNED.fullmatch(value) is None:
        raise ValueError(f"{text} is no condition: {value} is no whole number")
    compared = {_COMPARISONS[comparison]: int(value)}
    if quantity == "balance":
        return Condition.balance(side, **compared)
    return Condition.available(side, **compared)


def parse_leg(text: str) -> Leg:
    """Return a leg of a payment: `debit credit amount`, or `debit credit collect`."""
    words = text.split()
    if len(words) != 3:
        raise ValueError(f"{text!r} is no leg: write 'debit credit amount'")
    debit, credit, amount = words
    if amount == COLLECT:
        return Leg(debit, credit, collect=True)
    return Leg(debit, credit, parse_amount(amount))


def parse_label(text: str) -> tuple[str, str]:
    """Return the key and the value of a label: `key=value`."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text} is not KEY=VALUE")
    return key, value


def parse_label_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Return labels, each as for `parse_label` and no key twice."""
    labels: dict[str, str] = {}
    for key, value in map(parse_label, texts):
        if key in labels:
            raise ValueError(f"{key} is there twice: give each key once")
        labels[key] = value
    return labels


def parse_reason(text: str) -> Reason:
    """Return a reason by its name."""
    try:
        return Reason[text.upper()]
    except KeyError as error:
        raise ValueError(f"{text} is no reason, such as {Reason.BELOW_MIN_BALANCE}") from error


def shown_length(length: timedelta) -> str:
    """Return a length of time as `parse_length` reads it, in the largest unit that fits."""
    for name, unit in _UNITS.items():
        if length % unit == timedelta(0):
            return f"{length // unit}{name}"
    return f"{length.total_seconds():f}s"


def shown_window(limit: WindowLimit) -> str:
    """Return a windowed limit as `parse_window` reads it."""
    per = shown_length(limit.length)
    return f"{limit.side}.{limit.measure} <= {limit.max} per {per}"


def parse_grant(text: str) -> Grant:
    """Read BOOK[/PREFIX]=ACTION,….

    Raises:
        ValueError: It is not written so.
    """
    scope, equals, names = text.partition("=")
    book, _, prefix = scope.partition("/")
    if not equals or not book or not names:
        raise ValueError("BOOK=ACTION,… or BOOK/PREFIX=ACTION,… such as shop=read,write")
    if names == "all":
        return Grant(book, tuple(Action), prefix)
    known = {action.value: action for action in Action}
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(known)}, all")
    return Grant(book, tuple(known[name] for name in names.split(",")), prefix)
