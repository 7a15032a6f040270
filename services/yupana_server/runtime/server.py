"""Builds a gRPC server: health, reflection, keep-alive, drain."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import FrameType
from typing import Any, TypeAlias

import grpc.aio
import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import OVERALL_HEALTH
from grpc_health.v1.health import aio as health_aio
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from yupana_server.runtime.config import ServiceConfig
from yupana_server.runtime.place import Place
from yupana_server.runtime.tls import server_credentials

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""A request of 10,000 transfers with two short labels each takes 1.2 MiB; the longest labels
allowed need smaller requests."""

LOOKAHEAD_BYTES = 1024 * 1024
"""So much is on the way in a call at most: at 10 ms there and back, 100 MB/s."""

STREAMS_MAX = 1_536
"""How many calls of one connection may be under way: fewer than are let in by default, so that one
caller leaves room for others. gRPC itself refuses those beyond, as UNAVAILABLE."""

OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_concurrent_streams", STREAMS_MAX),
    # Clients ping every 60 s; twice as often is still fine.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # gRPC's own clients ping when they give up calls and to measure the line: those whose deadlines
    # pass would be taken for abusers, and all their other calls would end with the connection.
    ("grpc.http2.max_ping_strikes", 0),
    # Connections end now and then, so that load spreads over new servers.
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 60_000),
    # What a call sends ahead of its being read is bounded by this, not by what the line can carry.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", LOOKAHEAD_BYTES),
    # A connection that does not begin to speak HTTP/2 ends.
    ("grpc.server_handshake_timeout_ms", 10_000),
)

REGISTERED = frozenset({"Execute", "BatchGetAccounts", "GetAccount"})
"""Methods whose calls need not wait until calls of others were handed over.

Of each registered method, and of all others together, gRPC has one call on its way to Python at a
time, and with each call it looks at all that are registered: the 36 of a ledger cost it 0.07 ms.
"""

EndCalls: TypeAlias = Callable[[], Awaitable[None]]
Handlers: TypeAlias = "Mapping[str, grpc.RpcMethodHandler[Any, Any]]"

STOP_GRACE_S = 0.2
"""How long answers and refusals that are on their way may take to leave."""

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

log = structlog.get_logger("yupana.server")


class Server:
    """A gRPC server with health and reflection.

    R13: readiness (the health of "" and of the services) falls only for draining; other facts are
    reported beside it, under names of their own, by `report`.
    """

    def __init__(
        self, interceptors: Sequence[grpc.aio.ServerInterceptor], *, place: Place | None = None
    ):
        """`place` is that of one of several processes that serve at one port."""
        options = {**dict(OPTIONS), "grpc.so_reuseport": int(place is not None)}
        self.grpc = grpc.aio.server(interceptors=list(interceptors), options=list(options.items()))
        _register_few(self.grpc)
        self._place = place
        self._health = health_aio.HealthServicer()
        add_HealthServicer_to_server(self._health, self.grpc)
        self._reported: dict[str, bool] = {}

    async def start(self, config: ServiceConfig, services: Sequence[str]) -> str:
        """Listen and serve; returns the address with the port that was bound.

        Raises:
            ConfigError: The certificates cannot be used.
            OSError: The address cannot be bound.
        """
        listen = config.listen
        names = [*services, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], self.grpc)
        try:
            port = self._bind(listen, server_credentials(config))
        except RuntimeError as error:
            raise OSError(f"cannot listen at {listen}: is the port in use?") from error
        await self.grpc.start()
        for name in (OVERALL_HEALTH, *services):
            await self._health.set(name, SERVING)
        return f"{listen.rpartition(':')[0]}:{port}"

    def _bind(self, listen: str, credentials: grpc.ServerCredentials | None) -> int:
        if self._place is not None:
            self.grpc.add_insecure_port(self._place.address_of(self._place.index))
        if credentials is None:
            return int(self.grpc.add_insecure_port(listen))
        return int(self.grpc.add_secure_port(listen, credentials))

    async def report(self, name: str, *, good: bool) -> None:
        """Report a fact beside readiness; logs when it changes."""
        if self._reported.get(name) != good:
            (log.info if good else log.warning)("health_changed", service=name, good=good)
            self._reported[name] = good
        await self._health.set(name, SERVING if good else NOT_SERVING)

    async def drain(
        self, *, wait_s: float, grace_s: float, end_calls: EndCalls | None = None
    ) -> None:
        """Say that no more calls are wanted, wait until callers noticed, end those in flight.

        `end_calls` has further calls refused and returns when none is in flight: only then does
        gRPC stop, which would not tell callers what became of theirs.
        """
        log.info("draining", wait_s=wait_s)
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(wait_s)
        try:
            async with asyncio.timeout(grace_s):
                if end_calls is not None:
                    await end_calls()
        except TimeoutError:
            log.warning("calls_cut_off", grace_s=grace_s)
        await self.grpc.stop(STOP_GRACE_S)


def _register_few(server: grpc.aio.Server) -> None:
    """Have generated code register REGISTERED alone; whatever it adds is found without that."""
    register = server.add_registered_method_handlers

    def register_few(service_name: str, method_handlers: Handlers) -> None:
        few = {name: each for name, each in method_handlers.items() if name in REGISTERED}
        register(service_name, few)

    server.add_registered_method_handlers = register_few  # type: ignore[method-assign]


async def until_signal() -> None:
    """Wait for SIGTERM or SIGINT.

    What comes after the first one: SIGTERM changes nothing, the drain goes on; SIGINT ends the
    process at once, for people who press Ctrl-C twice.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    # Not the loop's, which would let go of it when it closes: a second SIGTERM would kill the
    # process that has just ended well.
    signal.signal(signal.SIGTERM, tell)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    await stop.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    loop.remove_signal_handler(signal.SIGINT)
