"""`yupana health`: asks a server how it is, for people and for health checks of containers."""

import asyncio
import sys
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from yupana import Unavailable
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, addresses
from yupana_server.cli.output import JsonOption, print_json
from yupana_server.runtime.config import ConfigError

ASK_TIMEOUT_S = 3.0

NAMES = {
    "": "ready",
    "yupana.postgres": "database answers",
    "yupana.guarantees": "guarantees hold",
}
"""What the ledger reports, by the name of its health service."""
SILENCE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def health(server: ServerOption = DEFAULT_SERVER, as_json: JsonOption = False) -> None:
    """Asks a ledger how it is. Exits with 1 when it is not ready to serve.

    Ready falls only while it drains; trouble with the database is reported beside it, because then
    callers had better wait than fail.
    """
    names = addresses(server)
    if len(names) > 1:
        raise ConfigError(f"{server} are several servers: ask each by itself, --server {names[0]}")
    answers = asyncio.run(_ask(names[0]))
    if as_json:
        facts = {meaning.replace(" ", "_"): answers[name] for name, meaning in NAMES.items()}
        print_json({"server": names[0], **facts})
    else:
        for name, meaning in NAMES.items():
            print(f"{meaning:>18}: {answers[name]}")
    if answers[""] != "yes":
        sys.exit(1)


async def _ask(server: str) -> dict[str, str]:
    async with grpc.aio.insecure_channel(server) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            return {name: await _ask_one(stub, name) for name in NAMES}
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"no answer from {server}", error.code()) from error


async def _ask_one(stub: Any, name: str) -> str:
    """Return yes, no, or why it is not known.

    Raises:
        AioRpcError: There is no answer.
    """
    request = health_pb2.HealthCheckRequest(service=name)
    try:
        answer = await stub.Check(request, timeout=ASK_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        if error.code() in SILENCE:
            raise
        return f"no answer ({error.code().name})"
    return "yes" if answer.status == health_pb2.HealthCheckResponse.SERVING else "no"
