"""Prints what a ledger does with more than it can take; for people, not for CI.

    python tests/load/overload.py [--size 1000] [--seconds 10] [--times 5] [--raw] [--edge]

First a closed loop tells the sustainable rate. Then calls are due at a half of it, at a multiple,
and at a half again, whatever became of those before. Generator, ledger and Postgres share the
machine.
"""

import argparse
import sys
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.flood import Flood, Phase, flood
from support.raw_flood import raw_flood
from yupana_server.bench.clients import Clients
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Books, Load, Place
from yupana_server.bench.opening import book_ids, open_books
from yupana_server.bench.stage import SHARED, EmbeddedStage
from yupana_server.dev.envoy import EmbeddedEnvoy

BOOKS = Books("flood")
CALLERS = {1: 256, 10: 128, 100: 32, 1_000: 8}
console = Console(highlight=False, width=200)


def watch_memory(stage: EmbeddedStage, most: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.1):
        most[0] = max(most[0], stage.resident_bytes(SHARED) or 0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--times", type=float, default=5.0)
    parser.add_argument("--timeout", type=float, default=2.0)
    parser.add_argument("--raw", action="store_true", help="send with as little CPU as can be")
    parser.add_argument("--edge", action="store_true", help="send through Envoy")
    options = parser.parse_args()
    load = Load(size=options.size, callers=CALLERS[options.size])
    with Clients(1) as clients, EmbeddedStage() as stage, ExitStack() as stack:
        address = stage.address(SHARED)
        if options.edge:
            edge = EmbeddedEnvoy(stage.folder / "edge", {"ledger": address})
            address = stack.enter_context(edge).address
        clients.each([partial(open_books, stage.prefix, BOOKS, address)])
        place = Place(address, book_ids(stage.prefix, BOOKS), BOOKS.accounts, 0)
        [peak] = clients.together([partial(run_load, load, place, 1)], 2.0, options.seconds)
        console.print(f"sustainable: {peak.commands_per_s:,.0f} commands/s, {peak.latency_ms}")
        calls_per_s = peak.commands_per_s / options.size
        timeouts_s = (options.timeout,)
        phases = [
            Phase(calls_per_s / 2, 3.0, timeouts_s),
            Phase(calls_per_s * options.times, options.seconds, timeouts_s),
            Phase(calls_per_s / 2, 1.0, timeouts_s),
            Phase(calls_per_s / 2, 4.0, timeouts_s),
        ]
        most, stop = [0], threading.Event()
        before = stage.resident_bytes(SHARED) or 0
        watch = threading.Thread(target=watch_memory, args=(stage, most, stop))
        watch.start()
        spec, send = Flood(load, place, phases), raw_flood if options.raw else flood
        [tallies] = clients.together([partial(send, spec)], 0.0, options.seconds)
        stop.set()
        watch.join()
        for name, tally in zip(
            ("half", f"{options.times:g} times", "1 s after", "after"), tallies, strict=True
        ):
            console.print(f"{name:10} {tally.summary()}; no retry info: {tally.without_retry_info}")
        ratio = tallies[1].goodput / peak.commands_per_s
        console.print(
            f"goodput {ratio:.2f} of the peak; "
            f"memory {before / 1e6:.0f} MB before, {most[0] / 1e6:.0f} MB at most"
        )


if __name__ == "__main__":
    main()
