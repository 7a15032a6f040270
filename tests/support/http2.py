"""HTTP/2 by hand, for what a gRPC client would never send; no more of it than the tests need."""

import asyncio
import re
import struct
from collections.abc import Iterable, Sequence

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0,
    1,
    3,
    4,
    6,
    7,
    8,
    9,
)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
FRAME_BYTES_MAX = 16_384
WINDOW = 65_535
"""So much may be sent before the other side has said how much it takes."""

_STATUS = re.compile(rb"grpc-status[\x01-\x02]([0-9]{1,2})")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Make a frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    """Make a frame that says what we take."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def header_block(headers: Iterable[tuple[str, str]]) -> bytes:
    """Write headers without compression."""
    return b"".join(
        b"\x00" + _text(name.encode()) + _text(value.encode()) for name, value in headers
    )


def call_headers(path: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the headers of a gRPC call."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "ledger"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        *more,
    ]


def begin_call(stream: int, headers: Sequence[tuple[str, str]]) -> bytes:
    """Make the frames that begin a call, as many as its headers need."""
    block = header_block(headers)
    pieces = [block[at : at + FRAME_BYTES_MAX] for at in range(0, len(block), FRAME_BYTES_MAX)]
    frames = [
        frame(CONTINUATION if place else HEADERS, 0, stream, piece)
        for place, piece in enumerate(pieces)
    ]
    kind = CONTINUATION if len(pieces) > 1 else HEADERS
    frames[-1] = frame(kind, END_HEADERS, stream, pieces[-1])
    return b"".join(frames)


def message(payload: bytes, *, compressed: bool = False, length: int | None = None) -> bytes:
    """Write a gRPC message; `length` is what it says it is."""
    return struct.pack(">BI", compressed, len(payload) if length is None else length) + payload


def data(stream: int, payload: bytes, *, end: bool = False) -> bytes:
    """Make the frames that carry a part of a body."""
    pieces = [payload[at : at + FRAME_BYTES_MAX] for at in range(0, len(payload), FRAME_BYTES_MAX)]
    frames = [frame(DATA, 0, stream, piece) for piece in pieces]
    if end:
        frames.append(frame(DATA, END_STREAM, stream))
    return b"".join(frames)


def _text(text: bytes) -> bytes:
    return _integer(len(text)) + text


def _integer(value: int) -> bytes:
    """HPACK's integer with a prefix of seven bits."""
    if value < 127:
        return bytes([value])
    value -= 127
    out = bytearray([127])
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


class Connection:
    """A connection that takes what comes and answers nothing but SETTINGS and PING."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer
        self._window = WINDOW
        self._initial = WINDOW
        self._windows: dict[int, int] = {}
        self.seen = b""
        """The payloads of all frames of headers that came."""
        self.sent_bytes = 0
        """Of bodies."""
        self.closed = False

    @classmethod
    async def open(cls, address: str, *pairs: tuple[int, int]) -> "Connection":
        """Connect and say what we take."""
        host, _, port = address.rpartition(":")
        connection = cls(*await asyncio.open_connection(host, int(port)))
        await connection.send(PREFACE + settings(*pairs))
        return connection

    async def send(self, frames: bytes) -> None:
        """Send, as fast as the other side takes it."""
        self._writer.write(frames)
        await self._writer.drain()

    async def send_body(self, stream: int, payload: bytes, *, end: bool = False) -> int:
        """Send a part of a body as the other side takes it; returns how much that was.

        It takes no more once the call or the connection is over.
        """
        at = 0
        while at < len(payload) and self.status_seen is None:
            window = self._windows.setdefault(stream, self._initial)
            room = min(self._window, window, FRAME_BYTES_MAX, len(payload) - at)
            if room > 0:
                await self.send(frame(DATA, 0, stream, payload[at : at + room]))
                at += room
                self.sent_bytes += room
                self._window -= room
                self._windows[stream] = window - room
            elif await self._read_of(stream) is None:
                return at
        if end and self.status_seen is None:
            await self.send(frame(DATA, END_STREAM, stream))
        return at

    async def _read_of(self, stream: int) -> bool | None:
        """Read a frame; None when the connection or the call is over."""
        came = await self.read()
        if came is None or came[:2] == (RST_STREAM, stream):
            return None
        return True

    @property
    def status_seen(self) -> int | None:
        """The first call's status, if it came."""
        found = _STATUS.search(self.seen)
        return None if found is None else int(found[1])

    async def read(self) -> tuple[int, int, bytes] | None:
        """Return the next frame's kind, stream and payload; None when the connection is closed."""
        try:
            head = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(head[:3]))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True
            return None
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        if kind in (SETTINGS, PING) and not flags & ACK:
            await self.send(frame(kind, ACK, 0, payload if kind == PING else b""))
            self._resize(payload if kind == SETTINGS else b"")
        if kind == WINDOW_UPDATE:
            self._widen(stream, int.from_bytes(payload))
        if kind in (HEADERS, CONTINUATION):
            self.seen += payload
        return kind, stream, payload

    async def status(self) -> int | None:
        """Read until a call's status comes; None when the stream or connection ends without."""
        if self.status_seen is not None:
            return self.status_seen
        while (came := await self.read()) is not None:
            if self.status_seen is not None:
                return self.status_seen
            if came[0] == RST_STREAM:
                return None
        return None

    def _widen(self, stream: int, by: int) -> None:
        if stream:
            self._windows[stream] = self._windows.get(stream, self._initial) + by
        else:
            self._window += by

    def _resize(self, pairs: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", pairs):
            if name == INITIAL_WINDOW_SIZE:
                for stream in self._windows:
                    self._windows[stream] += value - self._initial
                self._initial = value

    async def close(self) -> None:
        """Go away without a word."""
        self._writer.transport.abort()
