"""Reads amounts, times and lists of options as the tables write them."""

import re
import shlex
from typing import NamedTuple

from yupana_server.book.bounds import AMOUNT_MAX, EFFECTIVE_AT_MIN
from yupana_server.book.times import rfc3339

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000}
_UNITS |= {"h": 60 * _UNITS["m"], "d": 24 * 60 * _UNITS["m"]}
_TERM = re.compile(r"([+-]?)(\d+)(?:\.(\d{1,6}))?(us|ms|s|m|h|d)")


class Arguments(NamedTuple):
    """The words after a verb."""

    words: list[str]
    options: list[tuple[str, str]]

    def option(self, name: str) -> str | None:
        """Return the value of an option; None when it is not given."""
        return next((value for key, value in self.options if key == name), None)

    def all(self, name: str) -> list[str]:
        """Return all values of an option that may be given several times."""
        return [value for key, value in self.options if key == name]

    def flag(self, name: str) -> bool:
        """Tell whether a bare word was given."""
        return name in self.words

    def check(self, *known: str, words: int) -> None:
        """Refuse what nobody reads: a misspelt option would test nothing."""
        unknown = [key for key, _ in self.options if key not in known]
        if unknown or len(self.words) > words:
            raise ValueError(f"not understood: {unknown or self.words[words:]}")


def read_arguments(text: str) -> Arguments:
    """Split `a b k=v` into words and options."""
    words: list[str] = []
    options: list[tuple[str, str]] = []
    for part in shlex.split(text):
        name = re.match(r"([a-z_]+)=", part)
        if name is None:
            words.append(part)
        else:
            options.append((name[1], part[name.end() :]))
    return Arguments(words, options)


def read_amount(text: str) -> int:
    """Read an amount, perhaps signed."""
    negative, text = text.startswith("-"), text.removeprefix("-")
    if text.startswith("max"):
        amount = AMOUNT_MAX - int(text.removeprefix("max").removeprefix("-") or 0)
    else:
        amount = int(text)
    return -amount if negative else amount


def read_duration(text: str) -> int:
    """Read a sum of terms, such as 1h30m or 10s-1us, in microseconds."""
    if text == "0":
        return 0
    if re.sub(_TERM, "", text):
        raise ValueError(f"{text} is not a duration")
    total = 0
    for sign, whole, decimals, unit in _TERM.findall(text):
        part = int(whole) * _UNITS[unit]
        if decimals:
            part += int(decimals) * _UNITS[unit] // 10 ** len(decimals)
        total += -part if sign == "-" else part
    return total


def read_time(text: str, start: int) -> int:
    """Read a time such as @-1h, which counts from the beginning of the case."""
    if not text.startswith("@"):
        raise ValueError(f"{text} is not a time: it begins with @")
    return EFFECTIVE_AT_MIN if text == "@year1" else start + read_duration(text[1:])


def shown(text: str, start: int) -> str:
    """Write an expected value as outcomes have it."""
    if text.startswith("@"):
        return rfc3339(read_time(text, start))
    if re.fullmatch(r"-?max(-\d+)?", text):
        return str(read_amount(text))
    return text
