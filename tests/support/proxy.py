"""A TCP proxy before Postgres that knows when a commit is under way, and can cut or stall it."""

import asyncio
import contextlib
import re
from urllib.parse import urlsplit

from support.forwarding import connect_on

COPY_DONE = b"c\x00\x00\x00\x04"
COMMITTED = b"COMMIT\x00"
APPEND = re.compile(rb"(COPY yupana\.journal|EXECUTE append_first) .*COMMIT", re.DOTALL)
"""What begins to append. A brief append has its rows in itself, and no COPY."""
LOOK_UP = re.compile(rb"[{,]s[0-9]+c[0-9]+-[0-9]+[},]")
"""An array of ids as the clients of a load make them."""


LATE_S = 0.2
"""Less than the clocks of a ledger and Postgres may differ by."""


class Link:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader = reader
        self.writer = writer
        self.copies_left: int | None = None
        """How many tables' rows are still to come of the append under way; None without one."""


class Proxy:
    """Forwards bytes. Set `fault` to have something happen to the next append.

    - "stall before decide": a look-up of ids, for which a decision waits, is held back.
    - "cut before commit": the connection ends when the rows have been asked for.
    - "cut during commit": all rows are sent, the connection ends before Postgres' answer is seen.
    - "stall inside copy": rows are held back, with the book's lock held, until `release`.
    - "stall after commit": Postgres has committed, its answer is held back until `release`.
    - "deliver late": the connection ends at once; what was sent gets to Postgres `LATE_S` later.
    """

    def __init__(self, url: str):
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._url = url
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._released = asyncio.Event()
        self.fault: str | None = None
        self.struck = asyncio.Event()
        self.delay_s = 0.0

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    @property
    def url(self) -> str:
        """The database's URL, through the proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        host, old = self._target
        return self._url.replace(f"{host}:{old}", f"{host}:{port}")

    def strike(self, fault: str) -> None:
        """Have something happen to the next append."""
        self.struck.clear()
        self._released.clear()
        self.fault = fault

    def release(self) -> None:
        """Let what is held back go on."""
        self._released.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        up = await connect_on(writer, *self._target, self._tasks)
        if up is None:
            return
        up_reader, up_writer = up
        self._writers.add(up_writer)
        client, server = Link(reader, writer), Link(up_reader, up_writer)
        for pump in (self._from_client(client, server), self._from_server(server, client)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _from_client(self, client: Link, server: Link) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await client.reader.read(1 << 20):
                if self.fault is not None and (match := APPEND.search(data)) is not None:
                    client.copies_left = match[0].count(b"COPY ")
                elif self.fault == "stall before decide" and LOOK_UP.search(data):
                    await self._stall()
                await self._forward(data, client, server)
        server.writer.close()

    async def _forward(self, data: bytes, client: Link, server: Link) -> None:
        if client.copies_left is None:
            server.writer.write(data)
            return
        if self.fault == "cut before commit":
            self._cut(client, server)
            return
        if self.fault == "deliver late":
            self.fault = None
            self.struck.set()
            client.writer.transport.abort()
            await asyncio.sleep(LATE_S)
        client.copies_left -= data.count(COPY_DONE)
        if self.fault == "stall inside copy" and not APPEND.search(data):
            await self._stall()
        server.writer.write(data)
        if self.fault == "cut during commit" and client.copies_left == 0:
            await server.writer.drain()
            await asyncio.sleep(0.1)  # Time for Postgres to commit; its answer is not forwarded.
            self._cut(client, server)

    async def _from_server(self, server: Link, client: Link) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await server.reader.read(1 << 20):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if client.copies_left == 0:
                    if self.fault == "cut during commit":
                        continue
                    if COMMITTED in data:
                        client.copies_left = None
                        if self.fault == "stall after commit":
                            await self._stall()
                client.writer.write(data)
        client.writer.close()

    async def _stall(self) -> None:
        self.fault = None
        self.struck.set()
        await self._released.wait()

    def _cut(self, client: Link, server: Link) -> None:
        self.fault = None
        client.copies_left = None
        for link in (client, server):
            link.writer.transport.abort()
        self.struck.set()
