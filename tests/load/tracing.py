"""Prints what tracing costs; for people, not for CI.

    python tests/load/tracing.py [--ratio 0.1] [--rounds 10] [--seconds 3]

Two ledgers on one Postgres, one of which sends its traces to a process that throws them away. Each
round sends the same load to one after the other, in turns first, and compares the two: so whatever
else the machine does meets both. Generator, ledgers, Postgres and the sink share the machine.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
import psutil
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.databases import make_database, make_template
from support.processes import LedgerProcess
from yupana_server.bench.clients import Clients
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Books, Load, Place, Through
from yupana_server.bench.opening import book_ids, open_books
from yupana_server.dev.postgres import EmbeddedPostgres

BOOKS = Books("traced")
LOADS = {
    "requests of 1,000, 4 callers": Load(size=1_000, callers=4),
    "requests of 1, 128 callers": Load(size=1, callers=128),
    "1,024 callers of one client, gathered": Load(size=1, callers=1_024, through=Through.GATHERED),
}
console = Console(highlight=False, width=200)


class Sink(trace_service_pb2_grpc.TraceServiceServicer):
    """Counts spans."""

    def __init__(self) -> None:
        self.count = 0

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        for resource in request.resource_spans:
            self.count += sum(len(scope.spans) for scope in resource.scope_spans)
        return trace_service_pb2.ExportTraceServiceResponse()


def run_sink(pipe: Connection) -> None:
    server, sink = grpc.server(futures.ThreadPoolExecutor(1)), Sink()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(sink, server)
    pipe.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    pipe.recv()
    pipe.send(sink.count)
    server.stop(None).wait()


@contextmanager
def ledgers(folder: Path, ratio: str) -> Iterator[list[LedgerProcess]]:
    """Start a ledger without traces and one with them; says at the end how many spans came."""
    here, there = multiprocessing.Pipe()
    sink = multiprocessing.get_context("spawn").Process(target=run_sink, args=(there,))
    sink.start()
    traced = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{here.recv()}",
        "OTEL_TRACES_SAMPLER_ARG": ratio,
    }
    with EmbeddedPostgres(folder / "postgres") as postgres:
        make_template(postgres)
        started: list[LedgerProcess] = []
        try:
            for name, environment in (("plain", {}), ("traced", traced)):
                process = LedgerProcess(
                    make_database(postgres).ledger_url,
                    folder / f"{name}.log",
                    environment={"YUPANA_LOG_LEVEL": "info", **environment},
                )
                started.append(process.start())
            yield started
        finally:
            for process in started:
                process.stop()
            here.send(None)
            console.print(f"spans received: {here.recv():,}")
            sink.join()
            postgres.stop("immediate")


def compare(
    clients: Clients,
    servers: list[psutil.Process],
    places: list[Place],
    load: Load,
    rounds: int,
    seconds: float,
) -> str:
    rates: list[tuple[float, float]] = []
    costs: list[tuple[float, float]] = []
    for number in range(rounds):
        found = {}
        for which in (0, 1) if number % 2 else (1, 0):
            job = partial(run_load, load, places[which], number + 1)
            before_s = cpu_s(servers[which])
            [tally] = clients.together([job], 0.5, seconds)
            spent_s = cpu_s(servers[which]) - before_s
            rate = tally.commands_per_s
            # Half a second of warming up is in the CPU time and not in the rate: as much in both.
            found[which] = rate, spent_s / (rate * (seconds + 0.5)) * 1e6
        rates.append((found[0][0], found[1][0]))
        costs.append((found[0][1], found[1][1]))
    return (
        f"\n  commands/s: {told(rates, max)}\n  CPU of the ledger, us a command: {told(costs, min)}"
    )


def told(pairs: list[tuple[float, float]], best: Callable[[list[float]], float]) -> str:
    """Return medians, and the best of each side: what other work on the machine took least from."""
    plain, traced = [one for one, _ in pairs], [other for _, other in pairs]
    ratios = sorted(other / one for one, other in pairs)
    return (
        f"median {statistics.median(plain):,.1f} without, {statistics.median(traced):,.1f} with, "
        f"of pairs {statistics.median(ratios):.3f} ({ratios[0]:.2f} to {ratios[-1]:.2f}); best "
        f"{best(plain):,.1f} and {best(traced):,.1f}, {best(traced) / best(plain):.3f}"
    )


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ratio", default="0.1")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ledgers(Path(name), options.ratio) as processes:
        Path(name).chmod(0o755)  # Postgres runs as another user.
        with Clients(1) as clients:
            places = []
            servers = [psutil.Process(process.pid) for process in processes]
            for process in processes:
                clients.each([partial(open_books, "t", BOOKS, process.address)])
                ids = book_ids("t", BOOKS)
                places.append(Place(process.address, ids, BOOKS.accounts, 0))
            for what, load in LOADS.items():
                found = compare(clients, servers, places, load, options.rounds, options.seconds)
                console.print(f"{what}: {found}")


if __name__ == "__main__":
    main()
