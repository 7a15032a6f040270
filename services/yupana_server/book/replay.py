"""Tells a replay, which gets the recorded outcome again, from another use of the same id."""

from typing import Any, NamedTuple

from yupana_server.book.asked import command_of
from yupana_server.book.commands import (
    Command,
    Condition,
    CreateTransfer,
    Deadline,
    Kind,
    Leg,
    Malformed,
    WindowLimit,
    kind_of,
    words_of,
)
from yupana_server.book.entries import Entry
from yupana_server.book.times import rfc3339
from yupana_server.book.words import words_match


class Difference(NamedTuple):
    """The first field, in the order of the messages' fields, in which two commands differ."""

    field: str
    recorded: str
    given: str


def difference(command: Command, entry: Entry) -> Difference | None:
    """Compare a command with the entry that its id has; None when the content is the same.

    Content is what was requested, in canonical form: an asset left out is the accounts' own.
    """
    if isinstance(command, Malformed):
        return Difference(command.field, "a valid value", "a malformed one")
    if command.chain != entry.chain:
        return Difference("linked", _chain(entry), _chain(command))
    if kind_of(command) != entry.kind:
        return Difference("kind", _kind(entry.kind), _kind(kind_of(command)))
    if entry.kind == Kind.TRANSFER and _same_plain_transfer(command, entry):
        return None
    recorded = command_of(entry)
    for field in _in_message_order(command._fields):
        given, was = getattr(command, field), getattr(recorded, field)
        if field == "legs":
            given = _with_assets_of(was, given)
        if given != was and not (field == "asset" and given is None):
            return Difference(*_name(field, was, given))
    if not words_match(entry.sealed_words, words_of(command)):
        # They are sealed together: which of them differs cannot be told.
        return Difference("labels", "other labels, description or reference", "these")
    return None


def _same_plain_transfer(command: Command, entry: Entry) -> bool:
    """Tell quickly that a transfer without anything special is the same: the usual replay."""
    return (
        isinstance(command, CreateTransfer)
        and entry.content is None
        and command
        == CreateTransfer(
            entry.id,
            entry.debit_account or "",
            entry.credit_account or "",
            entry.amount or 0,
            entry.asset if command.asset is not None else None,
            entry.effective_at,
            None if entry.sealed_words is None else command.words,
            entry.chain,
            entry.code,
        )
        and words_match(entry.sealed_words, command.words)
    )


def _with_assets_of(recorded: tuple[Leg, ...], given: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """Return legs with the assets that were recorded for them where they leave them out."""
    if len(recorded) != len(given):
        return given
    return tuple(
        leg if leg.asset is not None else leg._replace(asset=was.asset)
        for was, leg in zip(recorded, given, strict=True)
    )


def _in_message_order(fields: tuple[str, ...]) -> list[str]:
    return [field for field in fields if field not in ("id", "chain", "words")]


_FIELDS = {"effective_at": "effective_time"}


def _name(field: str, recorded: Any, given: Any) -> tuple[str, str, str]:
    if field in ("effective_at", "before"):
        return _FIELDS.get(field, field), _time(recorded), _time(given)
    if field == "deadline":
        return "expiry", _deadline(recorded), _deadline(given)
    if isinstance(recorded, tuple) or isinstance(given, tuple):
        return field, _count(recorded, field), _count(given, field)
    return field, _show(recorded), _show(given)


def _show(value: object) -> str:
    if value is None:
        return "none"
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return name.lower()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _time(micros: int | None) -> str:
    return "none" if micros is None else rfc3339(micros)


def _deadline(deadline: Deadline | None) -> str:
    if deadline is None:
        return "none"
    if deadline.after is not None:
        return f"timeout of {deadline.after} us"
    return _time(deadline.at) if deadline.at is not None else "never"


def _count(members: tuple[Condition | WindowLimit, ...] | None, field: str) -> str:
    return f"{len(members or ())} {field}"


def _kind(kind: Kind) -> str:
    return kind.name.lower()


def _chain(holder: Command | Entry) -> str:
    if holder.chain is None:
        return "not linked"
    return f"{holder.chain.place} of {holder.chain.length} after {holder.chain.first_id}"
