"""Tells a replay, which gets the recorded outcome again, from another use of the same id."""

from typing import NamedTuple

from yupana_server.book.commands import (
    Command,
    CreateTransfer,
    Malformed,
    NormalSide,
    OpenAccount,
    OpenAsset,
    kind_of,
)
from yupana_server.book.entries import Entry
from yupana_server.book.labels import labels_match
from yupana_server.book.times import rfc3339


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
        return Difference("kind", entry.kind.name.lower(), kind_of(command).name.lower())
    if isinstance(command, CreateTransfer):
        return _transfer_difference(command, entry)
    if isinstance(command, OpenAccount):
        return _account_difference(command, entry)
    return _asset_difference(command, entry)


def _transfer_difference(command: CreateTransfer, entry: Entry) -> Difference | None:
    if command.debit_account != entry.debit_account:
        return _differ("debit_account", entry.debit_account, command.debit_account)
    if command.credit_account != entry.credit_account:
        return _differ("credit_account", entry.credit_account, command.credit_account)
    if command.amount != entry.amount:
        return _differ("amount", entry.amount, command.amount)
    if command.asset is not None and command.asset != entry.asset:
        return _differ("asset", entry.asset, command.asset)
    if command.effective_at != entry.effective_at:
        recorded, given = _time(entry.effective_at), _time(command.effective_at)
        return _differ("effective_time", recorded, given)
    if not labels_match(entry.sealed_labels, command.labels):
        return Difference("labels", "other labels", "these labels")
    return None


def _account_difference(command: OpenAccount, entry: Entry) -> Difference | None:
    content = entry.content or {}
    for field, recorded, given in (
        ("account", entry.account, command.account),
        ("asset", entry.asset, command.asset),
        ("normal_side", _side(content.get("normal_side")), _side(command.normal_side)),
        ("min_balance", content.get("min_balance"), command.min_balance),
        ("max_balance", content.get("max_balance"), command.max_balance),
    ):
        if recorded != given:
            return _differ(field, recorded, given)
    return None


def _asset_difference(command: OpenAsset, entry: Entry) -> Difference | None:
    if command.asset != entry.asset:
        return _differ("asset", entry.asset, command.asset)
    scale = (entry.content or {}).get("scale")
    if command.scale != scale:
        return _differ("scale", scale, command.scale)
    return None


def _differ(field: str, recorded: object, given: object) -> Difference:
    return Difference(field, _show(recorded), _show(given))


def _time(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)


def _side(number: int | None) -> str:
    return NormalSide(number or NormalSide.CREDIT).name.lower()


def _show(value: object) -> str:
    return "none" if value is None else str(value)


def _chain(holder: Command | Entry) -> str:
    if holder.chain is None:
        return "not linked"
    return f"{holder.chain.place} of {holder.chain.length} after {holder.chain.first_id}"
