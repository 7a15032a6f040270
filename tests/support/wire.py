"""The wire as it is: raw stubs, and what a failed call says."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from yupana.book import BookClient
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import error_reason_pb2, outcome_pb2
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.command_pb2 import Command, CreateTransfer

UNKNOWN_FIELD = b"\xf8\x07\x01"  # Field 127, varint 1.
BAD_IDS = ["", "_internal", "-a", "a b", "a/b", "é", "a\n", "a\x00", "٣", "a" * 129, "'; DROP--"]

NEVER_SAID = ["select ", "insert ", "psycopg", "traceback", 'file "', "yupana_server", "127.0.0.1"]
NEVER_SAID += [
    "localhost",
    "postgres",
    "error:",
    "exception",
    "<class",
    "yupana.journal",
    "object at",
]


@dataclass
class Wire:
    """The generated stubs, without the client's help."""

    channel: grpc.aio.Channel
    ledger: Any
    books: Any

    async def position(self, book: BookClient) -> str:
        return str((await self.books.GetBook(books.GetBookRequest(book=book.id))).position)


@dataclass
class Failure:
    """A status with its details."""

    code: str
    reason: str
    violations: list[str]
    metadata: dict[str, str]
    message: str


async def failure(call: Awaitable[Any]) -> Failure:
    """Return how a call fails, once it is sure that its status says no more than it should."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    status = rpc_status.from_call(error)
    assert status is not None, f"{error.code()}: {error.details()}"
    info, bad_request = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    assert info.domain == "yupana.dev"
    assert info.reason in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    says_nothing_of_the_inside(f"{error.details()} {status}")
    assert all(violation.description for violation in bad_request.field_violations)
    return Failure(
        error.code().name,
        info.reason.removeprefix("ERROR_REASON_"),
        [violation.field for violation in bad_request.field_violations],
        dict(info.metadata),
        error.details() or "",
    )


def says_nothing_of_the_inside(text: str) -> None:
    assert not [word for word in NEVER_SAID if word in text.lower()], text


async def assert_malformed(call: Awaitable[Any], *paths: str) -> None:
    failed = await failure(call)
    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")
    assert sorted(failed.violations) == sorted(paths)
    assert failed.metadata == {"violations": str(len(paths))}


def transfer(id_: str = "t", *, linked: bool = False, **changes: Any) -> Command:
    fields = {"debit_account": "world", "credit_account": "b", "amount": "5", **changes}
    return Command(id=id_, linked=linked, create_transfer=CreateTransfer(**fields))


def execute(book: BookClient, *commands: Command, **changes: Any) -> ledgers.ExecuteRequest:
    return ledgers.ExecuteRequest(book=book.id, commands=commands, **changes)


def newer(message: Message) -> Any:
    """Return the message with a field that this release does not know."""
    return type(message).FromString(message.SerializeToString() + UNKNOWN_FIELD)


def reason_of(outcome: outcome_pb2.Outcome) -> str:
    why = outcome.refused if outcome.HasField("refused") else outcome.rejected
    name: str = error_reason_pb2.ErrorReason.Name(why.reason)
    return name.removeprefix("ERROR_REASON_")
