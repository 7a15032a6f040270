"""Ledgers as processes of their own, as they run in production, and who is whose child."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from yupana_server.dev.ports import pick_port

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0


def process_names(processes: Iterable[psutil.Process]) -> set[str]:
    """Return the names of the processes; one that has ended meanwhile has none."""
    names = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            names.add(process.name())
    return names


def serving_processes(processes: Iterable[psutil.Process], service: str) -> list[psutil.Process]:
    """Return those of the processes that run `yupana serve SERVICE`."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.cmdline()[-2:] == ["serve", service]:
                found.append(process)
    return found


class LedgerProcess:
    """`yupana serve ledger` on a free port; its log goes to a file."""

    service = "ledger"

    def __init__(
        self,
        database_url: str,
        log_path: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self.port = port or pick_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log_path = log_path
        self.environment = {
            **os.environ,
            "YUPANA_DATABASE_URL": database_url,
            "YUPANA_LISTEN": self.address,
            "YUPANA_LOG_LEVEL": "debug",
            "YUPANA_DRAIN_WAIT_S": "0.2",
            **(environment or {}),
        }
        self.command = [sys.executable, "-m", "yupana_server.cli.main", "serve", self.service]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "LedgerProcess":
        """Start and wait until it serves."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.serving():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the {self.service} did not start:\n{self.log()}")
            time.sleep(0.02)
        return self

    def serving(self, service: str = "") -> bool:
        """Ask its health."""
        with grpc.insecure_channel(self.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=service)
            try:
                answer = stub.Check(request, timeout=1)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def log(self) -> str:
        """Return what it logged so far."""
        return self.log_path.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def pause(self) -> None:
        """Stop it in its tracks."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.send(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to drain; returns its exit code."""
        assert self._process is not None
        if self.running:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
        return self._process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Start again at the same address."""
        self.start()


class FeedProcess(LedgerProcess):
    """`yupana serve feed` on a free port; its log goes to a file."""

    service = "feed"


class WorkerProcess(LedgerProcess):
    """`yupana serve worker` on a free port; its log goes to a file."""

    service = "worker"


class AccessProcess(LedgerProcess):
    """`yupana serve access` on a free port; its log goes to a file."""

    service = "access"
