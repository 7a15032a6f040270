"""Processes that loads, baselines and verifications run in, so that the one that waits is idle.

A job is a picklable function. It is called with a `Line` to its caller, by which it can say that
it is ready, be told when to start, and report how far it is.
"""

import ctypes
import multiprocessing
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import psycopg

from yupana import YupanaError
from yupana_server.bench.schedule import Window
from yupana_server.journal.errors import JournalError
from yupana_server.runtime.garbage import set_up_collector

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

START_MARGIN_S = 0.02
"""All clients have the window by then."""

JOB_TIMEOUT_S = 3600.0
"""Nothing takes so long; a client that is silent for so long hangs."""

END_TIMEOUT_S = 5.0
PR_SET_PDEATHSIG = 1  # From <sys/prctl.h>.

_READY, _DONE, _FAILED, _PROGRESS = range(4)


class Line:
    """What a job says to whoever has it run."""

    def __init__(self, connection: Connection):
        self._connection = connection

    def window(self) -> Window:
        """Say that everything is ready; returns when all others are too."""
        self._connection.send((_READY, None))
        window: Window = self._connection.recv()
        return window

    def progress(self, done: int) -> None:
        """Say how far the job is."""
        self._connection.send((_PROGRESS, done))


class Job(Protocol[T_co]):
    """A picklable function."""

    def __call__(self, line: Line, /) -> T_co:
        """Do it."""


class ClientError(Exception):
    """A job failed, or its process ended: what a user can mend in words, else a stack trace."""


class Clients:
    """So many client processes, for as long as the `with` block runs."""

    def __init__(self, count: int):
        self._count = count
        self._clients: list[_Client] = []

    def __enter__(self) -> Self:
        """Start the processes; they become ready while others start."""
        self._clients = [_Client(number) for number in range(self._count)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes, whatever they are doing."""
        for client in self._clients:
            client.end()

    def together(self, jobs: Sequence[Job[T]], warmup_s: float, duration_s: float) -> list[T]:
        """Run jobs that ask for a window at the same time, each in a process of its own."""
        clients = self._clients[: len(jobs)]
        for client, job in zip(clients, jobs, strict=True):
            client.send(job)
        for client in clients:
            client.expect(_READY)
        window = Window(time.monotonic() + START_MARGIN_S, warmup_s, duration_s)
        for client in clients:
            client.send(window)
        return [client.expect(_DONE) for client in clients]

    def each(
        self, jobs: Sequence[Job[T]], progress: Callable[[int, int], None] = lambda _at, _done: None
    ) -> list[T]:
        """Run jobs, as many at a time as there are processes.

        `progress` is told which job is how far.
        """
        return _Spread(self._clients, jobs, progress).results()


class _Spread(Generic[T]):
    """Jobs that are spread over clients as these become free."""

    def __init__(
        self,
        clients: Sequence["_Client"],
        jobs: Sequence[Job[T]],
        progress: Callable[[int, int], None],
    ):
        self._clients = clients
        self._progress = progress
        self._waiting: Iterator[tuple[int, Job[T]]] = iter(enumerate(jobs))
        self._results: list[Any] = [None] * len(jobs)
        self._busy: dict[_Client, int] = {}

    def results(self) -> list[T]:
        for client in self._clients:
            self._give(client)
        while self._busy:
            for client in _that_speak(list(self._busy)):
                at = self._busy[client]
                kind, value = client.hear()
                if kind == _PROGRESS:
                    self._progress(at, value)
                    continue
                self._results[at] = value
                del self._busy[client]
                self._give(client)
        return self._results

    def _give(self, client: "_Client") -> None:
        following = next(self._waiting, None)
        if following is not None:
            self._busy[client], job = following
            client.send(job)


class _Client:
    """One process and the line to it."""

    def __init__(self, number: int):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs,), name=f"client {number}", daemon=True
        )
        self.process.start()
        theirs.close()

    def send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except ConnectionError as error:
            raise self._gone() from error

    def expect(self, kind: int) -> Any:
        """Return the value of the next message of this kind; others before it are progress."""
        while True:
            _that_speak([self])
            said, value = self.hear()
            if said == kind:
                return value

    def hear(self) -> tuple[int, Any]:
        try:
            kind, value = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise self._gone() from error
        if kind == _FAILED:
            raise ClientError(value)
        return kind, value

    def _gone(self) -> ClientError:
        self.process.join(END_TIMEOUT_S)
        return ClientError(f"{self.process.name} ended by itself, with {self.process.exitcode}")

    def end(self) -> None:
        self.process.terminate()
        self.process.join(END_TIMEOUT_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def _that_speak(clients: Sequence[_Client]) -> list[_Client]:
    """Wait until some of the clients said something or ended."""
    by_connection = {client.connection: client for client in clients}
    spoke = wait(list(by_connection), JOB_TIMEOUT_S)
    if not spoke:
        raise ClientError(f"{clients[0].process.name} said nothing for {JOB_TIMEOUT_S:g} s")
    return [by_connection[each] for each in spoke]  # type: ignore[index]


def _serve(connection: Connection) -> None:
    """Run jobs until the process is ended, or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is our parent's, who ends us.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # As in the ledger: a pause of the collector in a run would not be the server's.
    set_up_collector()
    line = Line(connection)
    with suppress(EOFError):
        while True:
            job = connection.recv()
            try:
                answer = (_DONE, job(line))
            except (YupanaError, JournalError, psycopg.Error, OSError) as error:
                answer = (_FAILED, str(error).strip())
            except Exception:  # Whatever it is, the parent has to know.
                answer = (_FAILED, traceback.format_exc())
            connection.send(answer)
