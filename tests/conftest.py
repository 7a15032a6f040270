"""Fixtures: a real Postgres for the session, ledgers as real processes, a book for each test."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from support.databases import Database, make_database, make_template
from support.hangs import pytest_timeout_cancel_timer, pytest_timeout_set_timer  # noqa: F401
from support.processes import AccessProcess, FeedProcess, LedgerProcess, WorkerProcess
from support.started import starting
from yupana import Yupana
from yupana.book import BookClient
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.valkey import EmbeddedValkey

_books = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A Postgres server with the migrated template."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("server") / "postgres") as server:
        make_template(server)
        yield server
        server.stop("immediate")  # Its data is thrown away: no need to write it out first.


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Database:
    """A migrated database of the test's own."""
    return make_database(postgres)


@pytest.fixture(scope="session")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey that tests share: each with books, and so with keys, of its own."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that the test may flush, stall, kill."""
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture(scope="session")
def shared_database(postgres: EmbeddedPostgres) -> Database:
    """A database for tests that keep to a book of their own."""
    return make_database(postgres)


@pytest.fixture(scope="session")
def ledger(
    shared_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LedgerProcess]:
    """A ledger for tests that keep to a book of their own and do not disturb it."""
    log_path = tmp_path_factory.mktemp("ledger") / "ledger.log"
    process = LedgerProcess(shared_database.ledger_url, log_path)
    try:
        yield process.start()
        assert process.stop() == 0, process.log()
    finally:
        process.kill()


@pytest.fixture(scope="session")
def feed(
    shared_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FeedProcess]:
    """A feed that follows the books of the shared ledger."""
    log_path = tmp_path_factory.mktemp("feed") / "feed.log"
    process = FeedProcess(shared_database.feed_url, log_path)
    try:
        yield process.start()
        assert process.stop() == 0, process.log()
    finally:
        process.kill()


@pytest.fixture
def start_feed(tmp_path: Path) -> Iterator[Callable[..., FeedProcess]]:
    """Starts feeds that the test may kill; they end with it."""
    yield from starting(FeedProcess, tmp_path, lambda database: database.feed_url)


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers that the test may kill; they end with it."""
    yield from starting(WorkerProcess, tmp_path, lambda database: database.worker_url)


@pytest.fixture
def start_access(tmp_path: Path) -> Iterator[Callable[..., AccessProcess]]:
    """Starts access, which the test may kill; it ends with it."""
    yield from starting(AccessProcess, tmp_path, lambda database: database.access_url)


@pytest.fixture
def start_ledger(tmp_path: Path) -> Iterator[Callable[..., LedgerProcess]]:
    """Starts ledgers that the test may kill; they end with it."""
    yield from starting(LedgerProcess, tmp_path, lambda database: database.ledger_url)


@pytest.fixture
async def client(ledger: LedgerProcess) -> AsyncIterator[Yupana]:
    """A client of the shared ledger."""
    async with Yupana(ledger.address) as yupana:
        yield yupana


@pytest.fixture
async def book(client: Yupana) -> BookClient:
    """A new book with the assets USD and EUR, and an account `world` without limits."""
    created = await client.create_book(f"book-{next(_books)}")
    book = client.book(created.id)
    await book.open_asset("USD", scale=2)
    await book.open_asset("EUR", scale=2)
    await book.open_account("world", asset="USD")
    return book
