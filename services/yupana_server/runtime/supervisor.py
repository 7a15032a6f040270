"""Several processes that serve at one port, and the parent that sees to it that they are there.

The parent serves nothing itself: it forks before gRPC has begun anything, waits for signals and for
the ends of its children, and ends when they have.
"""

import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from yupana_server.runtime.config import ConfigError, LedgerConfig
from yupana_server.runtime.place import Place
from yupana_server.runtime.reserved_port import ReservedPort

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
"""Pauses before a process that ended is started anew: each is twice as long as the one before."""

STEADY_S = 30.0
"""Who has served for so long is started anew after the first pause again."""

LOOK_EVERY_S = 0.05
"""How often the parent looks whether all serve, until they do."""

END_MARGIN_S = 10.0
"""How much longer than their drain processes may take to end; then they are killed."""

PR_SET_PDEATHSIG = 1  # linux/prctl.h

log = structlog.get_logger("yupana.supervisor")


def supervise(config: LedgerConfig) -> tuple[LedgerConfig, Place]:
    """Keep as many processes serving as the configuration says, until a signal comes.

    Returns in the children alone, each with a configuration and a place of its own; the parent
    ends in here, by SystemExit. SIGTERM and SIGINT have all of them drain; SIGINT for the second
    time ends them at once. SIGUSR1 is passed on. Children never outlive the parent.

    Raises:
        ConfigError: The system is not Linux.
        OSError: The port cannot be had.
    """
    if not sys.platform.startswith("linux"):
        raise ConfigError(f"YUPANA_PROCESSES={config.processes}: more than 1 needs Linux")
    parent = _Parent(config, ReservedPort(config.listen))
    place = parent.run()
    if place is None:
        sys.exit(parent.end())
    return config_of(config, place, parent.address), place


