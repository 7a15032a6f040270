"""Prints what the edge costs: batches of 100 and single transfers, directly and through Envoy.

    python tests/load/edge.py [--seconds 8]

Client, edge, ledger and Postgres share the machine, so what the edge takes of the processor is
missing elsewhere. Each round measures all ways, one after the other; medians of the rounds.
"""

import argparse
import asyncio
import http.client
import itertools
import json
import statistics
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console

from yupana import CreateTransfer, Yupana
from yupana_server.dev.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 100
CALLERS = 4
ROUNDS = 5
console = Console(highlight=False, soft_wrap=True)
_ids = itertools.count()


def transfers(count: int) -> list[CreateTransfer]:
    """Return transfers with ids of their own."""
    return [CreateTransfer("a", "b", 1, id=f"t-{next(_ids)}") for _ in range(count)]


async def grpc_rate(address: str, seconds: float) -> float:
    """Return transfers a second in batches, several callers at a time."""
    done, until = 0, time.perf_counter() + seconds
    async with Yupana(address) as client:
        book = client.book("edge")

        async def call() -> None:
            nonlocal done
            while time.perf_counter() < until:
                outcomes = await book.execute(transfers(BATCH))
                done += len(outcomes)

        await asyncio.gather(*(call() for _ in range(CALLERS)))
    return done / seconds


async def grpc_latency(address: str, seconds: float) -> float:
    """Return the median of single transfers, one after the other, in ms."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    async with Yupana(address) as client:
        book = client.book("edge")
        while time.perf_counter() < until:
            began = time.perf_counter()
            await book.execute(transfers(1))
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def rest_calls(address: str, seconds: float, count: int) -> list[float]:
    """Send batches by REST over one connection for a time; return how long each took."""
    connection = http.client.HTTPConnection(address, timeout=30)
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        commands = [
            {
                "id": each.id,
                "createTransfer": {"debitAccount": "a", "creditAccount": "b", "amount": "1"},
            }
            for each in transfers(count)
        ]
        body = json.dumps({"commands": commands})
        began = time.perf_counter()
        connection.request(
            "POST", "/v1/books/edge/commands", body, {"content-type": "application/json"}
        )
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - began)
        assert answer.status == 200
    connection.close()
    return took


def rest_rate(address: str, seconds: float) -> float:
    """Return transfers a second in batches, several callers at a time."""
    done: list[int] = []
    callers = [
        threading.Thread(target=lambda: done.append(len(rest_calls(address, seconds, BATCH))))
        for _ in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return sum(done) * BATCH / seconds


def main(seconds: float) -> None:
    """Run everything."""
    with Stack(None, None, audited=False) as stack:
        asyncio.run(open_book(stack.address))
        direct, edge = stack.address, stack.edge.address
        ways: dict[str, Callable[[], float]] = {
            "batches, direct gRPC": lambda: asyncio.run(grpc_rate(direct, seconds)),
            "batches, gRPC through the edge": lambda: asyncio.run(grpc_rate(edge, seconds)),
            "batches, REST": lambda: rest_rate(edge, seconds),
            "single p50 ms, direct gRPC": lambda: asyncio.run(grpc_latency(direct, seconds)),
            "single p50 ms, gRPC through the edge": lambda: asyncio.run(
                grpc_latency(edge, seconds)
            ),
            "single p50 ms, REST": lambda: statistics.median(rest_calls(edge, seconds, 1)) * 1000,
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, measure in ways.items():
                found[name].append(measure())
    for name, values in found.items():
        shown = " ".join(f"{value:,.2f}" for value in values)
        console.print(f"{name:40}{statistics.median(values):12,.2f}   ({shown})")


async def open_book(address: str) -> None:
    """Make a book with two accounts."""
    async with Yupana(address) as client:
        await client.create_book("edge")
        book = client.book("edge")
        await book.open_asset("USD", scale=2, id="asset")
        for account in ("a", "b"):
            await book.open_account(account, asset="USD", id=f"open-{account}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    main(parser.parse_args().seconds)
