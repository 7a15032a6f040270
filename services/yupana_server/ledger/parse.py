"""Reads the commands of a request, and names everything that is wrong with them."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from yupana.ledger.v1 import account_pb2, command_pb2, ledger_service_pb2
from yupana_server.book.bounds import (
    AMOUNT_MAX,
    CHAIN_LENGTH_MAX,
    COMMANDS_PER_REQUEST_MAX,
    EFFECTIVE_AT_MIN,
    ID_PATTERN,
    LABEL_VALUE_BYTES_MAX,
    LABELS_MAX,
    SCALE_MAX,
)
from yupana_server.book.commands import (
    Chain,
    Command,
    CreateTransfer,
    Malformed,
    NormalSide,
    OpenAccount,
    OpenAsset,
)
from yupana_server.book.labels import SALT_BYTES, seal_labels
from yupana_server.ledger.submission import Unit
from yupana_server.runtime.errors import Violation, malformed

ID_RULE = "1 to 128 of A-Z a-z 0-9 _ . : @ + ~ -, beginning with a letter or digit"
_AMOUNT_RULE = "a whole number from 0 to 2^128 - 1, without sign or leading zeros"
_SIGNED_RULE = "a whole number from -(2^128 - 1) to 2^128 - 1, without + or leading zeros"
_TIME_RULE = "a time from year 1 to 9999, no finer than a microsecond"
_AMOUNT_DIGITS = 39
_EFFECTIVE_AT_MAX = 253_402_300_799_999_999


class Parsed(NamedTuple):
    """The commands of a request, those that are wrong as Malformed."""

    units: list[Unit]
    violations: dict[str, list[Violation]]
    """What is wrong, by the id of the command."""


class Violations:
    """Collects what is wrong with the fields of one message."""

    def __init__(self, path: str, found: list[Violation] | None = None):
        self._path = path
        self.found: list[Violation] = [] if found is None else found

    def inside(self, field: str) -> "Violations":
        """Return what collects, in the same list, what is wrong inside a field."""
        return Violations(f"{self._path}.{field}" if self._path else field, self.found)

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


def parse_commands(request: ledger_service_pb2.ExecuteRequest) -> Parsed:
    """Read the commands in order, chains put together.

    Raises:
        CallError: The request itself is malformed, or a command has no well-formed id.
    """
    _check_request(request)
    parsed: list[Command] = []
    violations: dict[str, list[Violation]] = {}
    for index, message in enumerate(request.commands):
        found = Violations(f"commands[{index}]")
        command = _parse_command(message, found)
        if found.found:
            violations.setdefault(message.id, []).extend(found.found)
            command = Malformed(message.id, found.found[0].field.rpartition(".")[2])
        if command is not None:
            parsed.append(command)
    return Parsed(_chain(request.commands, parsed), violations)


def _check_request(request: ledger_service_pb2.ExecuteRequest) -> None:
    """Check what cannot be blamed on one command with an id of its own."""
    found = Violations("")
    found.check_unknown(request)
    found.check_id("book", request.book)
    commands = request.commands
    if not 1 <= len(commands) <= COMMANDS_PER_REQUEST_MAX:
        found.add("commands", f"{len(commands)} commands: 1 to {COMMANDS_PER_REQUEST_MAX} allowed")
    fullmatch = ID_PATTERN.fullmatch
    for index, command in enumerate(commands):
        if fullmatch(command.id) is None:
            found.check_id(f"commands[{index}].id", command.id)
    _check_chains(commands, found)
    if found.found:
        raise malformed([*found.found, *_also_wrong(commands)])


def _also_wrong(commands: Sequence[command_pb2.Command]) -> list[Violation]:
    """Name what else is wrong, so that a caller can mend all at once."""
    others: list[Violation] = []
    for index, message in enumerate(commands[:COMMANDS_PER_REQUEST_MAX]):
        found = Violations(f"commands[{index}]")
        _parse_command(message, found)
        others += found.found
    return others


def _check_chains(commands: Sequence[command_pb2.Command], found: Violations) -> None:
    if commands and commands[-1].linked:
        last = len(commands) - 1
        found.add(f"commands[{last}].linked", "the last command of a request cannot be linked")
    seen: set[str] = set()
    length = 0
    for index, command in enumerate(commands):
        if not seen and not command.linked:
            continue
        if command.id in seen:
            found.add(f"commands[{index}].id", f"{show(command.id)} is twice in one chain")
        seen.add(command.id)
        length += 1
        if length == CHAIN_LENGTH_MAX + 1:
            found.add(
                f"commands[{index}].linked", f"a chain has at most {CHAIN_LENGTH_MAX} members"
            )
        if not command.linked:
            seen.clear()
            length = 0


def _parse_command(message: command_pb2.Command, found: Violations) -> Command | None:
    kind = message.WhichOneof("kind")
    command: Command | None = None
    if kind == "create_transfer":
        command = _parse_transfer(message.id, message.create_transfer, found.inside(kind))
    elif kind == "open_account":
        command = _parse_open_account(message.id, message.open_account, found.inside(kind))
    elif kind == "open_asset":
        command = _parse_open_asset(message.id, message.open_asset, found.inside(kind))
    else:
        found.add("kind", "one of create_transfer, open_account, open_asset is needed")
    found.check_unknown(message)
    return command


def _parse_transfer(
    command_id: str, message: command_pb2.CreateTransfer, found: Violations
) -> CreateTransfer:
    debit, credit, asset = message.debit_account, message.credit_account, message.asset
    fullmatch = ID_PATTERN.fullmatch
    if fullmatch(debit) is None:
        found.check_id("debit_account", debit)
    if fullmatch(credit) is None:
        found.check_id("credit_account", credit)
    elif debit == credit:
        found.add("credit_account", "is the debit account: name two accounts")
    amount = parse_amount(message.amount)
    if amount is None:
        found.add("amount", f"{show(message.amount)} is not {_AMOUNT_RULE}")
    if asset and fullmatch(asset) is None:
        found.check_id("asset", asset)
    effective_at = None
    if message.HasField("effective_time"):
        effective_at = _parse_time(message.effective_time, found)
    labels = _parse_labels(message, found) if message.labels else None
    found.check_unknown(message)
    sealed = None
    if labels is not None and not found.found:
        sealed = seal_labels(labels, os.urandom(SALT_BYTES))
    return CreateTransfer(
        command_id, debit, credit, amount or 0, asset or None, effective_at, labels, sealed
    )


def _parse_open_account(
    command_id: str, message: command_pb2.OpenAccount, found: Violations
) -> OpenAccount:
    found.check_id("account", message.account)
    found.check_id("asset", message.asset)
    found.check_enum("normal_side", message)
    limits: list[int | None] = []
    for field in ("min_balance", "max_balance"):
        text = getattr(message, field) if message.HasField(field) else None
        limit = None if text is None else parse_signed(text)
        if text is not None and limit is None:
            found.add(field, f"{show(text)} is not {_SIGNED_RULE}")
        limits.append(limit)
    floor, ceiling = limits
    if floor is not None and ceiling is not None and ceiling < floor:
        found.add("max_balance", f"{ceiling} is below min_balance {floor}")
    found.check_unknown(message)
    debit = message.normal_side == account_pb2.NORMAL_SIDE_DEBIT
    side = NormalSide.DEBIT if debit else NormalSide.CREDIT
    return OpenAccount(command_id, message.account, message.asset, side, floor, ceiling)


def _parse_open_asset(
    command_id: str, message: command_pb2.OpenAsset, found: Violations
) -> OpenAsset:
    found.check_id("asset", message.asset)
    if not 0 <= message.scale <= SCALE_MAX:
        found.add("scale", f"{message.scale} is not within 0 and {SCALE_MAX}")
    found.check_unknown(message)
    return OpenAsset(command_id, message.asset, message.scale)


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


def _parse_time(message: Timestamp, found: Violations) -> int | None:
    found.inside("effective_time").check_unknown(message)
    micros, rest = divmod(message.nanos, 1000)
    at = message.seconds * 1_000_000 + micros
    fine = rest == 0 and 0 <= message.nanos < 1_000_000_000
    if not fine or not EFFECTIVE_AT_MIN <= at <= _EFFECTIVE_AT_MAX:
        found.add("effective_time", f"{message.seconds} s {message.nanos} ns is not {_TIME_RULE}")
        return None
    return at


def _parse_labels(message: command_pb2.CreateTransfer, found: Violations) -> dict[str, str]:
    labels = dict(message.labels)
    if len(labels) > LABELS_MAX:
        found.add("labels", f"{len(labels)} labels: at most {LABELS_MAX} allowed")
    for key, value in labels.items():
        if ID_PATTERN.fullmatch(key) is None:
            found.add("labels", f"the key {show(key)} is not an id: {ID_RULE}")
        if "\x00" in value or len(value.encode()) > LABEL_VALUE_BYTES_MAX:
            rule = f"at most {LABEL_VALUE_BYTES_MAX} bytes of text without NUL"
            found.add("labels", f"the value of {show(key)} is not {rule}")
    return labels


def _chain(messages: Sequence[command_pb2.Command], commands: list[Command]) -> list[Unit]:
    """Put linked commands together, each with its place."""
    units: list[Unit] = []
    members: list[Command] = []
    for message, command in zip(messages, commands, strict=True):
        if not members and not message.linked:
            units.append((command,))
            continue
        members.append(command)
        if not message.linked:
            first, length = members[0].id, len(members)
            units.append(
                tuple(
                    member._replace(chain=Chain(first, place, length))
                    for place, member in enumerate(members, start=1)
                )
            )
            members = []
    return units


def show(value: str) -> str:
    """Quote a value for an error message, cut short."""
    return repr(value if len(value) <= 40 else value[:40] + "…")
