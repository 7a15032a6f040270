"""The services as child processes, as they run in production."""

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from yupana_server.dev.ports import LOOPBACK, pick_port
from yupana_server.dev.server import ChildServer

HEALTH_TIMEOUT_S = 1.0
# Nobody has to notice the drain before it begins: there is no load balancer in front of us.
SERVICE_SETTINGS: Mapping[str, str] = {
    "YUPANA_LOG_FORMAT": "console",
    "YUPANA_DRAIN_WAIT_S": "0",
    # A receiver in development listens on this machine, without a certificate.
    "YUPANA_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
    "YUPANA_WEBHOOK_ALLOW_HTTP": "true",
}


class EmbeddedService(ChildServer):
    """`yupana serve …` as a process of its own, as it runs in production."""

    service: ClassVar[str]
    # Without us there is no Postgres either: nothing is left to drain to.
    death_signal = signal.SIGKILL

    def __init__(
        self,
        data_dir: Path,
        *,
        database_url: str,
        port: int | None = None,
        metrics_port: int | None = None,
        redis_url: str = "",
        hash_key: str = "",
    ) -> None:
        """Take a folder to run in, a database that is migrated, and ports or free ones.

        With a `hash_key`, by which tokens are hashed, callers need a key.
        """
        super().__init__(data_dir, port)
        self._access = {
            "YUPANA_ACCESS": "keys" if hash_key else "open",
            "YUPANA_ACCESS_HASH_KEY": hash_key,
        }
        self._database_url = database_url
        self._redis_url = redis_url
        self.metrics_address = f"{LOOPBACK}:{metrics_port or pick_port()}"

    @property
    def address(self) -> str:
        """Where it serves gRPC, host:port."""
        return f"{LOOPBACK}:{self.port}"

    def _arguments(self) -> Sequence[str | Path]:
        settings = {
            **SERVICE_SETTINGS,
            **self._access,
            "YUPANA_DATABASE_URL": self._database_url,
            "YUPANA_REDIS_URL": self._redis_url,
            "YUPANA_LISTEN": self.address,
            "YUPANA_METRICS_LISTEN": self.metrics_address,
        }
        environment = [f"{name}={value}" for name, value in settings.items()]
        program = [sys.executable, "-m", "yupana_server.cli.main", "serve", self.service]
        return ["/usr/bin/env", *environment, *program]

    def _answers(self) -> bool:
        with grpc.insecure_channel(self.address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # The wheel has no types.
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_TIMEOUT_S)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class EmbeddedLedger(EmbeddedService):
    """`yupana serve ledger`."""

    name = "the ledger"
    service = "ledger"


class EmbeddedFeed(EmbeddedService):
    """`yupana serve feed`."""

    name = "the feed"
    service = "feed"


class EmbeddedWorker(EmbeddedService):
    """`yupana serve worker`."""

    name = "the worker"
    service = "worker"


class EmbeddedAccess(EmbeddedService):
    """`yupana serve access`."""

    name = "access"
    service = "access"
