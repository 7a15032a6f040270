"""A load that takes no notice of how the ledger is doing: calls are sent when they are due.

It runs in a process of its own, so that it can send more than the ledger can take.
"""

import asyncio
import random
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import grpc.aio
from google.rpc import error_details_pb2 as rpc
from grpc_status import rpc_status

from yupana.methods import EXECUTE
from yupana.servers import CHANNEL_OPTIONS
from yupana_server.bench.clients import Line
from yupana_server.bench.loads import Load, Place
from yupana_server.bench.percentiles import summary
from yupana_server.bench.requests import Requests

CONNECTIONS = 4
"""As if so many clients sent."""

ID_MARK_BYTES = 13
"""How much of an id tells which call it was of: see `yupana_server.bench.requests`."""


@dataclass(frozen=True)
class Phase:
    """For how long how many calls are due."""

    calls_per_s: float
    duration_s: float
    timeouts_s: Sequence[float]
    """Calls have them by turns."""


@dataclass(frozen=True)
class Flood:
    """What is sent."""

    load: Load
    place: Place
    phases: Sequence[Phase]
    seed: int = 1


@dataclass
class Tally:
    """What became of the calls of one phase. Times count from when a call was due."""

    seconds: float
    commands_each: int
    ends_at: float = 0.0
    sent: int = 0
    """How many calls were sent before the phase ended: fewer than were due when this process is
    overloaded itself."""
    answered: int = 0
    """How many of its calls were answered before it ended."""
    codes: Counter[str] = field(default_factory=Counter)
    without_retry_info: int = 0
    """How many were refused without being told when to try again."""
    answered_s: array = field(default_factory=lambda: array("d"))
    refused_s: array = field(default_factory=lambda: array("d"))
    late_s: array = field(default_factory=lambda: array("d"))
    """How far behind the clock calls were sent: by how much this process is overloaded itself."""
    deadlines: dict[str, float] = field(default_factory=dict)
    """When the time of a call was over, by the wall clock and by what its ids begin with."""

    @property
    def goodput(self) -> float:
        """Commands answered a second, while the phase lasted."""
        return self.answered * self.commands_each / self.seconds

    @property
    def offered(self) -> float:
        """Commands sent a second, while the phase lasted."""
        return self.sent * self.commands_each / self.seconds

    def summary(self) -> str:
        """Say it in a line."""
        rates = f"{self.goodput:8,.0f} of {self.offered:8,.0f} commands/s"
        words = [rates, str(dict(self.codes))]
        for name, values in (
            ("answered", self.answered_s),
            ("refused", self.refused_s),
            ("late", self.late_s),
        ):
            found = summary([1000 * value for value in values])
            if found:
                words.append(f"{name} ms p50 {found['p50']:.0f} p99 {found['p99']:.0f}")
        return "; ".join(words)


def flood(spec: Flood, line: Line) -> list[Tally]:
    """Send it all; returns when every call has ended. A job for `bench.clients`."""
    return asyncio.run(_flood(spec, line))


async def _flood(spec: Flood, line: Line) -> list[Tally]:
    chance = random.Random(spec.seed)
    requests = Requests(spec.load, spec.place, spec.place.books[0], chance).of_one_caller()
    tallies = [Tally(phase.duration_s, spec.load.size) for phase in spec.phases]
    async with AsyncExitStack() as stack:
        stubs = [await _stub(spec.place.address, stack, each) for each in range(CONNECTIONS)]
        window = await asyncio.to_thread(line.window)
        ends_at = window.starts_at
        for tally in tallies:
            ends_at = tally.ends_at = ends_at + tally.seconds
        calls: set[asyncio.Task[None]] = set()
        for number, (due, place) in enumerate(_arrivals(spec.phases, window.starts_at, chance)):
            await asyncio.sleep(due - time.monotonic())
            stub, tally = stubs[number % CONNECTIONS], tallies[place]
            timeouts_s = spec.phases[place].timeouts_s
            task = asyncio.create_task(
                _call(stub, next(requests), due, timeouts_s[number % len(timeouts_s)], tally)
            )
            calls.add(task)
            task.add_done_callback(calls.discard)
        await asyncio.gather(*calls)
    return tallies


async def _stub(
    address: str, stack: AsyncExitStack, number: int
) -> grpc.aio.UnaryUnaryMultiCallable:
    # An option that differs keeps gRPC from sharing one connection.
    options = [*CHANNEL_OPTIONS, ("yupana.connection", number)]
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, options=options))
    await channel.channel_ready()
    return channel.unary_unary(EXECUTE.path)


def _arrivals(
    phases: Sequence[Phase], starts_at: float, chance: random.Random
) -> Iterator[tuple[float, int]]:
    """Yield when calls are due and of which phase they are: a Poisson process."""
    due = starts_at
    for place, phase in enumerate(phases):
        ends_at = due + phase.duration_s
        while (due := due + chance.expovariate(phase.calls_per_s)) < ends_at:
            yield due, place
        due = ends_at


async def _call(
    stub: grpc.aio.UnaryUnaryMultiCallable,
    request: bytes,
    due: float,
    timeout_s: float,
    tally: Tally,
) -> None:
    sent = time.monotonic()
    tally.late_s.append(sent - due)
    tally.sent += sent < tally.ends_at
    tally.deadlines[_id_of(request)] = time.time() + timeout_s
    try:
        await stub(request, timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        _failed(error, due, tally)
    else:
        now = time.monotonic()
        tally.codes["OK"] += 1
        tally.answered += now < tally.ends_at
        tally.answered_s.append(now - due)


def _failed(error: grpc.aio.AioRpcError, due: float, tally: Tally) -> None:
    code = error.code().name
    tally.codes[code] += 1
    if code == "RESOURCE_EXHAUSTED":
        tally.refused_s.append(time.monotonic() - due)
        status = rpc_status.from_call(error)
        told = status is not None and any(d.Is(rpc.RetryInfo.DESCRIPTOR) for d in status.details)
        tally.without_retry_info += not told


def _id_of(request: bytes) -> str:
    """Return what the ids of a request begin with."""
    end = request.index(b"-7000-8000-")
    return request[end - ID_MARK_BYTES : end].decode()
