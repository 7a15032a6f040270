"""`yupana health`: asks a server how it is, for people and for health checks of containers."""

import asyncio
import sys
from typing import Annotated, Any

import grpc
import grpc.aio
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from yupana_server.runtime.config import DEFAULT_PORT

ASK_TIMEOUT_S = 3.0

NAMES = {
    "": "ready",
    "yupana.postgres": "database answers",
    "yupana.guarantees": "guarantees hold",
}
"""What the ledger reports, by the name of its health service."""


def health(
    server: Annotated[
        str, typer.Option(envvar="YUPANA_SERVER", help="The server's host:port.")
    ] = f"127.0.0.1:{DEFAULT_PORT}",
) -> None:
    """Asks a ledger how it is. Exits with 1 when it is not ready to serve.

    Ready falls only while it drains; trouble with the database is reported beside it, because then
    callers had better wait than fail.
    """
    answers = asyncio.run(_ask(server))
    for name, meaning in NAMES.items():
        print(f"{meaning:>18}: {answers[name]}")
    if answers[""] != "yes":
        sys.exit(1)


async def _ask(server: str) -> dict[str, str]:
    async with grpc.aio.insecure_channel(server) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return {name: await _ask_one(stub, name) for name in NAMES}


async def _ask_one(stub: Any, name: str) -> str:
    request = health_pb2.HealthCheckRequest(service=name)
    try:
        answer = await stub.Check(request, timeout=ASK_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        return f"no answer ({error.code().name})"
    return "yes" if answer.status == health_pb2.HealthCheckResponse.SERVING else "no"
