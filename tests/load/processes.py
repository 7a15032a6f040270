"""Prints what several processes at one port do for a ledger, and what passing calls on costs.

    python tests/load/processes.py [--processes 2] [--seconds 4] [--rounds 7]

A ledger of one process and one of several, on one Postgres, in turns: requests of 1,000 transfers
by 8 callers, and single transfers by 64, over four connections and four books, of which each
process has its share. Clients, ledgers and Postgres share the machine.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.databases import Database, make_database, make_template
from support.journals import execute as query
from support.processes import LedgerProcess
from support.several import SeveralLedgers
from yupana_server.bench.clients import Clients
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Books, Load, Place
from yupana_server.bench.opening import book_ids, open_books
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.runtime.passing import owner_of

CONNECTIONS = 4
BOOKS = Books("book", accounts=2_500, count=4)
LOADS = {
    "1,000 in a request": Load(size=1_000, callers=8 // CONNECTIONS),
    "single": Load(size=1, callers=64 // CONNECTIONS),
}
WARMUP_S = 1.0
QUIET = {"YUPANA_LOG_LEVEL": "info"}
console = Console(highlight=False, width=160)


class Measured(NamedTuple):
    """What one run of a load came to."""

    per_s: float
    cpu_us: float
    """Of the ledger's processes, a transfer."""
    p50_ms: float
    passed_on: float
    """The share of calls."""


def fair_prefix(processes: int) -> str:
    """Return what ids of books begin with that are spread evenly over processes."""
    for number in itertools.count():
        ids = book_ids(f"p{number}", BOOKS)
        places = Counter(owner_of(each.encode(), count=processes) for each in ids)
        if max(places.values()) <= -(-len(ids) // processes):
            return f"p{number}"
    raise AssertionError


def measure(
    clients: Clients, ledger: LedgerProcess, database: Database, prefix: str, load: Load, s: float
) -> Measured:
    """Run a load once."""
    ids = book_ids(prefix, BOOKS)
    # Two neighbours among the books for each connection, so that each book has as many callers.
    places = [
        Place(ledger.address, ids[at:] + ids[:at], BOOKS.accounts, 0) for at in range(CONNECTIONS)
    ]
    jobs = [partial(run_load, load, place, seed) for seed, place in enumerate(places)]
    before, calls = _used(ledger, database), _calls(ledger)
    runs = clients.together(jobs, WARMUP_S, s)
    after, calls_after = _used(ledger, database), _calls(ledger)
    assert not any(run.errors for run in runs), [run.first_error for run in runs]
    passed_on, served = (b - a for a, b in zip(calls, calls_after, strict=True))
    return Measured(
        sum(run.commands_per_s for run in runs),
        1e6 * (after[0] - before[0]) / (after[1] - before[1]),
        statistics.median(run.latency_ms["p50"] for run in runs),
        passed_on / served if served else 0.0,
    )


def _used(ledger: LedgerProcess, database: Database) -> tuple[float, int]:
    """Return the CPU time that a ledger took so far, and how many entries there are."""
    parent = psutil.Process(ledger.pid)
    times = [each.cpu_times() for each in (parent, *parent.children())]
    [(entries,)] = query(database.admin_url, "SELECT count(*) FROM yupana.journal")
    return sum(each.user + each.system for each in times), int(str(entries))


def _calls(ledger: LedgerProcess) -> tuple[float, float]:
    """Return how many calls were passed on so far, and how many were served."""
    if not isinstance(ledger, SeveralLedgers):
        return 0.0, 0.0
    pages = [ledger.metrics(place) for place in range(len(ledger.children()))]
    served = sum(page.get("rpc_server_call_duration_seconds_count", 0.0) for page in pages)
    return float(ledger.passed_on()), served


def show(name: str, one: list[Measured], several: list[Measured], processes: int) -> None:
    """Print medians, and the medians of ratios of each round."""
    for label, found in (("1 process", one), (f"{processes} processes", several)):
        middle = [statistics.median(column) for column in zip(*found, strict=True)]
        spread = f"{min(f.per_s for f in found):,.0f} to {max(f.per_s for f in found):,.0f}"
        console.print(
            f"{name:20} {label:12} {middle[0]:9,.0f}/s ({spread}), p50 {middle[2]:6.1f} ms, "
            f"CPU {middle[1]:6.1f} us a transfer, passed on {middle[3]:.2f}"
        )
    pairs = list(zip(one, several, strict=True))
    rates = [b.per_s / a.per_s for a, b in pairs]
    work = [b.cpu_us / a.cpu_us for a, b in pairs]
    console.print(
        f"{name:20} rates {statistics.median(rates):.2f} ({min(rates):.2f} to {max(rates):.2f}), "
        f"CPU {statistics.median(work):.2f} ({min(work):.2f} to {max(work):.2f}); "
        f"load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    count, prefix = options.processes, fair_prefix(options.processes)
    with ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
        postgres = started.enter_context(EmbeddedPostgres(folder / "postgres"))
        make_template(postgres)
        databases = make_database(postgres), make_database(postgres)
        ledgers = (
            LedgerProcess(databases[0].ledger_url, folder / "one", environment=QUIET),
            SeveralLedgers(
                databases[1].ledger_url, folder / "several", processes=count, environment=QUIET
            ),
        )
        clients = started.enter_context(Clients(CONNECTIONS))
        for ledger in ledgers:
            started.callback(ledger.kill)
            ledger.start()
            clients.each([partial(open_books, prefix, BOOKS, ledger.address)])
        for name, load in LOADS.items():
            found: tuple[list[Measured], list[Measured]] = ([], [])
            for number in range(options.rounds):
                for at in (0, 1) if number % 2 else (1, 0):
                    found[at].append(
                        measure(clients, ledgers[at], databases[at], prefix, load, options.seconds)
                    )
            show(name, *found, count)
        several = psutil.Process(ledgers[1].pid)
        processes = [psutil.Process(ledgers[0].pid), several, *several.children()]
        megabytes = ", ".join(f"{each.memory_info().rss / 1e6:.0f}" for each in processes)
        console.print(f"MB of the one, of the parent, and of its processes: {megabytes}")


if __name__ == "__main__":
    main()
