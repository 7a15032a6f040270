"""`yupana serve ledger` with several processes at one port."""

import os
import shutil
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import grpc.aio
import psutil
from prometheus_client.parser import text_string_to_metric_families

from support.processes import START_TIMEOUT_S, LedgerProcess
from yupana_server.dev.ports import hold_port, pick_port
from yupana_server.dev.processes import wait_until
from yupana_server.runtime.passing import owner_of

BACK_WITHIN_S = 60.0
"""How long a process may take to be there again, on a busy machine."""


StartSeveral = Callable[..., "SeveralLedgers"]


class SeveralLedgers(LedgerProcess):
    """A parent and its processes; they serve when all of them do."""

    def __init__(
        self,
        database_url: str,
        log_path: Path,
        *,
        processes: int = 2,
        environment: Mapping[str, str] | None = None,
    ):
        self._metrics_port = _pick_ports(processes)
        self._times_served = 0
        several = {
            "YUPANA_PROCESSES": str(processes),
            "YUPANA_METRICS_LISTEN": f"127.0.0.1:{self._metrics_port}",
        }
        super().__init__(database_url, log_path, environment={**several, **(environment or {})})
        # For their sockets, whose paths have to be short; what is killed leaves them there.
        self._sockets = Path(tempfile.gettempdir()) / f"several-{self.port}"
        self.environment.setdefault("TMPDIR", str(self._sockets))

    def start(self) -> "SeveralLedgers":
        """Start and wait until all processes serve."""
        self._sockets.mkdir(exist_ok=True)
        super().start()
        self._times_served += 1
        begun_s = time.monotonic()
        while self.log().count("all_serving") < self._times_served:
            assert time.monotonic() - begun_s < START_TIMEOUT_S, self.log()
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        """SIGKILL, of which the processes die too."""
        super().kill()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def children(self) -> list[psutil.Process]:
        """Return the processes there are now."""
        return psutil.Process(self.pid).children()

    def child(self, place: int) -> psutil.Process:
        """Return the process at a place: the one that serves its metrics."""
        for each in self.children():
            with suppress(psutil.Error):
                ports = {
                    found.laddr.port
                    for found in each.net_connections("tcp")
                    if found.status == psutil.CONN_LISTEN
                }
                if self._metrics_port + place in ports:
                    return each
        raise AssertionError(f"nobody is at place {place}:\n{self.log()}")

    def kill_child(self, place: int) -> int:
        """SIGKILL, and wait until it has left the port; returns which process it was."""
        child = self.child(place)
        child.kill()
        child.wait(BACK_WITHIN_S)
        return child.pid

    def back(self, place: int, killed: int) -> bool:
        """Wait until another process serves at a place; tell whether one does."""

        def there() -> bool:
            with suppress(AssertionError, OSError):
                return self.child(place).pid != killed and bool(self.metrics(place))
            return False

        return wait_until(there, BACK_WITHIN_S)

    def metrics(self, place: int) -> dict[str, float]:
        """Return what a process measured, by `NAME`, `NAME BOOK` or `NAME OWNER`; added up."""
        url = f"http://127.0.0.1:{self._metrics_port + place}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sample.labels
                of = labels.get("yupana_book", "") or labels.get("yupana_owner", "")
                name = f"{sample.name} {of}".rstrip()
                found[name] = found.get(name, 0.0) + sample.value
        return found

    def passed_on(self, *, owner: str = "there") -> int:
        """Return how many calls were passed on, to owners that were there or away."""
        name = f"yupana_rpc_passed_on_total {owner}"
        return sum(int(self.metrics(place)[name]) for place in range(len(self.children())))

    def entries(self, book: str) -> list[int]:
        """Return how many entries of a book each process has recorded."""
        name = f"yupana_journal_entries_total {book}"
        return [int(self.metrics(place).get(name, 0)) for place in range(len(self.children()))]


def is_there(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _pick_ports(count: int) -> int:
    """Return the first of so many ports in a row that are free."""
    while True:
        first = pick_port()
        if all(hold_port(first + more) for more in range(1, count)):
            return first


def book_at(place: int, count: int = 2, name: str = "book") -> str:
    """Return the id of a book that belongs to the process at a place."""
    names = (f"{name}-{number}" for number in range(1_000))
    return next(each for each in names if owner_of(each.encode(), count=count) == place)


@asynccontextmanager
async def connections(address: str, count: int) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Yield channels that do not share a connection, as those of one process otherwise do."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with AsyncExitStack() as opened:
        yield [
            await opened.enter_async_context(grpc.aio.insecure_channel(address, options=options))
            for _ in range(count)
        ]
