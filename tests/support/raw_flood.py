"""The same flood with HTTP/2 by hand: a call costs it a tenth of what it costs a gRPC client.

On a machine that caller and ledger share, that is the only way to send several times too much.
"""

import asyncio
import random
import struct
import time
from collections.abc import Iterator

from support.flood import CONNECTIONS, Flood, Phase, Tally
from support.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW,
    WINDOW_UPDATE,
    call_headers,
    frame,
    header_block,
    message,
    settings,
)
from yupana.methods import EXECUTE
from yupana_server.bench.clients import Line
from yupana_server.bench.requests import Requests

ROOM = 1 << 30
STREAMS_MAX = 1 << 31
"""What a connection takes that says nothing of it."""

TICK_S = 0.005
LAST_ANSWERS_S = 3.0
"""How long answers are waited for when all was sent."""

NO_MESSAGE_BYTES = 5
"""With an error of a unary call grpc.aio sends an empty message."""


class Connection(asyncio.Protocol):
    """Sends calls, and takes note of how each of them ends."""

    def __init__(self, timeout_s: float):
        timeout = ("grpc-timeout", f"{round(timeout_s * 1000)}m")
        self._headers = header_block(call_headers(EXECUTE.path, timeout))
        self._calls: dict[int, tuple[float, Tally]] = {}
        self._messages: set[int] = set()
        self._stream = 1
        self._room = WINDOW
        self._streams_max = STREAMS_MAX
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        room = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", ROOM))
        transport.write(PREFACE + settings((INITIAL_WINDOW_SIZE, ROOM)) + room)

    def send(self, request: bytes, due: float, tally: Tally) -> bool:
        """Send a call, unless the other side takes no more at the moment, or never again."""
        payload = message(request)
        if self._room < len(payload) or len(self._calls) >= self._streams_max:
            return False
        self._room -= len(payload)
        stream, self._stream = self._stream, self._stream + 2
        self._calls[stream] = (due, tally)
        head = frame(HEADERS, END_HEADERS, stream, self._headers)
        self._transport.write(head + frame(DATA, END_STREAM, stream, payload))
        return True

    def connection_lost(self, _: Exception | None) -> None:
        self._streams_max = 0
        for stream in list(self._calls):
            self._end(stream, "LOST")

    def data_received(self, data: bytes) -> None:
        came, at = self._came + data, 0
        while len(came) - at >= 9:
            end = at + 9 + int.from_bytes(came[at : at + 3])
            if end > len(came):
                break
            kind, flags, stream = struct.unpack(">BBI", came[at + 3 : at + 9])
            self._take(kind, flags, stream, came[at + 9 : end])
            at = end
        self._came = came[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            pairs = dict(struct.iter_unpack(">HI", payload))
            self._streams_max = pairs.get(MAX_CONCURRENT_STREAMS, self._streams_max)
        if kind in (SETTINGS, PING) and not flags & ACK:
            answer = payload if kind == PING else b""
            self._transport.write(frame(kind, ACK, 0, answer))
        elif kind == WINDOW_UPDATE and stream == 0:
            self._room += int.from_bytes(payload)
        elif kind == DATA and len(payload) > NO_MESSAGE_BYTES:
            self._messages.add(stream)
        elif kind == RST_STREAM:
            self._end(stream, "CANCELLED")
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self._end(stream, "OK" if stream in self._messages else "REFUSED")

    def _end(self, stream: int, code: str) -> None:
        call = self._calls.pop(stream, None)
        self._messages.discard(stream)
        if call is None:
            return
        due, tally = call
        now = time.monotonic()
        tally.codes[code] += 1
        if code == "OK":
            tally.answered += now < tally.ends_at
            tally.answered_s.append(now - due)
        else:
            tally.refused_s.append(now - due)


def raw_flood(spec: Flood, line: Line) -> list[Tally]:
    """Send it all. A job for `bench.clients`; of each phase the first time-out counts."""
    return asyncio.run(_flood(spec, line))


async def _flood(spec: Flood, line: Line) -> list[Tally]:
    requests = Requests(
        spec.load, spec.place, spec.place.books[0], random.Random(spec.seed)
    ).of_one_caller()
    host, _, port = spec.place.address.rpartition(":")
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: Connection(_timeout_s(spec)), host, int(port)))[1]
        for _ in range(CONNECTIONS)
    ]
    window = await asyncio.to_thread(line.window)
    tallies = [Tally(each.duration_s, spec.load.size) for each in spec.phases]
    ends_at = window.starts_at
    for phase, tally in zip(spec.phases, tallies, strict=True):
        began, ends_at = ends_at, ends_at + phase.duration_s
        tally.ends_at = ends_at
        for number, due in enumerate(_due(phase, began)):
            if (wait_s := due - time.monotonic()) > 0:
                await asyncio.sleep(max(wait_s, TICK_S))
            elif number % 50 == 0:
                await asyncio.sleep(0)
            now = time.monotonic()
            sent = connections[number % CONNECTIONS].send(next(requests), due, tally)
            tally.codes["HELD BACK"] += not sent
            tally.sent += sent and now < ends_at
            tally.late_s.append(now - due)
    await asyncio.sleep(LAST_ANSWERS_S)
    return tallies


def _due(phase: Phase, began: float) -> Iterator[float]:
    count = round(phase.calls_per_s * phase.duration_s)
    return (began + number / phase.calls_per_s for number in range(count))


def _timeout_s(spec: Flood) -> float:
    return spec.phases[0].timeouts_s[0]
