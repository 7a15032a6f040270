"""The commands of a stream, put together to requests as they come from their source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from datetime import timedelta
from typing import TYPE_CHECKING

from yupana.commands.weights import weight_of
from yupana.convert.commands import add_command
from yupana.convert.times import duration
from yupana.ledger.v1.ledger_service_pb2 import ExecuteStreamRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yupana.commands import Command

WEIGHT_MAX = 1_000
"""How many commands share a request, a chain that reaches beyond left out."""

SIZE_BYTES_MAX = 1 << 20

# Of a chain that is longer than any that is allowed; then the ledger says so.
CHAIN_WEIGHT_MAX = 3_000

TIMEOUT_MAX_S = 3_600.0  # the contract's bound


class Batch:
    """A request of a stream."""

    __slots__ = ("ends_a_chain", "ids", "message", "size_bytes", "unsure", "weight")

    def __init__(self, book: str, timeout_s: float) -> None:
        timeout = duration(timedelta(seconds=min(max(timeout_s, 1e-6), TIMEOUT_MAX_S)))
        self.message = ExecuteStreamRequest(timeout=timeout)
        self.message.request.book = book
        self.ids: list[str] = []
        self.weight = 0
        self.size_bytes = 0
        self.ends_a_chain = True
        self.unsure = False
        """An attempt that was lost may have recorded it."""

    def add(self, command: Command) -> None:
        """Take in a command. Raises what its conversion raises, and is as it was before."""
        commands = self.message.request.commands
        count = len(commands)
        try:
            self.size_bytes += add_command(self.message.request, command).ByteSize()
        except BaseException:
            del commands[count:]
            raise
        self.ids.append(command.id)
        self.weight += weight_of(command)
        self.ends_a_chain = not command.linked

    @property
    def sendable(self) -> bool:
        """Whether there is something in it, and no chain would be cut."""
        return bool(self.ids) and (self.ends_a_chain or self.weight > CHAIN_WEIGHT_MAX)

    @property
    def full(self) -> bool:
        """Whether no more should be put in."""
        return self.sendable and (self.weight >= WEIGHT_MAX or self.size_bytes >= SIZE_BYTES_MAX)


class Batches:
    """Reads a source of commands, one batch ahead of what is taken."""

    def __init__(self, book: str, timeout_s: float, changed: asyncio.Event) -> None:
        self.over = False
        """The source has ended, or failed."""
        self.error: Exception | None = None
        self._book = book
        self._timeout_s = timeout_s
        self._changed = changed
        self._open = Batch(book, timeout_s)
        self._taken = asyncio.Event()

    @property
    def exhausted(self) -> bool:
        """Whether there will not be any more batches."""
        return self.over and not self._open.ids

    def ready(self, *, eager: bool) -> bool:
        """Whether there is a batch to take: a full one, the last one, or if `eager` any."""
        batch = self._open
        last = self.over and bool(batch.ids)
        return batch.full or last or (eager and batch.sendable)

    def take(self) -> Batch:
        """Return the batch that is ready."""
        batch = self._open
        self._open = Batch(self._book, self._timeout_s)
        self._taken.set()
        return batch

    async def read(self, commands: Iterable[Command] | AsyncIterable[Command]) -> None:
        """Read the source to its end; what it raises, or what is no command, is its `error`."""
        try:
            if isinstance(commands, AsyncIterable):
                async for command in commands:
                    await self._add(command)
            else:
                for command in commands:
                    await self._add(command)
        except Exception as error:
            self.error = error
        finally:
            self.over = True
            self._changed.set()

    async def _add(self, command: Command) -> None:
        self._open.add(command)
        self._changed.set()
        while self._open.full:
            self._taken.clear()
            await self._taken.wait()
