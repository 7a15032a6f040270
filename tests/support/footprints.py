"""What a process holds: memory, files, threads."""

import asyncio
from collections.abc import Callable

import psutil

from support.processes import LedgerProcess

MIB = 1024 * 1024


def rss_mib(process: LedgerProcess) -> float:
    """Return the memory that the process holds, in MiB."""
    return float(psutil.Process(process.pid).memory_info().rss) / MIB


def files(process: LedgerProcess) -> int:
    """Count the process's open files, sockets among them."""
    return int(psutil.Process(process.pid).num_fds())


async def until(fact: Callable[[], bool], what: str, *, within_s: float = 30) -> None:
    """Wait for a fact."""
    try:
        async with asyncio.timeout(within_s):
            while not fact():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {within_s} s: {what}") from None


class Peak:
    """Watches the memory of a process while something goes on; `mib` is the most it grew."""

    def __init__(self, process: LedgerProcess):
        self._process = process
        self._before_mib = rss_mib(process)
        self._task: asyncio.Task[None] | None = None
        self.mib = 0.0

    async def __aenter__(self) -> "Peak":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        self._look()

    async def _watch(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(0.02)

    def _look(self) -> None:
        self.mib = max(self.mib, rss_mib(self._process) - self._before_mib)
