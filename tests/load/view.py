"""Prints how fast the view is; for people, not for CI.

    python tests/load/view.py [reads] [cold] [lag] [--seconds 5] [--rounds 3]

reads: one account a call from the view, beside an empty handler, each with 64 callers, in turns.
cold:  1,000 callers on two ledgers ask at once for an account that is not in the view.
lag:   5,000 transfers/s; from each entry's time to the moment that Redis has a watermark at it.

Generator, servers, Postgres and Valkey share the machine.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import redis
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.databases import Database, make_database, make_template
from support.flood import Flood, Phase, flood
from support.journals import execute
from support.processes import FeedProcess, LedgerProcess
from yupana import Yupana
from yupana_server.bench.baselines.empty import EmptyServer
from yupana_server.bench.clients import Clients
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Books, Load, Place, What
from yupana_server.bench.opening import book_ids, open_books
from yupana_server.bench.percentiles import summary
from yupana_server.dev.ports import pick_port
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.valkey import EmbeddedValkey

BOOKS = Books("viewed")
BOOK = "v-viewed-0"
CALLERS = 64
RATE = 5_000
SIZE = 100
console = Console(highlight=False, width=200)


@dataclass(frozen=True)
class Setting:
    """What is measured."""

    database: Database
    valkey: EmbeddedValkey
    ledgers: list[LedgerProcess]
    metrics: list[str]
    feed: FeedProcess
    folder: Path

    @property
    def place(self) -> Place:
        return Place(self.ledgers[0].address, book_ids("v", BOOKS), BOOKS.accounts, 0)


@contextmanager
def setting() -> Iterator[Setting]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # Postgres runs as another user.
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        stack.callback(postgres.stop, "immediate")
        make_template(postgres)
        database = make_database(postgres)
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey"))
        shared = {"YUPANA_REDIS_URL": valkey.url(), "YUPANA_LOG_LEVEL": "info"}
        metrics = [f"127.0.0.1:{pick_port()}" for _ in range(2)]
        ledgers = []
        for number, address in enumerate(metrics):
            environment = {**shared, "YUPANA_METRICS_LISTEN": address}
            log_path = folder / f"ledger-{number}.log"
            ledger = LedgerProcess(database.ledger_url, log_path, environment=environment)
            ledgers.append(ledger.start())
            stack.callback(ledger.kill)
        feed = FeedProcess(database.feed_url, folder / "feed.log", environment=shared)
        stack.callback(feed.start().kill)
        yield Setting(database, valkey, ledgers, metrics, feed, folder)


def measure_reads(at: Setting, clients: Clients, *, rounds: int, seconds: float) -> None:
    reads = Load(size=1, callers=CALLERS, what=What.EVENTUAL_READS)
    strong = Load(size=1, callers=CALLERS, what=What.STRONG_READS)
    nothing = Load(size=1, callers=CALLERS)
    server = EmptyServer(at.folder / "empty", pick_port())
    with server:
        empty = Place(server.address, at.place.books, BOOKS.accounts, 0)
        assert server.pid is not None
        cases = {
            "empty": (nothing, empty, psutil.Process(server.pid)),
            "view": (reads, at.place, psutil.Process(at.ledgers[0].pid)),
            "strong": (strong, at.place, psutil.Process(at.ledgers[0].pid)),
        }
        rates: dict[str, list[float]] = {name: [] for name in cases}
        costs: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(rounds):
            for name, (load, place, process) in cases.items():
                before_s = sum(process.cpu_times()[:2])
                [tally] = clients.together([partial(run_load, load, place, number)], 0.5, seconds)
                spent_s = sum(process.cpu_times()[:2]) - before_s
                rates[name].append(tally.commands_per_s)
                costs[name].append(spent_s / (tally.commands_per_s * (seconds + 0.5)) * 1e6)
    for name in cases:
        ratios = [one / other for one, other in zip(rates[name], rates["empty"], strict=True)]
        console.print(
            f"{name:6} {statistics.median(rates[name]):7,.0f} calls/s, "
            f"{statistics.median(ratios):.2f} of empty ({min(ratios):.2f} to {max(ratios):.2f}); "
            f"CPU of the server {statistics.median(costs[name]):.0f} us a call"
        )
    console.print(counters(at))


def counters(at: Setting) -> str:
    lines: list[str] = []
    for address in at.metrics:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        lines += [line for line in text.splitlines() if line.startswith("yupana_view_")]
    return "\n".join(line for line in lines if "_created" not in line)


async def measure_cold(at: Setting, account: str) -> None:
    clients = [Yupana(ledger.address) for ledger in at.ledgers]
    for client in clients:
        await client.book(BOOK).account("users:0:wallet", eventual=True)
    began = time.perf_counter()
    await asyncio.gather(
        *(clients[number % 2].book(BOOK).account(account, eventual=True) for number in range(1_000))
    )
    console.print(f"1,000 readers of a cold key: {1000 * (time.perf_counter() - began):.0f} ms")
    for client in clients:
        await client.close()
    console.print(counters(at))


class Watch(threading.Thread):
    """Notes when the watermark gets where."""

    def __init__(self, valkey: EmbeddedValkey):
        super().__init__()
        self._redis = redis.Redis.from_url(valkey.url())
        self.ended = threading.Event()
        self.seqs: list[int] = []
        self.times: list[float] = []

    def run(self) -> None:
        (mark,) = [key for key in self._redis.scan_iter("yupana:view:*}") if BOOK.encode() in key]
        while not self.ended.wait(0.001):
            seq = int(self._redis.hget(mark, "s") or 0)
            if not self.seqs or seq > self.seqs[-1]:
                self.seqs.append(seq)
                self.times.append(time.time())


def measure_lag(at: Setting, clients: Clients, *, seconds: float) -> None:
    load = Load(size=SIZE, callers=8)
    warm = Load(size=100, callers=1, what=What.EVENTUAL_READS)
    clients.together([partial(run_load, warm, at.place, 1)], 0.0, 1.0)
    watch, feed = Watch(at.valkey), psutil.Process(at.feed.pid)
    watch.start()
    before_s = sum(feed.cpu_times()[:2])
    spec = Flood(load, at.place, [Phase(RATE / SIZE, seconds, (10.0,))])
    [[tally]] = clients.together([partial(flood, spec)], 0.0, seconds)
    spent_s = sum(feed.cpu_times()[:2]) - before_s
    time.sleep(2)
    watch.ended.set()
    watch.join()
    rows = execute(
        at.database.admin_url,
        "SELECT seq, extract(epoch FROM recorded_at) FROM yupana.journal WHERE seq > %s",
        watch.seqs[0],
    )
    lags = [
        1000 * (watch.times[bisect_left(watch.seqs, int(str(seq)))] - float(str(recorded_at)))
        for seq, recorded_at in rows
    ]
    console.print(f"{tally.summary()}\nlag ms of {len(lags):,} entries: {summary(lags)}")
    console.print(f"the feed used {spent_s / seconds:.2f} of a core")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["reads", "cold", "lag"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    with setting() as at, Clients(1) as clients:
        clients.each([partial(open_books, "v", BOOKS, at.place.address)])
        time.sleep(1)
        if "cold" in options.what:
            asyncio.run(measure_cold(at, "users:7:wallet"))
        if "reads" in options.what:
            measure_reads(at, clients, rounds=options.rounds, seconds=options.seconds)
        if "lag" in options.what:
            measure_lag(at, clients, seconds=options.seconds)


if __name__ == "__main__":
    main()