def config_of(config: LedgerConfig, place: Place, listen: str) -> LedgerConfig:
    """Return the configuration of the process at a place."""
    metrics = config.metrics_listen
    if metrics is not None:
        host, _, port = metrics.rpartition(":")
        metrics = f"{host}:{int(port) and int(port) + place.index}"
    reads = max(2, config.read_connections // place.count)
    changed = {"listen": listen, "metrics_listen": metrics, "read_connections": reads}
    return config.model_copy(update=changed)


@dataclass(slots=True)
class _Child:
    """A process that was started."""

    index: int
    told: int
    """The pipe by which it tells that it serves."""
    serving_since_s: float | None = None

    def look(self) -> None:
        """Find out whether it serves."""
        if self.serving_since_s is None and os.read(self.told, 1):
            self.serving_since_s = time.monotonic()


class _Parent:
    """Starts processes, again and again if it has to."""

    def __init__(self, config: LedgerConfig, port: ReservedPort):
        self.address = port.address
        self._port = port
        self._count = config.processes
        self._end_within_s = config.drain_wait_s + config.drain_grace_s + END_MARGIN_S
        self._folder = Path(tempfile.mkdtemp(prefix="yupana-"))  # For this user alone.
        self._children: dict[int, _Child] = {}
        self._due = {0: 0.0}
        """When to start which processes; the first one has to serve before there are others."""
        self._failures = [0] * self._count
        self._have_served: set[int] = set()
        self._kill_at_s: float | None = None
        """Set while the processes are to end."""
        self._interrupted = False
        self._code = 0

    def run(self) -> Place | None:
        """Keep the processes running until they are to end; return a place in each of them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while self._children or self._due:
            for index in [i for i, due in self._due.items() if due <= time.monotonic()]:
                del self._due[index]
                place = self._start(index)
                if place is not None:
                    return place
            received = signal.sigtimedwait(SIGNALS, self._wait_s())
            if received is not None:
                self._heed(received.si_signo)
            self._look()
            self._bury()
            if self._kill_at_s is not None and time.monotonic() > self._kill_at_s:
                self._tell_all(signal.SIGKILL)
        return None

    def end(self) -> int:
        """Let go of everything; return the exit code."""
        self._port.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        return self._code

    def _start(self, index: int) -> Place | None:
        try:
            return self._fork(index)
        except OSError as error:
            if index not in self._have_served:
                raise
            # There may be memory again later, and the others serve meanwhile.
            pause_s = self._pause_s(index)
            log.warning("cannot_start", place=index, error=str(error), pause_s=pause_s)
            self._due[index] = time.monotonic() + pause_s
            return None

    def _fork(self, index: int) -> Place | None:
        heard, told = os.pipe()
        os.set_blocking(heard, False)
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(heard)
            os.close(told)
            raise
        if pid == 0:
            self._become_child(parent)
            os.close(heard)
            return Place(index, self._count, self._folder, told)
        os.close(told)
        self._children[pid] = _Child(index, heard)
        return None

    def _become_child(self, parent: int) -> None:
        # Killed with the parent, whatever it hangs in: its port has to be free for the next one.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        self._port.close()
        for sibling in self._children.values():
            os.close(sibling.told)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _wait_s(self) -> float:
        """Return for how long nothing has to be looked at but signals."""
        if self._kill_at_s is not None or any(
            child.serving_since_s is None for child in self._children.values()
        ):
            return LOOK_EVERY_S
        soonest = min(self._due.values(), default=time.monotonic() + STEADY_S)
        return max(0.0, soonest - time.monotonic())

    def _heed(self, number: int) -> None:
        if number == signal.SIGUSR1:
            self._have_dumped()
        elif number == signal.SIGINT and self._interrupted:
            self._tell_all(signal.SIGKILL)
        elif number in (signal.SIGTERM, signal.SIGINT):
            self._interrupted |= number == signal.SIGINT
            self._end_all()

    def _have_dumped(self) -> None:
        for pid, child in self._children.items():
            if child.serving_since_s is not None:  # Else the signal would end it.
                os.kill(pid, signal.SIGUSR1)

    def _look(self) -> None:
        """See who serves by now."""
        for child in self._children.values():
            try:
                child.look()
            except BlockingIOError:
                continue
            if child.serving_since_s is not None and child.index not in self._have_served:
                self._note_first(child.index)

    def _note_first(self, index: int) -> None:
        self._have_served.add(index)
        if len(self._have_served) == self._count:
            log.info("all_serving", address=self.address, processes=self._count)
        elif index == 0 and self._kill_at_s is None:
            self._due |= dict.fromkeys(range(1, self._count), 0.0)

    def _bury(self) -> None:
        """See who has ended."""
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            child = self._children.pop(pid, None)
            if child is not None:  # As the first process of a container it inherits others.
                os.close(child.told)
                self._note_end(child, pid, os.waitstatus_to_exitcode(status))

    def _note_end(self, child: _Child, pid: int, code: int) -> None:
        if self._kill_at_s is not None:
            # By SIGTERM itself ends who had not begun to serve.
            self._code = self._code or (0 if code in (0, -signal.SIGTERM) else 1)
        elif child.index not in self._have_served:
            log.error("process_cannot_start", place=child.index, code=code)
            self._code = max(code, 1)
            self._end_all()
        else:
            since_s = child.serving_since_s
            if since_s is not None and time.monotonic() - since_s > STEADY_S:
                self._failures[child.index] = 0
            pause_s = self._pause_s(child.index)
            log.warning("process_ended", place=child.index, pid=pid, code=code, pause_s=pause_s)
            self._due[child.index] = time.monotonic() + pause_s

    def _pause_s(self, index: int) -> float:
        pause_s = FIRST_PAUSE_S * float(2 ** min(self._failures[index], 10))
        self._failures[index] += 1
        return min(LONGEST_PAUSE_S, pause_s)

    def _end_all(self) -> None:
        self._due.clear()
        if self._kill_at_s is None:
            self._kill_at_s = time.monotonic() + self._end_within_s
            self._tell_all(signal.SIGTERM)

    def _tell_all(self, number: signal.Signals) -> None:
        for pid in self._children:
            os.kill(pid, number)  # It is there, or its end has not been noted: the number is its.
