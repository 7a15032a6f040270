"""`yupana health`: asks a server how it is, for people and for health checks of containers."""

import asyncio
import sys
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from yupana import Unavailable
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, addresses, certificates
from yupana_server.cli.output import JsonOption, print_json
from yupana_server.runtime.config import ConfigError, caller_config

ASK_TIMEOUT_S = 3.0

NAMES = {
    "": "ready",
    "yupana.postgres": "database answers",
    "yupana.guarantees": "guarantees hold",
    "yupana.projections": "projections follow",
    "yupana.audit": "audits are good",
    "yupana.audit.lag": "audits keep up",
}
"""What servers report, by the name of its health service; each kind of server some of it."""
SILENCE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def health(server: ServerOption = DEFAULT_SERVER, as_json: JsonOption = False) -> None:
    """Asks a ledger, a feed or a worker how it is. Exits with 1 when it is not ready to serve.

    Ready falls only while it drains; trouble with the database is reported beside it, because then
    callers had better wait than fail.
    """
    names = addresses(server)
    if len(names) > 1:
        raise ConfigError(f"{server} are several servers: ask each by itself, --server {names[0]}")
    answers = asyncio.run(_ask(names[0]))
    if as_json:
        facts = {NAMES[name].replace(" ", "_"): answer for name, answer in answers.items()}
        print_json({"server": names[0], **facts})
    else:
        for name, answer in answers.items():
            print(f"{NAMES[name]:>18}: {answer}")
    if answers[""] != "yes":
        sys.exit(1)


async def _ask(server: str) -> dict[str, str]:
    async with _channel(server) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answers = {name: await _ask_one(stub, name) for name in NAMES}
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"no answer from {server}", error.code()) from error
    return {name: answer for name, answer in answers.items() if answer is not None}


def _channel(server: str) -> grpc.aio.Channel:
    found = certificates(caller_config())
    if found is None:
        return grpc.aio.insecure_channel(server)
    return grpc.aio.secure_channel(server, found.credentials())


async def _ask_one(stub: Any, name: str) -> str | None:
    """Return yes, no, or why it is not known; None when the server does not report this.

    Raises:
        AioRpcError: There is no answer.
    """
    request = health_pb2.HealthCheckRequest(service=name)
    try:
        answer = await stub.Check(request, timeout=ASK_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        if error.code() in SILENCE:
            raise
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        return f"no answer ({error.code().name})"
    return "yes" if answer.status == health_pb2.HealthCheckResponse.SERVING else "no"
