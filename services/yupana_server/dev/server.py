"""What the embedded servers share: start, wait for an answer, stop and kill."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from yupana_server.dev.ports import LOOPBACK, PortTrouble, is_port_free, pick_port, port_trouble
from yupana_server.dev.processes import (
    POLL_INTERVAL_S,
    Account,
    kill_with_children,
    last_log_lines,
    shown_status,
    spawn,
    wait_until,
)

# A crashed server replays up to max_wal_size of log before it answers, hence a whole minute.
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
# A Valkey whose parent was killed looks at its death signal ten times a second.
PORT_TIMEOUT_S = 0.5


class DevServerError(OSError):
    """A development server could not be started; the message says why and what to do."""


class ChildServer(ABC):
    """A server on one data folder and one loopback port, running as our direct child.

    Start it from the main thread: Linux ends the child when the thread that started it ends,
    not only when the process does. Not safe for use from several threads at once. Everything
    the server prints is appended to `log_path`, beside the data folder: `<data_dir>.log`.
    """

    name: ClassVar[str]
    death_signal: ClassVar[signal.Signals]

    def __init__(self, data_dir: Path, port: int | None) -> None:
        """Take a folder and a port, or pick a free port that is kept from then on."""
        self.data_dir = data_dir.resolve()
        self.log_path = self.data_dir.with_name(f"{self.data_dir.name}.log")
        self.port = pick_port() if port is None else port
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def start(self) -> None:
        """Start the server and return when it answers; do nothing when it already runs.

        Raises:
            DevServerError: the port is taken, the folder is unusable, or the server did not
                answer within START_TIMEOUT_S; its last log lines are quoted.
        """
        self.begin()
        if self._process is None or self._ready:
            return
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise
        self._ready = True

    def begin(self) -> None:
        """Start the server without waiting; `start` waits for it.

        Raises:
            DevServerError: the port is taken, or the folder is unusable.
        """
        if self.running:
            return
        self._ready = False
        account = self._prepare()
        self._require_port()
        self._process = spawn(
            self._arguments(),
            folder=self.data_dir,
            log_path=self.log_path,
            death_signal=self.death_signal,
            account=account,
        )

    def kill(self) -> None:
        """End the server with SIGKILL and wait until its own children are gone; idempotent."""
        if self._process is not None:
            kill_with_children(self._process)
            self._process = None

    @property
    def running(self) -> bool:
        """Whether the server's main process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the server's main process.

        Raises:
            RuntimeError: the server was not started, or was stopped.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} on port {self.port} has no process: call start()")
        return self._process.pid

    @property
    def ending(self) -> str:
        """How the server's main process ended by itself, or that it runs."""
        status = None if self._process is None else self._process.poll()
        return "running or stopped" if status is None else shown_status(status)

    @property
    def last_lines(self) -> str:
        """The end of its log."""
        return last_log_lines(self.log_path)

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server in its gentle way."""
        self.stop()

    def stop(self) -> None:
        """Stop by SIGTERM, by SIGKILL when it takes over STOP_TIMEOUT_S; idempotent."""
        self._end(signal.SIGTERM)

    def _prepare(self) -> Account | None:
        """Make the data folder ready and return the account to run as; None for ours."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return None

    @abstractmethod
    def _arguments(self) -> Sequence[str | Path]:
        """Return the server's command line."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether our process, and no other on this port, answers requests."""

    def _require_port(self) -> None:
        if wait_until(lambda: is_port_free(self.port), PORT_TIMEOUT_S):
            return
        trouble = port_trouble(self.port) or PortTrouble.IN_USE
        advice = "" if trouble is PortTrouble.NOT_PERMITTED else "stop the other server or "
        raise DevServerError(
            f"{self.name} cannot listen on {LOOPBACK}:{self.port}, the port is {trouble}: "
            f"{advice}choose another port"
        )

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        # A fault test may have paused the server, which then would never see the signal.
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            kill_with_children(self._process)
        self._process = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if process.poll() is not None:
                raise self._start_error(f"ended ({shown_status(process.returncode)})")
            if time.monotonic() > deadline:
                raise self._start_error(f"did not answer within {START_TIMEOUT_S:g} s")
            time.sleep(POLL_INTERVAL_S)

    def _start_error(self, what: str) -> DevServerError:
        return DevServerError(
            f"{self.name} on {self.data_dir}, port {self.port}, {what}; "
            f"the end of {self.log_path}:\n{last_log_lines(self.log_path)}"
        )
