"""The usual way: balances in rows that are locked and updated, by stored procedures."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from itertools import islice
from typing import LiteralString

import psycopg

from yupana import uuid7
from yupana_server.bench.accounts import account, pairs
from yupana_server.bench.clients import Line
from yupana_server.bench.commands import AMOUNT
from yupana_server.bench.driving import Tally, closed_loop
from yupana_server.bench.loads import Spread
from yupana_server.bench.results import LoadRun
from yupana_server.bench.senders import Send
from yupana_server.bench.summing import summed_up

POSTED = "transfer_posted"

Connection = psycopg.AsyncConnection[tuple[object, ...]]


class Way(StrEnum):
    """How transfers are handed to the database; the value is the procedure's name."""

    ONE = "transfer"
    EACH = "transfer_each"
    SUMS = "transfer_sums"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualLoad:
    """Transfers by one of the procedures."""

    way: Way
    size: int
    """Transfers in a call."""
    connections: int
    accounts: int
    spread: Spread


def prepare_usual(url: str, accounts: int) -> None:
    """Make the tables and procedures, and the accounts."""
    script = files("yupana_server.bench.baselines").joinpath("usual.sql").read_text("utf-8")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script.encode())
        with connection.cursor().copy("COPY usual.accounts (id) FROM STDIN") as copy:
            for number in range(accounts):
                copy.write_row((account(number),))
        connection.execute("VACUUM (ANALYZE) usual.accounts")


def run_usual(load: UsualLoad, url: str, seed: int, line: Line) -> LoadRun:
    """Run the load in a closed loop."""
    return asyncio.run(_run(load, url, seed, line))


async def _run(load: UsualLoad, url: str, seed: int, line: Line) -> LoadRun:
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    chosen = pairs(load.spread, load.accounts, chance)
    async with _connections(url, load.connections) as connections:
        make = _one_sender if load.way is Way.ONE else _many_sender
        senders = [make(connection, load, chosen) for connection in connections]
        tally = Tally(await asyncio.to_thread(line.window))
        await closed_loop(senders, tally)
    return summed_up(tally)


@asynccontextmanager
async def _connections(url: str, count: int) -> AsyncIterator[Sequence[Connection]]:
    async with AsyncExitStack() as stack:
        yield [
            # Prepared at the first use, as every application would have it.
            await stack.enter_async_context(
                await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0)
            )
            for _ in range(count)
        ]


def _one_sender(
    connection: Connection, _load: UsualLoad, chosen: Iterator[tuple[str, str]]
) -> Send:
    async def send() -> Counter[str]:
        answer = await connection.execute(
            "SELECT usual.transfer(%s, %s, %s, %s::numeric)", [uuid7(), *next(chosen), AMOUNT]
        )
        row = await answer.fetchone()
        return Counter({str(row[0]) if row else "none": 1})

    return send


def _many_sender(
    connection: Connection, load: UsualLoad, chosen: Iterator[tuple[str, str]]
) -> Send:
    statement = _EACH if load.way is Way.EACH else _SUMS

    async def send() -> Counter[str]:
        debits, credits_ = zip(*islice(chosen, load.size), strict=True)
        ids = [uuid7() for _ in range(load.size)]
        amounts = [AMOUNT] * load.size
        answer = await connection.execute(statement, [ids, list(debits), list(credits_), amounts])
        row = await answer.fetchone()
        return Counter({POSTED: int(str(row[0])) if row else 0})

    return send


_EACH: LiteralString = "SELECT usual.transfer_each(%s, %s, %s, %s::numeric[])"
_SUMS: LiteralString = "SELECT usual.transfer_sums(%s, %s, %s, %s::numeric[])"
