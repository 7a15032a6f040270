"""What of the contract is public, as the protos say it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from google.api import annotations_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import error_details_pb2, status_pb2

from yupana.access.v1 import access_service_pb2
from yupana.feed.v1 import feed_service_pb2, webhook_service_pb2
from yupana.ledger.v1 import (
    book_service_pb2,
    command_service_pb2,
    history_service_pb2,
    ledger_service_pb2,
)

PUBLIC: dict[str, tuple[Any, ...]] = {
    "ledger": (
        book_service_pb2.DESCRIPTOR,
        ledger_service_pb2.DESCRIPTOR,
        command_service_pb2.DESCRIPTOR,
        history_service_pb2.DESCRIPTOR,
    ),
    "feed": (feed_service_pb2.DESCRIPTOR, webhook_service_pb2.DESCRIPTOR),
    "access": (access_service_pb2.DESCRIPTOR,),
}
"""The files whose services may be called from outside, by the process that serves them."""

_ERRORS: tuple[Any, ...] = (error_details_pb2.DESCRIPTOR, status_pb2.DESCRIPTOR)
"""What statuses carry."""

VERBS = ("get", "post", "put", "patch", "delete")


class Rule(NamedTuple):
    """How a method is called by REST."""

    verb: str
    path: str
    """With fields in braces, such as `/v1/books/{book}/accounts/{account}`."""
    body: str
    """`*` when the body is the request; empty when there is none."""


def services() -> Iterator[tuple[str, Any]]:
    """Return all public services, each with the process that serves it."""
    for process, files in PUBLIC.items():
        for file in files:
            for service in file.services_by_name.values():
                yield process, service


def rule_of(method: Any) -> Rule | None:
    """Return how a method is called by REST; None when it is gRPC only."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return None
    rule = options.Extensions[annotations_pb2.http]
    verb = next(verb for verb in VERBS if getattr(rule, verb))
    return Rule(verb, getattr(rule, verb), rule.body)


def descriptor_set() -> bytes:
    """Return the descriptors of everything public, each file after those that it imports."""
    found = FileDescriptorSet()
    seen: set[str] = set()

    def add(file: FileDescriptor) -> None:
        if file.name in seen:
            return
        seen.add(file.name)
        for imported in file.dependencies:
            add(imported)
        file.CopyToProto(found.file.add())

    for files in (*PUBLIC.values(), _ERRORS):
        for file in files:
            add(file)
    return found.SerializeToString(deterministic=True)
