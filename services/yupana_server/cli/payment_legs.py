"""The legs of a payment in a JSON file."""

import json
from collections.abc import Mapping
from pathlib import Path

from yupana import Condition, Leg, UpTo
from yupana_server.cli.terms import parse_amount, parse_condition
from yupana_server.runtime.config import ConfigError

FIELDS = ("debit", "credit", "amount", "asset", "collect", "up_to", "conditions", "rate")


def read_legs(path: Path) -> list[Leg]:
    """Return the legs of a JSON file, a list of objects.

    Raises:
        ConfigError: It is not that, or a leg is wrong; the message says which one, and why.
    """
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ConfigError(f"{path} is not a JSON list of objects, one for each leg")
    legs = []
    for place, fields in enumerate(found, start=1):
        try:
            legs.append(parse_leg_fields(fields))
        except ValueError as error:
            raise ConfigError(f"{path}, leg {place}: {error}") from error
    return legs


def parse_leg_fields(fields: Mapping[str, object]) -> Leg:
    """Return the leg that an object describes.

    Raises:
        ValueError: A field is unknown, missing or wrong.
    """
    if unknown := [name for name in fields if name not in FIELDS]:
        raise ValueError(f"the field {unknown[0]} means nothing: known are {', '.join(FIELDS)}")
    amount = fields.get("amount")
    collect = fields.get("collect", False)
    if type(collect) is not bool:
        raise ValueError("collect is neither true nor false")
    return Leg(
        _text(fields, "debit"),
        _text(fields, "credit"),
        None if amount is None else _amount(amount),
        asset=_text(fields, "asset", ""),
        collect=collect,
        up_to=_up_to(_text(fields, "up_to", "")),
        conditions=_conditions(fields.get("conditions", [])),
        rate=_text(fields, "rate", ""),
    )


def _text(fields: Mapping[str, object], name: str, default: str | None = None) -> str:
    text = fields.get(name, default)
    if type(text) is not str:
        raise ValueError(f"{name} is missing" if text is None else f"{name} is no text")
    return text


def _amount(amount: object) -> int:
    if type(amount) not in (int, str):
        raise ValueError(f"the amount {amount} is no whole number: give whole smallest units")
    return parse_amount(str(amount))


def _up_to(name: str) -> UpTo | None:
    if not name:
        return None
    try:
        return UpTo(name)
    except ValueError as error:
        raise ValueError(f"up_to {name} is none of {', '.join(UpTo)}") from error


def _conditions(texts: object) -> tuple[Condition, ...]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("conditions is no list of texts")
    return tuple(map(parse_condition, texts))
