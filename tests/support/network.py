"""A network between two processes that is slow, or goes silent without closing anything."""

import asyncio
import contextlib
from collections.abc import Awaitable

from support.forwarding import connect_on

Due = tuple[float, bytes]


class Connection:
    """Two directions of bytes. Frozen, it takes them and passes nothing on, not even an end."""

    def __init__(self) -> None:
        self.flowing = asyncio.Event()
        self.flowing.set()


class Network:
    """Forwards bytes to `host:port`; every byte takes `delay_s`, in each direction."""

    def __init__(self, target: str):
        self.delay_s = 0.0
        self._target = target.rsplit(":", 1)
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Network":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    @property
    def address(self) -> str:
        """Where to connect to instead of the target."""
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def freeze(self) -> int:
        """Let no more bytes through on what is connected; new connections are well."""
        for connection in self._connections:
            connection.flowing.clear()
        return len(self._connections)

    def switch(self, target: str) -> None:
        """Forward to another `host:port` from now on; what is connected ends."""
        self._target = target.rsplit(":", 1)
        for writer in self._writers:
            writer.transport.abort()

    def thaw(self) -> None:
        """Let everything through that came meanwhile."""
        for connection in self._connections:
            connection.flowing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target
        self._writers.add(writer)
        up = await connect_on(writer, host, int(port), self._tasks)
        if up is None:
            return
        up_reader, up_writer = up
        self._writers.add(up_writer)
        connection = Connection()
        self._connections.add(connection)
        there = self._pump(connection, reader, up_writer)
        back = self._pump(connection, up_reader, writer)
        task = asyncio.create_task(self._forward(connection, there, back))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, connection: Connection, *directions: Awaitable[None]) -> None:
        await asyncio.gather(*directions)
        self._connections.discard(connection)

    async def _pump(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        under_way: asyncio.Queue[Due] = asyncio.Queue()
        arriving = asyncio.create_task(self._arrive(connection, under_way, writer))
        clock = asyncio.get_running_loop().time
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(1 << 20):
                    under_way.put_nowait((clock() + self.delay_s, data))
            under_way.put_nowait((clock() + self.delay_s, b""))
            await arriving
        finally:
            arriving.cancel()

    async def _arrive(
        self, connection: Connection, under_way: asyncio.Queue[Due], writer: asyncio.StreamWriter
    ) -> None:
        """Write what is due, in its order, until the end, which is empty."""
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(ConnectionError):
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(max(0.0, due - clock()))
                await connection.flowing.wait()
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)
