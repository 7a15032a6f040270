"""Sends very many requests of all sorts to a ledger, many at a time."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
from faults.fuzz.calls import Judge, Sent, methods, path_of
from faults.fuzz.garbage import Garbage, throw
from faults.fuzz.messages import Messages
from faults.fuzz.mutations import Mutations
from faults.fuzz.values import BOOKS, Values
from google.protobuf.descriptor import MethodDescriptor
from grpc._cython import cygrpc

CALLERS = 24
PATIENT_S = 60.0
HURRIED_S = [0.0, 0.001, 0.02, 0.03, 0.05]

ABSURDITIES = {"valid": 0.0, "nearly valid": 0.03, "absurd": 0.3, "bytes": 0.0}
KINDS = ["valid"] * 3 + ["nearly valid"] * 2 + ["absurd"] * 2 + ["bytes"] * 3
NO_BOOK = b"none-1"
"""As long as the names of the books that there are."""

STREAM_LENGTH_MAX = 8


class Fuzz:
    """Sends requests to one ledger; everything but time comes from the seed."""

    def __init__(self, address: str, seed: int, judge: Judge):
        self._address = address
        self._seed = seed
        self._judge = judge
        self._left = 0
        self.harmless = False

    async def run(self, inputs: int, *, harmless: bool = False) -> None:
        """Send that many requests and pieces of garbage; `harmless` ones that record nothing."""
        self._left = inputs
        self.harmless = harmless
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        async with (
            grpc.aio.insecure_channel(self._address, options=options) as channel,
            asyncio.TaskGroup() as group,
        ):
            for number in range(CALLERS):
                group.create_task(self._call_on(Caller(self, channel, number)))

    async def _call_on(self, caller: "Caller") -> None:
        while self._left > 0:
            dealt_with = await caller.step()
            self._left -= dealt_with


class Caller:
    """Sends one request after the other."""

    def __init__(self, fuzz: Fuzz, channel: grpc.aio.Channel, number: int):
        self._address, self._judge = fuzz._address, fuzz._judge
        self._harmless = fuzz.harmless
        self._channel = channel
        self._chance = random.Random(f"{fuzz._seed}/{number}")
        self._values = Values(self._chance, f"f{fuzz._seed}.{number}")
        self._messages = Messages(self._values)
        self._mutations = Mutations(self._chance)
        self._garbage = Garbage(self._chance, self._mutations)
        unary = [method for method in methods() if not method.client_streaming]
        self._methods = [*unary, *(m for m in unary for _ in range(8) if m.name == "Execute")]
        self._stream = next(method for method in methods() if method.client_streaming)

    async def step(self) -> int:
        """Send something; returns how many inputs that was."""
        way = self._chance.random()
        if way < 0.03:
            sent = self._make(self._chance.choice(self._methods))
            await throw(self._address, self._garbage.make(path_of(sent.method), sent.data))
            self._judge.kinds["garbage"] += 1
            return 1
        if way < 0.1:
            return await self._send_stream()
        await self._send_unary(self._make(self._chance.choice(self._methods)))
        return 1

    def _make(self, method: MethodDescriptor) -> Sent:
        what = self._chance.choice(KINDS)
        data = self._messages.build(method.input_type, ABSURDITIES[what]).SerializeToString()
        if self._harmless and not method.name.startswith(("Get", "List", "Sum", "Batch")):
            data = data.replace(BOOKS[0].encode(), NO_BOOK).replace(BOOKS[1].encode(), NO_BOOK)
        return Sent(method, self._mutations.damage(data) if what == "bytes" else data, what)

    def _options(self, sent: Sent) -> dict[str, Any]:
        """Some callers have little time, some compress, some send strange metadata."""
        options: dict[str, Any] = {"timeout": PATIENT_S}
        if self._values.maybe(0.03):
            sent.hurried = True
            options["timeout"] = self._chance.choice(HURRIED_S)
        if self._values.maybe(0.03):
            options["compression"] = self._chance.choice(list(grpc.Compression))
        if self._values.maybe(0.03):
            noise = self._chance.randbytes(self._chance.choice([0, 10, 900]))
            text = noise.hex()
            options["metadata"] = (("noise-bin", noise), ("traceparent", text), ("baggage", text))
        return options

    async def _send_unary(self, sent: Sent) -> None:
        call = self._channel.unary_unary(path_of(sent.method))(sent.data, **self._options(sent))
        if self._values.maybe(0.02):
            sent.hurried = True
            asyncio.get_running_loop().call_later(self._chance.choice(HURRIED_S), call.cancel)
        try:
            self._judge.answered(sent, await call, self._values)
        except grpc.aio.AioRpcError as error:
            self._judge.failed(sent, error)
        except asyncio.CancelledError:
            if not sent.hurried:
                raise
            self._judge.codes["gone away"] += 1
            self._judge.kinds[sent.what] += 1

    async def _send_stream(self) -> int:
        """Send a stream; returns how many of its messages the ledger has dealt with."""
        length = self._chance.randint(1, STREAM_LENGTH_MAX)
        sent = [self._make(self._stream) for _ in range(length)]
        options = self._options(sent[0])

        call = self._channel.stream_stream(path_of(self._stream))(**options)
        answered = 0
        try:
            async for answer in self._talk(call, sent):
                self._judge.answered(sent[answered], answer, self._values)
                answered += 1
        except grpc.aio.AioRpcError as error:
            sent[answered].hurried = sent[0].hurried
            self._judge.failed(sent[answered], error)
            return answered + 1
        return answered

    async def _talk(self, call: Any, sent: list[Sent]) -> AsyncIterator[bytes]:
        """Send one by one, or all at once, which may not tell why the stream ended."""
        careful = self._values.maybe(0.5)
        for each in sent:
            with suppress(asyncio.InvalidStateError):  # It has ended: then the reading tells.
                await call.write(each.data)
            if careful:
                yield await _answer(call)
        with suppress(cygrpc.InternalError):
            await call.done_writing()
        for _ in sent if not careful else ():
            yield await _answer(call)
        if await call.read() is not grpc.aio.EOF:
            self._judge.findings.append("a stream has more answers than requests")


async def _answer(call: Any) -> bytes:
    answer = await call.read()
    if answer is grpc.aio.EOF:
        raise AssertionError("a stream ended well before all was answered")
    return answer
