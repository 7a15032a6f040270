"""`yupana.ledger.v1.CommandService`: one command a call, in the shape of resources."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc.aio

from yupana.ledger.v1 import (
    command_pb2,
    command_service_pb2,
    command_service_pb2_grpc,
    ledger_service_pb2,
    outcome_pb2,
)
from yupana_server.messages.checks import read_request
from yupana_server.messages.fields import Violations
from yupana_server.runtime.errors import CallError, Violation, malformed

Context = grpc.aio.ServicerContext[Any, Any]
Execute = Callable[
    [ledger_service_pb2.ExecuteRequest], Awaitable[ledger_service_pb2.ExecuteResponse]
]

IDEMPOTENCY_KEY = "idempotency-key"
_SERVICE = command_service_pb2.DESCRIPTOR.services_by_name["CommandService"]
_IN_COMMAND = re.compile(r"^commands\[0\]\.(?P<field>[a-z_]+)")


class _Kind(NamedTuple):
    """Where a method's request has what it asks for, and where a command has it."""

    in_request: str
    in_command: str


def _kinds() -> dict[str, _Kind]:
    """Return the kind of each method, by the type of its request; they tell it by their fields."""
    of_type = {
        _message_type(field): field.name
        for field in command_pb2.Command.DESCRIPTOR.oneofs_by_name["kind"].fields
    }
    return {
        method.input_type.full_name: _Kind(field.name, of_type[_message_type(field)])
        for method in _SERVICE.methods
        for field in method.input_type.fields
        if _message_type(field) in of_type
    }


def _message_type(field: Any) -> str:
    return "" if field.message_type is None else field.message_type.full_name


_KINDS = _kinds()


class CommandServicer(command_service_pb2_grpc.CommandServiceServicer):
    """Decides and records single commands."""

    def __init__(self, execute: Execute):
        self._execute = execute

    async def _run(self, request: Any, context: Context) -> outcome_pb2.Outcome:
        kind = _KINDS[request.DESCRIPTOR.full_name]
        check = read_request(request)
        id_ = _command_id(request.id, context, check)
        if not request.HasField(kind.in_request):
            check.add(kind.in_request, "is needed")
        check.done()
        try:
            response = await self._execute(_one(request, id_, kind))
        except CallError as error:
            raise _as_asked(error, kind) from error
        return response.outcomes[0]

    # All methods differ only in the type of their request, which tells the kind.
    OpenAsset = OpenAccount = SetLimits = FreezeAccount = CloseAccount = ReopenAccount = _run
    CreateTransfer = ReverseTransfer = CreatePayment = _run
    CreateHold = CaptureHold = ReleaseHold = UpdateHold = ResolveGroup = _run
    ClosePeriod = Erase = _run


def _one(request: Any, id_: str, kind: _Kind) -> ledger_service_pb2.ExecuteRequest:
    asked: Any = getattr(request, kind.in_request)
    return ledger_service_pb2.ExecuteRequest(
        book=request.book,
        commands=[command_pb2.Command(id=id_, **{kind.in_command: asked})],
        validate_only=request.validate_only,
    )


def _command_id(given: str, context: Context, check: Violations) -> str:
    """Return the id of the request or of its header; a request has one of them, or both alike."""
    keys = [
        str(value) for key, value in context.invocation_metadata() or () if key == IDEMPOTENCY_KEY
    ]
    ids = {id_ for id_ in (given, *keys) if id_}
    if not ids:
        check.add("id", "is needed, here or in the header Idempotency-Key")
    elif len(ids) > 1:
        check.add("id", "is not that of the header Idempotency-Key")
    return ids.pop() if len(ids) == 1 else ""


def _as_asked(error: CallError, kind: _Kind) -> CallError:
    """Return the error with the fields named as in the request of one command."""
    if not error.violations:
        return error
    names = {kind.in_command: kind.in_request, "id": "id"}

    def renamed(violation: Violation) -> Violation:
        return violation._replace(
            field=_IN_COMMAND.sub(
                lambda match: names.get(match["field"], match["field"]), violation.field
            )
        )

    return malformed([renamed(violation) for violation in error.violations])
