"""Prints how fast and how soon a subscriber is told; for people, not for CI.

    python tests/load/feed.py [--entries 300000] [--rate 5000] [--seconds 20] [--subscribers 1]

First a subscriber replays a book's whole past, as bytes alone and read by the Python client. Then
transfers come at a rate. Each event's lag is taken from the entry's time, when it was decided, to
its arrival; and of each call's first transfer also from when the caller had its answer, after the
commit. Callers, ledger, feed, Postgres and Valkey share the machine.
"""

import argparse
import asyncio
import multiprocessing
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import grpc.aio
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from yupana import CreateTransfer, OpenAccount, Yupana
from yupana.feed.v1.feed_service_pb2 import SubscribeRequest, SubscribeResponse
from yupana_server.bench.filling import fill_book
from yupana_server.bench.percentiles import percentile
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.services import EmbeddedFeed, EmbeddedLedger
from yupana_server.dev.stack import DATABASE
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.journal.migrate import FEED_ROLE, LEDGER_ROLE, migrate

PATH = "/yupana.feed.v1.FeedService/Subscribe"
ACCOUNTS = 1_000
PER_CALL = 25
OPTIONS = [("grpc.max_receive_message_length", -1)]
console = Console(highlight=False, width=160)


class Place(NamedTuple):
    ledger: str
    feed: str
    database_url: str


class Quiet:
    def progress(self, _: int) -> None:
        """Say nothing."""


async def replay_bytes(place: Place, entries: int) -> float:
    """Take the whole past without reading it; only the last response's position is looked for."""
    async with grpc.aio.insecure_channel(place.feed, options=OPTIONS) as channel:
        call = channel.unary_stream(PATH, SubscribeRequest.SerializeToString, None)
        began, size, stream = time.perf_counter(), 0, call(request_of("past"))
        end = await end_of(place, "past")
        async for response in stream:
            size += len(response)
            if end in response[-64:]:
                break
        took = time.perf_counter() - began
    console.print(f"{size / entries:,.0f} bytes an event")
    return entries / took


async def end_of(place: Place, book: str) -> bytes:
    async with Yupana(place.ledger) as client:
        return (await client.get_book(book)).position.encode()


def request_of(book: str) -> SubscribeRequest:
    return SubscribeRequest(book=book, from_beginning=True)


async def replay_read(place: Place, entries: int) -> float:
    """Read the whole past by the client, each event's seq looked at."""
    async with Yupana(place.ledger, feed=[place.feed]) as client:
        began, following = time.perf_counter(), 1
        async for events in client.book("past").subscribe(from_beginning=True).batches():
            for event in events:
                assert event.seq == following
                following += 1
            if following > entries:
                break
        return entries / (time.perf_counter() - began)


def post(place: Place, rate: float, seconds: float, answered: Any) -> None:
    """Post transfers at a rate, in a process of its own; tells when calls were answered."""
    answered.send(asyncio.run(_post(place, rate, seconds)))


async def _post(place: Place, rate: float, seconds: float) -> dict[str, float]:
    answered: dict[str, float] = {}

    async def call(sales: list[CreateTransfer]) -> None:
        outcomes = await book.execute(sales)
        answered[outcomes[0].id] = time.time()

    async with Yupana(place.ledger) as client:
        book, began, calls = client.book("live"), time.perf_counter(), set[asyncio.Task[Any]]()
        for number in range(int(rate * seconds / PER_CALL)):
            due = began + number * PER_CALL / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sales = [
                CreateTransfer(f"a{(number + each) % ACCOUNTS}", f"a{(number + 7) % ACCOUNTS}", 1)
                for each in range(100, 100 + PER_CALL)
            ]
            calls.add(asyncio.create_task(call(sales)))
        await asyncio.gather(*calls)
        took = time.perf_counter() - began
        console.print(f"posted {rate * seconds:,.0f} transfers at {rate * seconds / took:,.0f}/s")
        return answered


class Arrival(NamedTuple):
    recorded_at: float
    arrived_at: float


async def lags(
    place: Place, rate: float, seconds: float, subscribers: int
) -> tuple[list[float], list[float]]:
    """Return the lags in ms at the first subscriber: since the entries' times, and the answers."""
    async with Yupana(place.ledger) as client:
        await client.create_book("live")
        book = client.book("live")
        await book.open_asset("USD", scale=2)
        await book.execute([OpenAccount(f"a{each}", "USD") for each in range(ACCOUNTS)])
    found: dict[str, Arrival] = {}
    async with grpc.aio.insecure_channel(place.feed, options=OPTIONS) as channel:
        call = channel.unary_stream(PATH, SubscribeRequest.SerializeToString, None)
        listening = [
            asyncio.create_task(listen(call(SubscribeRequest(book="live")), found if first else {}))
            for first in [True, *[False] * (subscribers - 1)]
        ]
        await asyncio.sleep(0.5)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=post, args=(place, rate, seconds, theirs)
        )
        process.start()
        answered: dict[str, float] = await asyncio.to_thread(ours.recv)
        async with asyncio.timeout(30):
            while not found.keys() >= answered.keys():
                await asyncio.sleep(0.1)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    decided = [(each.arrived_at - each.recorded_at) * 1e3 for each in found.values()]
    told = [(found[id_].arrived_at - at) * 1e3 for id_, at in answered.items()]
    return decided, told


async def listen(stream: Any, found: dict[str, Arrival]) -> None:
    async for response in stream:
        now = time.time()
        for event in SubscribeResponse.FromString(response).events:
            recorded_at = event.time.seconds + event.time.nanos / 1e9
            found[event.subject] = Arrival(recorded_at, now)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=300_000)
    parser.add_argument("--rate", type=float, default=5_000.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--subscribers", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        place = started(stack, Path(stack.enter_context(TemporaryDirectory())))
        asyncio.run(create(place))
        if options.entries:
            fill_book(place.database_url, "past", ACCOUNTS, options.entries, Quiet())  # type: ignore[arg-type]
            for replay in (replay_bytes, replay_read, replay_bytes, replay_read):
                rate = asyncio.run(replay(place, options.entries))
                console.print(f"{replay.__name__}: {rate:,.0f} entries/s")
        if options.rate:
            found = asyncio.run(lags(place, options.rate, options.seconds, options.subscribers))
            for since, values in zip(("deciding", "the answer"), found, strict=True):
                ordered = sorted(values)
                shown = ", ".join(f"p{p} {percentile(ordered, p):.1f} ms" for p in (50, 90, 99))
                console.print(f"{len(ordered):,} lags since {since}: {shown}")


async def create(place: Place) -> None:
    async with Yupana(place.ledger) as client:
        await client.create_book("past")


def started(stack: ExitStack, folder: Path) -> Place:
    postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
    stack.callback(postgres.stop, "immediate")
    valkey = stack.enter_context(EmbeddedValkey(folder / "valkey"))
    postgres.create_database(DATABASE)
    migrate(postgres.url(DATABASE))
    servers = [
        stack.enter_context(
            kind(folder / role, database_url=postgres.url(DATABASE, role), redis_url=valkey.url())
        )
        for kind, role in ((EmbeddedLedger, LEDGER_ROLE), (EmbeddedFeed, FEED_ROLE))
    ]
    return Place(servers[0].address, servers[1].address, postgres.url(DATABASE))


if __name__ == "__main__":
    main()
