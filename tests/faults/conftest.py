"""Which scenarios run, with which seeds, and the table at the end."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from faults.history.spoilt import Run, play
from faults.registry import load_scenarios
from faults.stage import Stage
from faults.table import RUNS, show

from support.databases import Database, make_template
from support.processes import LedgerProcess
from support.proxy import Proxy
from support.started import Start, StartLedger
from yupana import Yupana
from yupana.book import BookClient
from yupana_server.dev.postgres import EmbeddedPostgres

FIXED_SEEDS = (1, 2)
"""What `make faults` runs. Other tests run the first one only."""

AT_ONCE = 2
"""With so many seeds a scenario is played at the same time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="all scenarios, not CI's alone")
    parser.addoption("--seeds", type=int, default=0, help="so many seeds drawn at random")
    parser.addoption("--seed", type=int, action="append", default=[], help="exactly this seed")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUNS] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenario" not in metafunc.fixturenames:
        return
    option = metafunc.config.getoption
    # Unknown when pytest was started above this folder: then CI's choice is meant.
    everything = option("all_faults", default=False)
    seeds = _seeds(option("seed", default=[]), option("seeds", default=0), everything=everything)
    chosen = [each for each in load_scenarios() if each.ci or everything]
    cases = [(each, together) for each in chosen for together in _batched(seeds, AT_ONCE)]
    ids = [f"{each.name}-{'-'.join(map(str, together))}" for each, together in cases]
    metafunc.parametrize(("scenario", "seeds"), cases, ids=ids)


def _batched(seeds: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Yield the seeds, so many at a time."""
    for place in range(0, len(seeds), size):
        yield seeds[place : place + size]


def _seeds(given: Sequence[int], count: int, *, everything: bool) -> Sequence[int]:
    if given:
        return given
    if count:
        return [secrets.randbelow(1_000_000) for _ in range(count)]
    return FIXED_SEEDS if everything else FIXED_SEEDS[:1]


@pytest.fixture
async def stage(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(postgres, tmp_path) as stage:
        yield stage


@pytest.fixture(scope="session")
def honest(shared_database: Database, ledger: LedgerProcess) -> Run:
    return play(ledger.address, shared_database.ledger_url)


@pytest.fixture
def run(honest: Run) -> Run:
    """A copy of an honest run, to be spoilt."""
    return honest.copy()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    show(terminalreporter, terminalreporter.config.stash.get(RUNS, []))


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server whose settings a test may change, and which it may end."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        make_template(server)
        yield server
        server.stop("immediate")


@pytest.fixture
async def proxy(database: Database) -> AsyncIterator[Proxy]:
    async with Proxy(database.ledger_url) as proxy:
        yield proxy


@pytest.fixture
async def start(database: Database, start_ledger: StartLedger) -> AsyncIterator[Start]:
    """Starts a ledger and returns it with a client of its book `b`."""
    clients: list[Yupana] = []

    async def start(**options: object) -> tuple[LedgerProcess, BookClient]:
        process = await asyncio.to_thread(start_ledger, database, **options)
        yupana = Yupana(process.address)
        clients.append(yupana)
        await yupana.create_book("b")
        return process, yupana.book("b")

    yield start
    for client in clients:
        await client.close()
