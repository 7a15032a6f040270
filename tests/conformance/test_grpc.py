"""The tables against a real server, over gRPC."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

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
KINDS: tuple[Kind, ...] = (ServerBook, StreamBook)

_numbers = count(1)


@pytest.fixture(scope="module")
def ledgers(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Kind, LedgerProcess]]:
    """A ledger for each kind, as one has enough to do for a core.

    On a database of their own: feeds of other tests would have to fold their books.
    """
    url = make_database(postgres).ledger_url
    folder = tmp_path_factory.mktemp("conformance")
    quiet = {"YUPANA_LOG_LEVEL": "info"}
    found = {
        kind: LedgerProcess(url, folder / f"{kind.__name__}.log", environment=quiet)
        for kind in KINDS
    }
    try:
        for process in found.values():
            process.start()
        yield found
        for process in found.values():
            assert process.stop() == 0, process.log()
    finally:
        for process in found.values():
            process.kill()


@pytest.fixture(scope="module")
def running(
    ledgers: Mapping[Kind, LedgerProcess], request: pytest.FixtureRequest
) -> Iterator[Mapping[tuple[Kind, Case], "Future[None]"]]:
    """All cases that were chosen, begun, those of both kinds by turns; each test awaits its own."""
    chosen: list[tuple[Kind, Case]] = [
        (item.callspec.params["kind"], item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    chosen.sort(key=lambda each: str(each[1]))
    with ExitStack() as stack:
        channels = {
            kind: stack.enter_context(grpc.insecure_channel(ledger.address))
            for kind, ledger in ledgers.items()
        }
        pool = stack.enter_context(ThreadPoolExecutor(AT_A_TIME))
        yield {(kind, case): pool.submit(_run, case, kind, channels[kind]) for kind, case in chosen}
        pool.shutdown(cancel_futures=True)


def _run(case: Case, kind: Kind, channel: grpc.Channel) -> None:
    run(case, kind(channel, f"conformance-{next(_numbers)}"))


# A server has a real clock; what needs another one is run against the pure heart alone.
@pytest.mark.parametrize(
    "case", as_parameters(case for case in read_cases() if not case.needs_clock)
)
@pytest.mark.parametrize("kind", KINDS)
def test_server_when_case_is_run_then_every_outcome_is_the_tables(
    running: Mapping[tuple[Kind, Case], "Future[None]"], kind: Kind, case: Case
) -> None:
    running[kind, case].result()
