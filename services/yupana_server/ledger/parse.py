"""Reads the commands of a request, and names everything that is wrong with them."""

from collections.abc import Sequence
from typing import NamedTuple

from yupana.ledger.v1 import command_pb2, ledger_service_pb2
from yupana_server.book.bounds import (
    CHAIN_LENGTH_MAX,
    COMMANDS_PER_REQUEST_MAX,
    GROUP_HOLDS_MAX,
    ID_PATTERN,
)
from yupana_server.book.commands import (
    Chain,
    Command,
    CreatePayment,
    CreateTransfer,
    Malformed,
    ResolveGroup,
)
from yupana_server.ledger.parse_kinds import parse_command, plain_transfer
from yupana_server.ledger.submission import Unit
from yupana_server.messages.fields import Violations, show
from yupana_server.runtime.errors import Violation, malformed


class Parsed(NamedTuple):
    """The commands of a request, those that are wrong as Malformed."""

    units: list[Unit]
    violations: dict[str, list[Violation]]
    """What is wrong, by the id of the command."""
    weight: int
    """How many entries the commands become at most."""


def parse_commands(request: ledger_service_pb2.ExecuteRequest) -> Parsed:
    """Read the commands in order, chains put together.

    Raises:
        CallError: The request itself is malformed, or a command has no well-formed id.
    """
    plain = [plain_transfer(message) for message in request.commands]
    _check_request(request, plain)
    if None not in plain:
        return Parsed([(command,) for command in plain], {}, len(plain))  # type: ignore[misc]
    return _parse_with_care(request, plain)


def _parse_with_care(
    request: ledger_service_pb2.ExecuteRequest, plain: Sequence[CreateTransfer | None]
) -> Parsed:
    parsed: list[Command] = []
    violations: dict[str, list[Violation]] = {}
    for index, message in enumerate(request.commands):
        known = plain[index]
        if known is not None:
            parsed.append(known)
            continue
        found = Violations(f"commands[{index}]", book=request.book)
        command = parse_command(message, found)
        if found.found:
            violations.setdefault(message.id, []).extend(found.found)
            command = Malformed(message.id, found.found[0].field.rpartition(".")[2])
        if command is not None:
            parsed.append(command)
    weight = _weight(parsed)
    return Parsed(_chain(request.commands, parsed), violations, weight)


def _check_request(
    request: ledger_service_pb2.ExecuteRequest, plain: Sequence[CreateTransfer | None]
) -> None:
    """Check what cannot be blamed on one command with an id of its own."""
    found = Violations("")
    found.check_unknown(request)
    found.check_id("book", request.book)
    commands = request.commands
    if not 1 <= len(commands) <= COMMANDS_PER_REQUEST_MAX:
        found.add("commands", f"{len(commands)} commands: 1 to {COMMANDS_PER_REQUEST_MAX} allowed")
    fullmatch = ID_PATTERN.fullmatch
    if None in plain:
        for index, command in enumerate(commands):
            if plain[index] is None and fullmatch(command.id) is None:
                found.check_id(f"commands[{index}].id", command.id)
        _check_chains(commands, found)
    if found.found:
        raise malformed([*found.found, *_also_wrong(request)])


def _also_wrong(request: ledger_service_pb2.ExecuteRequest) -> list[Violation]:
    """Name what else is wrong, so that a caller can mend all at once."""
    others: list[Violation] = []
    for index, message in enumerate(request.commands[:COMMANDS_PER_REQUEST_MAX]):
        found = Violations(f"commands[{index}]", book=request.book)
        parse_command(message, found)
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


def _weight(commands: Sequence[Command]) -> int:
    """Return how many entries commands become at most.

    Raises:
        CallError: They become too many.
    """
    weight = len(commands)
    for command in commands:
        if isinstance(command, CreatePayment):
            weight += len(command.legs)
        elif isinstance(command, ResolveGroup):
            weight += GROUP_HOLDS_MAX
    if weight > COMMANDS_PER_REQUEST_MAX:
        found = Violations("")
        counted = f"{len(commands)} commands, counted as {weight}"
        found.add("commands", f"{counted}: 1 to {COMMANDS_PER_REQUEST_MAX} allowed")
        raise malformed(found.found)
    return weight


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
