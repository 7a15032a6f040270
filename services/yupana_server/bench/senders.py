"""How the requests of a load are sent, and what came back."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import TypeAlias

import grpc.aio

from yupana import CreateTransfer, Yupana
from yupana.ledger.v1 import ledger_service_pb2 as ledger
from yupana.methods import BATCH_GET_ACCOUNTS, EXECUTE
from yupana.servers import CHANNEL_OPTIONS
from yupana_server.bench.accounts import pairs
from yupana_server.bench.commands import AMOUNT
from yupana_server.bench.loads import Load, Place, Through
from yupana_server.bench.requests import Requests

TIMEOUT_S = 15.0
READ = "read"
"""What a read is counted as."""

Send: TypeAlias = Callable[[], Awaitable[Counter[str]]]
"""Sends one request; returns how many outcomes of each kind came back."""


async def make_senders(
    load: Load, place: Place, stack: AsyncExitStack, chance: random.Random
) -> list[Send]:
    """Return a sender for each caller; callers take the books by turns.

    Everything that can be made before the clock starts is made here.
    """
    if load.through is Through.STUBS:
        return await _by_stubs(load, place, stack, chance)
    yupana = await stack.enter_async_context(Yupana(place.address, write_timeout_s=TIMEOUT_S))
    books = [yupana.book(place.books[each % len(place.books)]) for each in range(load.callers)]
    chosen = pairs(load.spread, place.accounts, chance)

    def by_client(caller: int) -> Send:
        async def send() -> Counter[str]:
            transfers = [CreateTransfer(*next(chosen), AMOUNT) for _ in range(load.size)]
            outcomes = await books[caller].execute(transfers)
            return Counter(str(outcome.kind) for outcome in outcomes)

        return send

    def gathered(caller: int) -> Send:
        async def send() -> Counter[str]:
            return Counter((str((await books[caller].transfer(*next(chosen), AMOUNT)).kind),))

        return send

    make = gathered if load.through is Through.GATHERED else by_client
    return [make(caller) for caller in range(load.callers)]


async def _by_stubs(
    load: Load, place: Place, stack: AsyncExitStack, chance: random.Random
) -> list[Send]:
    channel = await stack.enter_async_context(
        grpc.aio.insecure_channel(place.address, options=CHANNEL_OPTIONS)
    )
    async with asyncio.timeout(TIMEOUT_S):
        await channel.channel_ready()
    requests = [Requests(load, place, book, chance) for book in place.books]
    streams = [requests[caller % len(requests)].of_one_caller() for caller in range(load.callers)]
    make = _read_sender if load.what.reads else _write_sender
    return [make(channel, stream) for stream in streams]


def _write_sender(channel: grpc.aio.Channel, stream: Iterator[bytes]) -> Send:
    execute: grpc.aio.UnaryUnaryMultiCallable[bytes, ledger.ExecuteResponse] = channel.unary_unary(
        EXECUTE.path, response_deserializer=ledger.ExecuteResponse.FromString
    )

    async def send() -> Counter[str]:
        answer = await execute(next(stream), timeout=TIMEOUT_S)
        return Counter(
            "replayed" if outcome.replayed else outcome.WhichOneof("result") or "none"
            for outcome in answer.outcomes
        )

    return send


def _read_sender(channel: grpc.aio.Channel, stream: Iterator[bytes]) -> Send:
    read: grpc.aio.UnaryUnaryMultiCallable[bytes, ledger.BatchGetAccountsResponse] = (
        channel.unary_unary(
            BATCH_GET_ACCOUNTS.path,
            response_deserializer=ledger.BatchGetAccountsResponse.FromString,
        )
    )

    async def send() -> Counter[str]:
        answer = await read(next(stream), timeout=TIMEOUT_S)
        if answer.missing:
            raise RuntimeError(f"accounts are missing: {answer.missing[0]}")
        return Counter({READ: len(answer.accounts)})

    return send
