"""A server of the client's without a network: the test says what it answers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as rpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from yupana.ledger.v1 import ledger_service_pb2, outcome_pb2
from yupana.routing import Health
from yupana.servers import NotConnectedError, Server, Servers

Answer = Callable[[Message], Awaitable[Message]]


class FakeServer(Server):
    """Answers as scripted, and when the script is over as `otherwise` does. Keeps what came."""

    def __init__(self, *script: Answer) -> None:
        self.address = "fake:1"
        self.health = Health()
        self.script = deque(script)
        self.otherwise: Answer = posts
        self.up = asyncio.Event()
        self.up.set()
        self.ids: list[list[str]] = []
        self.timeouts_s: list[float] = []
        self.cancelled_count = 0

    async def connect(self, timeout_s):
        try:
            async with asyncio.timeout(timeout_s):
                await self.up.wait()
        except TimeoutError as error:
            raise NotConnectedError from error

    async def call(
        self, method, request, *, timeout_s, wait_for_ready, context=None, metadata=None
    ):
        self.ids.append([command.id for command in getattr(request, "commands", ())])
        self.timeouts_s.append(timeout_s)
        answer = self.script.popleft() if self.script else self.otherwise
        try:
            return await asyncio.create_task(answer(request), context=context)
        except asyncio.CancelledError:
            self.cancelled_count += 1
            raise

    @property
    def connected(self) -> bool:
        return self.up.is_set()

    async def close(self) -> None:
        pass


class OneServer(Servers):
    """Servers of which there is one."""

    def __init__(self, server: Server) -> None:
        self._servers = {server.address: server}


async def posts(request) -> Message:
    """Post every command, each with an amount of its own."""
    return ledger_service_pb2.ExecuteResponse(
        outcomes=[
            outcome_pb2.Outcome(
                id=command.id,
                transfer_posted=outcome_pb2.TransferPosted(
                    amount=command.create_transfer.amount or "0"
                ),
            )
            for command in request.commands
        ]
    )


def posts_when(event: asyncio.Event) -> Answer:
    """Post as soon as something has happened."""

    async def answer(request):
        await event.wait()
        return await posts(request)

    return answer


async def hangs(request) -> Message:
    """Never answer."""
    await asyncio.sleep(60)
    raise AssertionError


def fails(
    code: grpc.StatusCode, reason: str | None = None, *details: Message, message: str = "not now"
) -> Answer:
    """Fail as a server of ours does, or without a reason as the network does."""

    async def answer(request):
        raise rpc_error(code, reason, *details, message=message)

    return answer


def rpc_error(
    code: grpc.StatusCode, reason: str | None, *details: Message, message: str
) -> grpc.aio.AioRpcError:
    """Make what gRPC raises."""
    status = Status(code=code.value[0], message=message)
    if reason is not None:
        info = rpc.ErrorInfo(reason=f"ERROR_REASON_{reason}", domain="yupana.dev")
        details = (info, *details)
    for each in details:
        packed = Any()
        packed.Pack(each)
        status.details.append(packed)
    trailers = grpc.aio.Metadata(*rpc_status.to_status(status).trailing_metadata)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details=message)


def retry_info(seconds: float) -> rpc.RetryInfo:
    """Say how long to wait."""
    delay = Duration()
    delay.FromMilliseconds(round(seconds * 1_000))
    return rpc.RetryInfo(retry_delay=delay)


def refuses_empty_ids(request) -> Awaitable[Message]:
    """Post everything, or refuse the request as a whole when a command has no id."""
    violations = [
        rpc.BadRequest.FieldViolation(field=f"commands[{place}].id", description="is empty")
        for place, command in enumerate(request.commands)
        if not command.id
    ]
    if not violations:
        return posts(request)
    bad_request = rpc.BadRequest(field_violations=violations)
    return fails(grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", bad_request)(request)
