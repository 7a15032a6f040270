"""Bytes on the ledger's port that are no gRPC, or not quite."""

import asyncio
import random
import ssl
import struct
from contextlib import suppress
from functools import cache

from faults.fuzz.mutations import Mutations

from support import http2

ANSWER_WAIT_S = 0.05

GET = b"GET / HTTP/1.1\r\nHost: ledger\r\n\r\n"


class Garbage:
    """Makes what is sent on a connection of its own."""

    def __init__(self, chance: random.Random, mutations: Mutations):
        self._chance = chance
        self._mutations = mutations

    def make(self, path: str, payload: bytes) -> bytes:
        """Return bytes to begin a connection with, around a call that would be good."""
        good = self._call(path, payload)
        way = self._chance.randrange(6)
        if way == 0:
            return self._chance.choice([GET, _client_hello(), b"\x00" * 5_000, b"\r\n" * 100])
        if way == 1:
            return self._chance.randbytes(self._chance.choice([1, 24, 500, 10_000]))
        if way == 2:
            return http2.PREFACE[: self._chance.randint(1, 24)]
        if way == 3:
            return http2.PREFACE + http2.settings() + self._mutations.damage(good)[:20_000]
        if way == 4:
            return http2.PREFACE + http2.settings() + self._frames(good)
        return http2.PREFACE + http2.settings() + self._flood()

    def _call(self, path: str, payload: bytes) -> bytes:
        more = self._chance.choice(
            [
                (),
                (("grpc-timeout", self._chance.choice(["1S", "x", "99999999999H", "-1S", ""])),),
                (("grpc-encoding", self._chance.choice(["gzip", "nothing", ""])),),
                (("content-type", "text/html"),),
                (("x-bin", "%%%"), ("traceparent", "00-zz")),
            ]
        )
        length = self._chance.choice([None, None, 0, 3, 2**24, 2**31, 2**32 - 1])
        body = http2.message(payload, compressed=self._chance.random() < 0.3, length=length)
        headers = http2.begin_call(1, http2.call_headers(path, *more))
        return headers + http2.data(1, body, end=self._chance.random() < 0.8)

    def _frames(self, good: bytes) -> bytes:
        """Frames of any kind, length and stream, around a good call."""
        frames = [
            http2.frame(
                self._chance.randrange(12),
                self._chance.choice([0, 1, 4, 5, 0x2D, 0xFF]),
                self._chance.choice([0, 1, 2, 3, 2**31 - 1]),
                self._chance.randbytes(self._chance.choice([0, 1, 4, 5, 6, 8, 100])),
            )
            for _ in range(self._chance.randint(1, 20))
        ]
        frames.insert(self._chance.randint(0, len(frames)), good)
        return b"".join(frames)

    def _flood(self) -> bytes:
        """Very many small frames that make work."""
        count = self._chance.choice([100, 1_000])
        begin = http2.header_block(http2.call_headers("/x"))
        if self._chance.random() < 0.3:
            return b"".join(
                http2.frame(http2.HEADERS, http2.END_HEADERS, 2 * place + 1, begin)
                + http2.frame(http2.RST_STREAM, 0, 2 * place + 1, struct.pack(">I", 8))
                for place in range(count)
            )
        one = self._chance.choice(
            [
                http2.frame(http2.PING, 0, 0, b"8" * 8),
                http2.settings((3, 1), (4, 0)),
                http2.frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1)),
                http2.frame(http2.CONTINUATION, 0, 1, b"\x00\x01a\x01b"),
                http2.frame(http2.DATA, 0, 1, b"\x00"),
            ]
        )
        return one * count


async def throw(address: str, data: bytes) -> None:
    """Send, take what comes for a moment, and go away."""
    host, _, port = address.rpartition(":")
    with suppress(ConnectionError):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_WAIT_S):
                    await writer.drain()
                    while await reader.read(65_536):
                        pass
        finally:
            writer.transport.abort()


@cache
def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = ssl.create_default_context().wrap_bio(
        incoming, outgoing, server_hostname="ledger.test"
    )
    with suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()
