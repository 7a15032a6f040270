"""The servers: one channel each, made once, and the choice between them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from yupana.certificates import Certificates, Renewals
from yupana.routing import Health, rendezvous

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from contextvars import Context

    from yupana.methods import Method, Request, Response
    from yupana.telemetry.spans import Metadata

MESSAGE_SIZE_BYTES = 16 * 1024 * 1024

# Pings agree with the servers, which allow one every 30 s. A connection attempt may take 2 s
# instead of gRPC's 20 s, so that a host that swallows packets does not use up a call's deadline.
CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", MESSAGE_SIZE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_SIZE_BYTES),
)


RETIRED_S = 3_600.0
"""How long the channel of old certificates is kept: a server ends connections that are over ten
minutes old, and calls on them within a minute."""

# A call on a closed channel fails by itself.
_CALLABLE = (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.SHUTDOWN)


@dataclass(frozen=True, slots=True)
class Transport:
    """How to connect."""

    credentials: grpc.ChannelCredentials | Certificates | None = None
    """None: in plain text."""
    interceptors: Sequence[grpc.aio.ClientInterceptor] = ()
    key: str | None = None
    """The token that goes with every call; None: none."""

    def metadata(self, more: Metadata | None = None) -> Metadata | None:
        """Return what goes with a call."""
        if self.key is None:
            return more
        return (*(more or ()), ("authorization", f"Bearer {self.key}"))


class NotConnectedError(Exception):
    """There was no connection in time: the request never left this process."""


class Server:
    """One server."""

    def __init__(self, address: str, transport: Transport) -> None:
        self.address = address
        self.health = Health()
        self._transport = transport
        given = transport.credentials
        self._renewals = Renewals(given) if isinstance(given, Certificates) else None
        self._credentials = None if isinstance(given, Certificates) else given
        self._channel: grpc.aio.Channel | None = None
        self._retired: list[tuple[float, grpc.aio.Channel]] = []
        self._stubs: dict[str, grpc.aio.UnaryUnaryMultiCallable[Any, Any]] = {}

    async def connect(self, timeout_s: float) -> None:
        """Wait for a connection.

        Done here and not by gRPC, whose time-out does not tell whether a request was ever sent.

        Raises:
            NotConnectedError: There was none in time.
        """
        state = self._connection.get_state(try_to_connect=True)
        if state in _CALLABLE:
            return
        try:
            async with asyncio.timeout(timeout_s):
                while state not in _CALLABLE:
                    await self._connection.wait_for_state_change(state)
                    # Another one, perhaps: by certificates that took the place of others meanwhile.
                    state = self._connection.get_state(try_to_connect=True)
        except TimeoutError as error:
            raise NotConnectedError from error
        if state is grpc.ChannelConnectivity.SHUTDOWN:
            raise asyncio.CancelledError  # As gRPC does to calls under way when a channel closes.

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        timeout_s: float,
        wait_for_ready: bool,
        context: Context | None = None,
        metadata: Metadata | None = None,
    ) -> Response:
        """Send one attempt.

        Raises:
            AioRpcError: It failed.
        """
        channel = self._connection
        stub = self._stubs.get(method.path)
        if stub is None:
            stub = self._stubs[method.path] = channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        begin = partial(
            stub,
            request,
            timeout=timeout_s,
            metadata=self._transport.metadata(metadata),
            wait_for_ready=wait_for_ready,
        )
        call: Awaitable[Response] = begin() if context is None else context.run(begin)
        return await call

    def stream(
        self,
        method: Method[Request, Response],
        *,
        wait_for_ready: bool,
        metadata: Metadata | None = None,
    ) -> grpc.aio.StreamStreamCall[Request, Response]:
        """Begin one attempt of a bidirectional stream."""
        stub: grpc.aio.StreamStreamMultiCallable[Request, Response] = (
            self._connection.stream_stream(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        )
        return stub(metadata=self._transport.metadata(metadata), wait_for_ready=wait_for_ready)

    def responses(
        self, method: Method[Request, Response], request: Request, *, wait_for_ready: bool
    ) -> grpc.aio.UnaryStreamCall[Request, Response]:
        """Begin one attempt of a call that is answered by a stream."""
        stub: grpc.aio.UnaryStreamMultiCallable[Request, Response] = self._connection.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        metadata = self._transport.metadata()
        return stub(request, metadata=metadata, wait_for_ready=wait_for_ready)

    @property
    def _connection(self) -> grpc.aio.Channel:
        if self._renewals is not None and (renewed := self._renewals.take()) is not None:
            self._credentials = renewed
            self._retire()
        if self._channel is None:  # not in __init__, where there may be no event loop yet
            self._channel = _connect(self.address, self._credentials, self._transport.interceptors)
        return self._channel

    def _retire(self) -> None:
        """Have the next calls use another channel; those under way end on theirs."""
        now_s = time.monotonic()
        # Let go of, a channel closes itself.
        self._retired = [each for each in self._retired if now_s - each[0] < RETIRED_S]
        if self._channel is not None:
            self._retired.append((now_s, self._channel))
        self._channel = None
        self._stubs.clear()

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        ready = grpc.ChannelConnectivity.READY
        return self._channel is not None and self._channel.get_state() is ready

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        for _, channel in self._retired:
            await channel.close()
        if self._channel is not None:
            await self._channel.close()


class Servers:
    """All servers of one ledger."""

    def __init__(self, addresses: Sequence[str], transport: Transport) -> None:
        if not addresses or len(set(addresses)) < len(addresses):
            raise ValueError(f"got the addresses {addresses}: give at least one, none twice")
        self._servers = {address: Server(address, transport) for address in addresses}

    def __len__(self) -> int:
        return len(self._servers)

    def choose(self, key: str, now_s: float) -> tuple[Server, float]:
        """Return the server for a key, and how many seconds it still rests.

        The first in the key's order that takes calls. When all rest, the one back the soonest.
        """
        order = [self._servers[address] for address in rendezvous(key, self._servers)]
        for server in order:
            if server.health.admits(now_s):
                return server, 0.0
        soonest = min(order, key=lambda server: server.health.rest_left_s(now_s))
        return soonest, soonest.health.rest_left_s(now_s)

    @property
    def connected(self) -> bool:
        """Whether there is a connection to any of them at this moment."""
        return any(server.connected for server in self._servers.values())

    async def close(self) -> None:
        """Close all channels."""
        for server in self._servers.values():
            await server.close()


def _connect(
    address: str,
    credentials: grpc.ChannelCredentials | None,
    interceptors: Sequence[grpc.aio.ClientInterceptor],
) -> grpc.aio.Channel:
    options = CHANNEL_OPTIONS
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=options, interceptors=interceptors)
    return grpc.aio.secure_channel(address, credentials, options=options, interceptors=interceptors)
