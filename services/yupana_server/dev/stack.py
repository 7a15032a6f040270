"""The whole stack on this machine: Postgres, Valkey, ledger, feed, worker and edge, in order."""

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from yupana_server.dev.data_folder import POSTGRES_NAME, claimed
from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.dev.ports import hold_port
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.root_key import hash_key_of, root_token_of
from yupana_server.dev.server import ChildServer
from yupana_server.dev.services import (
    EmbeddedAccess,
    EmbeddedFeed,
    EmbeddedLedger,
    EmbeddedWorker,
)
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.journal.migrate import ACCESS_ROLE, FEED_ROLE, LEDGER_ROLE, WORKER_ROLE, migrate

DATABASE = "yupana"


@dataclass(frozen=True, slots=True)
class StackPorts:
    """Where the servers of a stack listen; None: on a free port."""

    ledger: int | None = None
    postgres: int | None = None
    edge: int | None = None
    edge_preferred: int | None = None
    """Where the edge listens when it may choose and no other server is there."""


class Stack:
    """Postgres, Valkey, ledger, feed, worker, edge on 127.0.0.1, as long as the `with` block runs.

    Start it from the main thread, as each of the servers demands. Nothing outlives us, whatever
    ends us.
    """

    def __init__(
        self,
        data_dir: Path | None,
        ports: StackPorts | None = None,
        *,
        audited: bool = True,
        keyed: bool = False,
    ) -> None:
        """Take a folder to keep the data in, and ports.

        Args:
            data_dir: Made when missing. None: a temporary folder, removed at the end.
            ports: None: free ones.
            audited: Whether a worker runs beside the others.
            keyed: Whether callers need a key, and access runs beside the others.
        """
        self.is_temporary = data_dir is None
        self._given_dir = data_dir
        self._ports = ports or StackPorts()
        self._audited = audited
        self._keyed = keyed
        self.access: EmbeddedAccess | None = None
        self.root_token = ""
        """Of a key that may do everything; empty where nobody is asked for one."""
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        """Start all six, those first that the others need.

        Raises:
            DevServerError: The folder is not ours or in use, or a server could not be started;
                those before it are stopped again.
        """
        for port in filter(None, (self._ports.ledger, self._ports.postgres, self._ports.edge)):
            hold_port(port)  # None of the others may pick what is given to one of them.
        with ExitStack() as started:
            self.data_dir = self._make_folder(started)
            postgres_dir = self.data_dir / POSTGRES_NAME
            self.postgres = EmbeddedPostgres(postgres_dir, port=self._ports.postgres)
            self.valkey = EmbeddedValkey(self.data_dir / "valkey")
            hash_key = hash_key_of(self.data_dir) if self._keyed else ""
            self.ledger = EmbeddedLedger(
                self.data_dir / "ledger",
                database_url=self.ledger_url,
                redis_url=self.redis_url,
                port=self._ports.ledger,
                hash_key=hash_key,
            )
            self.feed = EmbeddedFeed(
                self.data_dir / "feed",
                database_url=self.feed_url,
                redis_url=self.redis_url,
                hash_key=hash_key,
            )
            self.worker = EmbeddedWorker(
                self.data_dir / "worker", database_url=self.worker_url, redis_url=self.redis_url
            )
            started.enter_context(self.postgres)
            _prepare_database(self.postgres)
            started.enter_context(self.valkey)
            # Both begin at once: each takes most of a second, which nobody wants to wait for twice.
            started.push(self.feed)
            self.feed.begin()
            behind = {"ledger": self.ledger.address, "feed": self.feed.address}
            if self._keyed:
                behind["access"] = self._begin_access(started, hash_key).address
            self.edge = EmbeddedEnvoy(
                self.data_dir / "edge",
                behind,
                port=self._ports.edge,
                preferred_port=self._ports.edge_preferred,
            )
            started.push(self.edge)
            self.edge.begin()
            started.enter_context(self.ledger)
            self.feed.start()
            self.edge.start()
            if self.access is not None:
                self.access.start()
            if self._audited:  # Nobody waits for it: it looks over what the others do.
                started.push(self.worker)
                self.worker.begin()
            self._cleanup = started.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain what is ours, stop Valkey, then Postgres, and remove a temporary folder."""
        self._cleanup.close()

    @property
    def address(self) -> str:
        """Where the ledger serves gRPC, host:port."""
        return self.ledger.address

    @property
    def ledger_url(self) -> str:
        """The database, logging in as the ledger does: it may only append."""
        return self.postgres.url(DATABASE, LEDGER_ROLE)

    @property
    def feed_url(self) -> str:
        """The database, logging in as the feed does: it may only read the journal."""
        return self.postgres.url(DATABASE, FEED_ROLE)

    @property
    def worker_url(self) -> str:
        """The database, logging in as the worker does: it may only read the journal."""
        return self.postgres.url(DATABASE, WORKER_ROLE)

    @property
    def access_url(self) -> str:
        """The database, logging in as access does: it sees keys, and nothing of the journal."""
        return self.postgres.url(DATABASE, ACCESS_ROLE)

    @property
    def admin_url(self) -> str:
        """The database, logging in as its owner."""
        return self.postgres.url(DATABASE)

    @property
    def redis_url(self) -> str:
        """Valkey, which speaks Redis."""
        return self.valkey.url()

    def ended(self) -> ChildServer | None:
        """Return a server that has ended although it was not told to."""
        servers: list[ChildServer] = [
            *(self.edge, self.ledger, self.feed),
            *(self.valkey, self.postgres),
        ]
        servers += [self.worker] if self._audited else []
        servers += [] if self.access is None else [self.access]
        return next((server for server in servers if not server.running), None)

    def _begin_access(self, started: ExitStack, hash_key: str) -> EmbeddedAccess:
        self.root_token = root_token_of(self.data_dir, self.access_url)
        self.access = EmbeddedAccess(
            self.data_dir / "access",
            database_url=self.access_url,
            redis_url=self.redis_url,
            hash_key=hash_key,
        )
        started.push(self.access)
        self.access.begin()
        return self.access

    def _make_folder(self, started: ExitStack) -> Path:
        if self._given_dir is not None:
            return started.enter_context(claimed(self._given_dir))
        folder = Path(tempfile.mkdtemp(prefix="yupana-")).resolve()
        started.callback(shutil.rmtree, folder)
        return folder


def _prepare_database(server: EmbeddedPostgres) -> None:
    """Create the ledger's database unless it is there, and bring it to the newest schema."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        is_there = connection.execute(query, [DATABASE]).fetchone() is not None
    if not is_there:
        server.create_database(DATABASE)
    migrate(server.url(DATABASE))
