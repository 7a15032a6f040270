"""Receivers of webhooks that answer, fail, stall and lie as a test tells them."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from standardwebhooks import Webhook

WITHIN_S = 20.0


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: str
    at_s: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def seq(self) -> int:
        return int(self.event["data"]["seq"])

    def verify(self, secret: str) -> Any:
        """Check the signature, as a receiver does."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass(frozen=True)
class Reply:
    """What to answer."""

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[str, ...] = ()
    length: int | None = None
    """What to say the length of the body is, if not the truth."""
    delay_s: float = 0.0
    hangs: bool = False
    """Whether the connection stays open and silent after the body."""
    silent: bool = False
    """Whether the connection ends without a word."""


Answer = Callable[[Received], Reply]


class Receiver:
    """An HTTP/1.1 server at a port of 127.0.0.1."""

    def __init__(self, answer: Answer | None = None, *, tls: ssl.SSLContext | None = None):
        self.answer: Answer = answer or (lambda _: Reply())
        self.received: list[Received] = []
        self.connections = 0
        self.at_once = 0
        self.at_once_max = 0
        self._tls = tls
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._writers:  # By TLS it waits for the other side to close it.
            writer.transport.abort()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.received]

    @property
    def seqs(self) -> list[int]:
        return [each.seq for each in self.received]

    async def until(self, fact: Callable[[], object], *, within_s: float = WITHIN_S) -> None:
        """Wait until something holds of what came."""
        try:
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(fact)
        except TimeoutError:
            raise AssertionError(
                f"did not come to be: {[each.id for each in self.received]}"
            ) from None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # Cancelled it would be told of as an error, by Python 3.11.
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        received = Received(first.split()[1], headers, body)
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            reply = self.answer(received)
            async with self._news:
                self.received.append(received)
                self._news.notify_all()
            return await self._reply(reply, writer)
        finally:
            self.at_once -= 1

    async def _reply(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(reply.delay_s)
        if reply.silent:
            return False
        length = len(reply.body) if reply.length is None else reply.length
        lines = [f"HTTP/1.1 {reply.status} X", f"content-length: {length}", *reply.headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + reply.body)
        await writer.drain()
        if reply.hangs:
            await asyncio.Event().wait()
        return reply.length is None
