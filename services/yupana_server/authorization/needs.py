"""What a call needs, as the contract says by the options of `yupana.access.v1`.

A method's own action is for what its request names: accounts, commands, or the whole book. Commands
have actions of their own, whatever request they come in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message

from yupana.access.v1 import scope_pb2
from yupana.ledger.v1 import command_pb2
from yupana_server.authorization.grants import Action, Need

ACCOUNT_FIELDS = frozenset({"account", "accounts", "prefix", "debit_account", "credit_account"})
"""Fields that name accounts, or how their ids begin."""

COMMAND_FIELDS = frozenset({"id", "hold", "transfer"})
"""Fields of reads and of commands that name what was recorded before. The `id` of a command is its
own."""

READ_ON_ACCOUNTS = frozenset(
    {
        "BatchGetAccountsRequest",
        "GetAccountRequest",
        "ListAccountsRequest",
        "GetTransferRequest",
        "ListTransfersRequest",
        "GetOutcomeRequest",
        "GetHoldRequest",
        "ListHoldsRequest",
        "GetStatementRequest",
        "SumBalancesRequest",
    }
)
"""Reads that keys for some accounts may make; events and what else there is are for whole books."""

WHOLE_BOOK = frozenset({"ResolveGroup", "Erase", "ClosePeriod", "OpenAsset"})
"""Commands that name no account whose prefix could cover them."""

NeedsOf = Callable[[Any, frozenset[Action]], Iterable[Need]]
"""Tells what a request needs beside the actions that are given, which are allowed on all of it."""


def action_of(method: Any) -> Action | None:
    """Return what a method itself needs; None when its commands say it."""
    return _action(method.GetOptions().Extensions[scope_pb2.action])


def action_of_message(field: Any) -> Action | None:
    """Return what whoever fills a field needs, by the message in it; None for nothing."""
    return _message_action(field.message_type)


def needs_of(method: Any) -> NeedsOf:
    """Return what tells the needs of a method's requests."""
    action, request = action_of(method), method.input_type
    inside = _inside(request)
    if action is None:
        return inside

    def needs(message: Any, given: frozenset[Action]) -> Iterator[Need]:
        if action not in given:
            yield from _own(action, message)
        yield from inside(message, given)

    return needs


def book_of(request: Any) -> str | None:
    """Return the book that a request is about; None when it is about none."""
    fields = request.DESCRIPTOR.fields_by_name
    if "book" in fields:
        return str(request.book)
    return book_of(request.request) if "request" in fields else None


def size_of(request: Any) -> int:
    """Return how many commands a request counts as."""
    fields = request.DESCRIPTOR.fields_by_name
    if "commands" in fields:
        return len(request.commands)
    if "request" in fields:
        return size_of(request.request)
    return 1 if _has_command(request.DESCRIPTOR) else 0


def accounts_in(message: Message) -> Iterator[str]:
    """Yield the accounts that a message names itself, those that are there."""
    for name in _fields_among(ACCOUNT_FIELDS, message.DESCRIPTOR):
        value = getattr(message, name)
        yield from ([value] if isinstance(value, str) else value) if value else ()


def _own(action: Action, request: Message) -> Iterable[Need]:
    if request.DESCRIPTOR.name not in READ_ON_ACCOUNTS:
        return (Need(action),)
    accounts = tuple(accounts_in(request))
    named = () if accounts else tuple(_commands_in(request))
    return (Need(action, accounts, named),)


def _inside(message: Any) -> NeedsOf:
    """Return what tells the needs of the commands in a request."""
    parts = [(each.name, part) for each in message.fields if (part := _part(each)) is not None]

    def needs(request: Any, given: frozenset[Action]) -> Iterator[Need]:
        for name, part in parts:
            yield from part(getattr(request, name), given) if _is_there(request, name) else ()

    return needs


def _is_there(request: Any, name: str) -> bool:
    field = request.DESCRIPTOR.fields_by_name[name]
    return bool(field.is_repeated or request.HasField(name))


def _part(field: Any) -> NeedsOf | None:
    message = field.message_type
    if message is None or not message.file.package.startswith("yupana."):
        return None
    if message.name == "Command":
        return _commands
    if message.name == "ExecuteRequest":
        return _inside(message)
    if (action := _message_action(message)) is not None:
        return lambda command, given: _command(action, command, given)
    return None


def _commands(commands: Iterable[Any], given: frozenset[Action]) -> Iterator[Need]:
    free = _free(given)
    for each in commands:
        kind = each.WhichOneof("kind")
        if kind not in free:
            yield from _command(ACTIONS[kind], getattr(each, kind), given)


@lru_cache(maxsize=128)
def _free(given: frozenset[Action]) -> frozenset[str | None]:
    """Return the kinds of commands that need nothing more, and None, which is no kind."""
    return frozenset(
        each.name
        for each in _KINDS
        if {ACTIONS[each.name], *(more for _, more in FURTHER[each.message_type.name])} <= given
    ) | {None}


def _command(action: Action, command: Any, given: frozenset[Action]) -> Iterator[Need]:
    name = command.DESCRIPTOR.name
    whole_book = name in WHOLE_BOOK
    accounts = () if whole_book else _accounts(command)
    named = () if accounts or whole_book else tuple(_commands_in(command))
    if action not in given:
        yield Need(action, accounts, named)
    for field, more in FURTHER[name]:
        if more not in given and getattr(command, field):
            yield Need(more, accounts, named)


def _accounts(command: Any) -> tuple[str, ...]:
    if command.DESCRIPTOR.name == "CreatePayment":
        return tuple(account for leg in command.legs for account in accounts_in(leg))
    return tuple(accounts_in(command))


def _commands_in(message: Message) -> Iterator[str]:
    for name in _fields_among(COMMAND_FIELDS, message.DESCRIPTOR):
        if value := getattr(message, name):
            yield value


@lru_cache(maxsize=1024)
def _fields_among(names: frozenset[str], message: Any) -> tuple[str, ...]:
    return tuple(name for name in message.fields_by_name if name in names)


@lru_cache(maxsize=1024)
def _has_command(message: Any) -> bool:
    return any(_message_action(each.message_type) is not None for each in message.fields)


def _action(number: int) -> Action | None:
    if not number:
        return None
    return Action(scope_pb2.Action.Name(number).removeprefix("ACTION_").lower())


def _message_action(message: Any) -> Action | None:
    if message is None:
        return None
    return _action(message.GetOptions().Extensions[scope_pb2.message_action])


def _further(message: Any) -> tuple[tuple[str, Action], ...]:
    found = (
        (each.name, _action(each.GetOptions().Extensions[scope_pb2.field_action]))
        for each in message.fields
    )
    return tuple((name, action) for name, action in found if action is not None)


_KINDS: Iterable[Any] = command_pb2.Command.DESCRIPTOR.oneofs_by_name["kind"].fields

ACTIONS: Mapping[str, Action] = {
    each.name: action
    for each in _KINDS
    if (action := _message_action(each.message_type)) is not None
}
"""What each kind of command needs."""

FURTHER = {each.message_type.name: _further(each.message_type) for each in _KINDS}
"""What some of their fields need beside that."""
