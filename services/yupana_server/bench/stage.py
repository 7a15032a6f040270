"""What is measured: servers that we start and end, or those at the addresses we are given."""

import secrets
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from yupana_server.bench.environment import resident_bytes
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.services import EmbeddedFeed, EmbeddedLedger
from yupana_server.dev.stack import DATABASE
from yupana_server.journal.migrate import FEED_ROLE, LEDGER_ROLE, migrate

SHARED = "0"
"""The key of the server that profiles share; "1" is a second one beside it."""


class Stage(ABC):
    """Ledgers and the database behind them, for as long as the `with` block runs.

    Attributes:
        prefix: What the ids of the books begin with: new ones in every benchmark.
        folder: A temporary folder, gone at the end.
        database_url: Logs in as somebody who may create databases. None: it is not known.
    """

    folder: Path
    database_url: str | None
    drops_databases = True

    def __init__(self) -> None:
        self.prefix = f"bench-{secrets.token_hex(3)}"
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        """Make the folder and start what has to be started."""
        with ExitStack() as started:
            self.folder = Path(tempfile.mkdtemp(prefix="yupana-bench-")).resolve()
            started.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._start(started)
            self._cleanup = started.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what was started and remove the folder."""
        self._cleanup.close()

    @abstractmethod
    def _start(self, started: ExitStack) -> None:
        """Start what has to be started."""

    @abstractmethod
    def missing(self, key: str) -> str:
        """Return why there is no server with this key; empty when there is one."""

    @abstractmethod
    def address(self, key: str) -> str:
        """Return where the server with this key serves gRPC, host:port."""

    @abstractmethod
    def end(self, key: str) -> None:
        """Let go of a server that only one profile needed."""

    @abstractmethod
    def resident_bytes(self, key: str) -> int | None:
        """Return how much memory a server has in use, None when it cannot be looked at."""

    @contextmanager
    def baseline_database(self) -> Iterator[str]:
        """Make another database with the ledger's schema while it is needed; gives its URL.

        `database_url` must be known.
        """
        name = f"yupana_{self.prefix.replace('-', '_')}"
        url = make_url(self.database_url or "").set(database=name)
        with psycopg.connect(self.database_url or "", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                shown = url.render_as_string(hide_password=False)
                migrate(shown)
                yield shown
            finally:
                if self.drops_databases:
                    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
                    connection.execute(drop.format(sql.Identifier(name)))


class EmbeddedStage(Stage):
    """Postgres and ledgers of our own. Start it from the main thread."""

    drops_databases = False  # They are thrown away with their server.

    def __init__(self, *, feed: bool = False) -> None:
        """With `feed` a feed folds the projections beside it, as in production."""
        super().__init__()
        self._with_feed = feed
        self._ledgers: dict[str, EmbeddedLedger] = {}

    def _start(self, started: ExitStack) -> None:
        self._postgres = started.enter_context(EmbeddedPostgres(self.folder / "postgres"))
        # Nothing is kept: a checkpoint of all that was written would only take time.
        started.callback(self._postgres.stop, "immediate")
        self._postgres.create_database(DATABASE)
        self.database_url = self._postgres.url(DATABASE)
        migrate(self.database_url)
        started.callback(self._end_all)
        self.address(SHARED)
        if self._with_feed:
            url = self._postgres.url(DATABASE, FEED_ROLE)
            started.enter_context(EmbeddedFeed(self.folder / "feed", database_url=url))

    def missing(self, key: str) -> str:
        """Return nothing: every server can be started."""
        del key
        return ""

    def address(self, key: str) -> str:
        """Return where the server serves; it is started when it is asked for first."""
        if key not in self._ledgers:
            url = self._postgres.url(DATABASE, LEDGER_ROLE)
            ledger = EmbeddedLedger(self.folder / f"ledger-{key}", database_url=url)
            self._ledgers[key] = ledger
            ledger.start()
        return self._ledgers[key].address

    def end(self, key: str) -> None:
        """Stop the server unless profiles share it."""
        if key != SHARED and key in self._ledgers:
            self._ledgers.pop(key).stop()

    def resident_bytes(self, key: str) -> int | None:
        """Return how much memory the server's process has in use."""
        ledger = self._ledgers.get(key)
        return None if ledger is None else resident_bytes(ledger.pid)

    def _end_all(self) -> None:
        for ledger in self._ledgers.values():
            ledger.kill()  # Nothing waits for it any more, and nothing is kept.


class TargetStage(Stage):
    """Servers that run already."""

    def __init__(self, addresses: Sequence[str], database_url: str | None) -> None:
        super().__init__()
        self._addresses = addresses
        self.database_url = database_url

    def _start(self, started: ExitStack) -> None:
        """Start nothing."""

    def missing(self, key: str) -> str:
        """Return why none of the addresses will do."""
        if key.isdigit() and int(key) < len(self._addresses):
            return ""
        if key.isdigit():
            return f"it needs {int(key) + 1} servers: give --target as often"
        return "it needs a server of its own: not with --target"

    def address(self, key: str) -> str:
        """Return the address with the key as its number."""
        return self._addresses[int(key)]

    def end(self, key: str) -> None:
        """Leave the server alone: it is not ours."""

    def resident_bytes(self, key: str) -> int | None:
        """Return None: the process may be anywhere."""
        del key
        return None
