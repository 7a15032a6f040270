"""Prints how fast the view is; for people, not for CI.

    python tests/load/view.py [reads] [cold] [lag] [--seconds 5] [--rounds 3]

reads: one account a call from the view, beside an empty handler, each with 64 callers, in turns.
cold:  1,000 callers on two ledgers ask at once for an account that is not in the view.
lag:   5,000 transfers/s; from the moment that an entry is to be seen in Postgres, and from its own
       time, to the moment that Redis has a watermark at it.

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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import psycopg
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
    """Notes when a number gets where, looking every two milliseconds."""

    def __init__(self, look: Callable[[], int]):
        super().__init__()
        self._look = look
        self.ended = threading.Event()
        self.seqs: list[int] = []
        self.times: list[float] = []

    def run(self) -> None:
        while not self.ended.wait(0.002):
            seq = self._look()
            if not self.seqs or seq > self.seqs[-1]:
                self.seqs.append(seq)
                self.times.append(time.time())

    def reached(self, seq: int) -> float:
        return self.times[bisect_left(self.seqs, seq)]


def watches(at: Setting, stack: ExitStack) -> tuple[Watch, Watch]:
    """Return what watches Postgres, and what watches the watermark."""
    client = redis.Redis.from_url(at.valkey.url())
    (mark,) = [key for key in client.scan_iter("yupana:view:*}") if BOOK.encode() in key]
    connection = stack.enter_context(psycopg.connect(at.database.admin_url, autocommit=True))
    newest = "SELECT max(seq) FROM yupana.journal"

    def tail() -> int:
        row = connection.execute(newest).fetchone()
        return int(row[0]) if row else 0

    return Watch(tail), Watch(lambda: int(client.hget(mark, "s") or 0))


def wait_for_view(at: Setting) -> None:
    """Wait until the view has all accounts behind it."""
    [(tail,)] = execute(at.database.admin_url, "SELECT max(seq) FROM yupana.journal")
    client = redis.Redis.from_url(at.valkey.url())
    while True:
        marks = [client.hget(key, "s") for key in client.scan_iter("yupana:view:*}")]
        if any(mark is not None and int(mark) >= int(str(tail)) for mark in marks):
            return
        time.sleep(0.05)


def measure_lag(at: Setting, clients: Clients, *, seconds: float) -> None:
    load = Load(size=SIZE, callers=8)
    warm = Load(size=100, callers=1, what=What.EVENTUAL_READS)
    clients.together([partial(run_load, warm, at.place, 1)], 0.0, 1.0)
    feed = psutil.Process(at.feed.pid)
    with ExitStack() as stack:
        journal, view = watches(at, stack)
        for watch in (journal, view):
            watch.start()
        before_s = sum(feed.cpu_times()[:2])
        spec = Flood(load, at.place, [Phase(RATE / SIZE, seconds, (10.0,))])
        [[tally]] = clients.together([partial(flood, spec)], 0.0, seconds)
        spent_s = sum(feed.cpu_times()[:2]) - before_s
        time.sleep(2)
        for watch in (journal, view):
            watch.ended.set()
            watch.join()
    rows = execute(
        at.database.admin_url,
        "SELECT seq, extract(epoch FROM recorded_at) FROM yupana.journal WHERE seq > %s",
        max(journal.seqs[0], view.seqs[0]),
    )
    entries = [(int(str(seq)), float(str(recorded_at))) for seq, recorded_at in rows]
    since = {
        "it is in Postgres": [view.reached(seq) - journal.reached(seq) for seq, _ in entries],
        "it was decided": [view.reached(seq) - recorded_at for seq, recorded_at in entries],
    }
    console.print(tally.summary())
    for what, lags_s in since.items():
        lags = summary([1000 * lag for lag in lags_s])
        console.print(f"ms of {len(lags_s):,} entries since {what}: {lags}")
    console.print(f"the feed used {spent_s / seconds:.2f} of a core")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["reads", "cold", "lag"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    with setting() as at, Clients(1) as clients:
        clients.each([partial(open_books, "v", BOOKS, at.place.address)])
        wait_for_view(at)
        if "cold" in options.what:
            asyncio.run(measure_cold(at, "users:7:wallet"))
        if "reads" in options.what:
            measure_reads(at, clients, rounds=options.rounds, seconds=options.seconds)
        if "lag" in options.what:
            measure_lag(at, clients, seconds=options.seconds)


if __name__ == "__main__":
    main()
