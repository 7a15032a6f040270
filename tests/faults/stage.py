"""Where scenarios are played: real servers, real sockets, all of which end with the stage."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from faults.history.checker import check
from faults.history.load import Load
from faults.history.report import Report

from support.databases import Database, make_database, make_template
from support.network import Network
from support.processes import FeedProcess, LedgerProcess
from support.proxy import Proxy
from support.several import SeveralLedgers
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.messages.tokens import Position

T = TypeVar("T")

BOOK = "b"
LOG_CHARS = 4_000
"""How much of each server's log is shown when a scenario fails."""


class Stage:
    """Starts what a scenario needs, and ends it whatever happens."""

    def __init__(self, postgres: EmbeddedPostgres, folder: Path):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.database = make_database(postgres)
        """Where ledgers write unless they are told otherwise."""
        self.ledgers: list[LedgerProcess] = []
        self._feeds = 0
        self._loads: list[Load] = []
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> "Stage":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    async def start_ledger(
        self,
        database: Database | None = None,
        *,
        url: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> LedgerProcess:
        """Start a ledger on the stage's database, or another one, or through a proxy's URL."""
        url = url or (database or self.database).ledger_url
        log_path = self.folder / f"ledger-{len(self.ledgers)}.log"
        process = LedgerProcess(url, log_path, environment=environment)
        self.ledgers.append(process)
        self.at_end(process.kill)
        await asyncio.to_thread(process.start)
        return process

    async def start_several(self, *, processes: int = 2) -> SeveralLedgers:
        """Start a ledger of several processes."""
        log_path = self.folder / f"ledger-{len(self.ledgers)}.log"
        ledger = SeveralLedgers(self.database.ledger_url, log_path, processes=processes)
        self.ledgers.append(ledger)
        self.at_end(ledger.kill)
        await asyncio.to_thread(ledger.start)
        return ledger

    async def start_feed(
        self, *, url: str | None = None, environment: Mapping[str, str] | None = None
    ) -> FeedProcess:
        """Start a feed on the stage's database, or through another URL."""
        self._feeds += 1
        log_path = self.folder / f"feed-{self._feeds}.log"
        process = FeedProcess(url or self.database.feed_url, log_path, environment=environment)
        self.at_end(process.kill)
        await asyncio.to_thread(process.start)
        return process

    async def start_valkey(self, settings: Mapping[str, str] | None = None) -> EmbeddedValkey:
        """Start a Valkey that the scenario may end."""
        server = EmbeddedValkey(self.folder / "valkey", settings=settings or {})
        self.at_end(server.stop)
        await asyncio.to_thread(server.start)
        return server

    async def own_postgres(
        self, settings: Mapping[str, str] | None = None, *, folder: Path | None = None
    ) -> EmbeddedPostgres:
        """Start a Postgres that the scenario may end; the stage's database is there from now on."""
        server = EmbeddedPostgres(folder or self.folder / "postgres", settings=settings or {})
        self.at_end(server.stop, "immediate")
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(make_template, server)
        self.database = await asyncio.to_thread(make_database, server)
        return server

    async def proxy(self, url: str | None = None) -> Proxy:
        """Start a proxy before Postgres that knows the moments of an append."""
        return await self.enter(Proxy(url or self.database.ledger_url))

    async def network(self, address: str) -> Network:
        """Start a network to a server that can be slow, or go silent."""
        return await self.enter(Network(address))

    async def network_to_postgres(self) -> Network:
        """Start such a network to the Postgres of the stage's database; see `through`."""
        return await self.network(_address(self.database.ledger_url))

    def through(self, network: Network) -> str:
        """Return the URL of the stage's database through a network."""
        url = self.database.ledger_url
        return url.replace(_address(url), network.address)

    async def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter what ends with the stage."""
        return await self._exits.enter_async_context(context)

    def at_end(self, end: Callable[..., object], *arguments: Any) -> None:
        """Call this in a thread when the stage ends; what was begun last ends first."""
        self._exits.push_async_callback(asyncio.to_thread, end, *arguments)

    def load(self, seed: int, *, addresses: list[str] | None = None, **options: Any) -> Load:
        """Return clients of all ledgers that were started so far, to be entered."""
        addresses = addresses or [ledger.address for ledger in self.ledgers]
        self._loads.append(Load(addresses, BOOK, seed=seed, **options))
        return self._loads[-1]

    async def check(self, load: Load, *, allowed_to_lose_after: Position | None = None) -> Report:
        """Compare what a load was told with the journal."""
        return await check(
            load.log,
            self.database.ledger_url,
            load.book_id,
            allowed_to_lose_after=allowed_to_lose_after,
        )

    def story(self) -> str:
        """Tell what helps to understand a failure."""
        told: list[str] = []
        for number, load in enumerate(self._loads):
            path = self.folder / f"calls-{number}.jsonl"
            load.log.save(path)
            told.append(f"calls: {path}")
        logs = [f"{each.log_path}:\n{each.log()[-LOG_CHARS:]}" for each in self.ledgers]
        return "\n".join([*told, *logs])


def _address(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
