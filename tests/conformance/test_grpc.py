"""The tables against a real server, over gRPC."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any

import grpc
import pytest

from conformance.cases import Case, as_parameters, read_cases
from conformance.runner import run
from conformance.server_book import ServerBook, StreamBook
from support.databases import make_database
from support.processes import LedgerProcess
from yupana_server.dev.postgres import EmbeddedPostgres

AT_A_TIME = 12
"""So many cases run together, each in a book of its own: most of their time is waiting."""

Kind = type[ServerBook]

_numbers = count(1)


@pytest.fixture(scope="module")
def ledger(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LedgerProcess]:
    """A ledger on a database of its own: feeds of other tests would have to fold its books."""
    log_path = tmp_path_factory.mktemp("conformance") / "ledger.log"
    process = LedgerProcess(make_database(postgres).ledger_url, log_path)
    try:
        yield process.start()
        assert process.stop() == 0, process.log()
    finally:
        process.kill()


@pytest.fixture(scope="module")
def running(
    ledger: LedgerProcess, request: pytest.FixtureRequest
) -> Iterator[Mapping[tuple[Kind, Case], "Future[None]"]]:
    """All cases that were chosen, begun; each test waits for its own."""
    chosen: list[Any] = [
        (item.callspec.params["kind"], item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    with grpc.insecure_channel(ledger.address) as channel, ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {
            (kind, case): pool.submit(run, case, kind(channel, f"conformance-{next(_numbers)}"))
            for kind, case in chosen
        }
        pool.shutdown(cancel_futures=True)


# A server has a real clock; what needs another one is run against the pure heart alone.
@pytest.mark.parametrize(
    "case", as_parameters(case for case in read_cases() if not case.needs_clock)
)
@pytest.mark.parametrize("kind", [ServerBook, StreamBook])
def test_server_when_case_is_run_then_every_outcome_is_the_tables(
    running: Mapping[tuple[Kind, Case], "Future[None]"], kind: Kind, case: Case
) -> None:
    running[kind, case].result()
