"""A Postgres with a streaming standby, and what an operator does to fail over to it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from support.databases import Database
from support.journals import execute
from yupana_server.dev.postgres import EmbeddedPostgres, binary
from yupana_server.dev.processes import wait_until

STANDBY = "standby"
"""What the standby calls itself; the primary waits for it by that name."""

WAIT_S = 60.0


class Pair:
    """A running primary, and a standby of it that starts and ends with the pair.

    The standby is asynchronous until `wait_for_standby` is called.
    """

    def __init__(self, primary: EmbeddedPostgres, folder: Path):
        self.primary = primary
        self.standby = EmbeddedPostgres(folder)

    def start(self) -> None:
        """Copy the primary and start the standby; returns when it follows."""
        base_backup(self.primary, self.standby.data_dir, "--write-recovery-conf")
        self.standby.start()
        wait_for(lambda: self._replication("state") == "streaming")

    def end(self) -> None:
        """End the standby."""
        self.standby.stop("immediate")

    def url(self, database: Database, user: str = "yupana_ledger") -> str:
        """Return the URL that finds whichever of the two takes writes."""
        ports = [server.port for server in (self.primary, self.standby)]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://{user}@{hosts}/{database.name}"

    def wait_for_standby(self) -> None:
        """Have commits wait for the standby from now on, as R12 asks."""
        set_option(self.primary, "synchronous_standby_names", STANDBY)
        wait_for(lambda: self._replication("sync_state") == "sync")

    def cut_off(self) -> None:
        """Have the standby receive nothing any more, as when the network between them is gone."""
        set_option(self.standby, "primary_conninfo", "")
        wait_for(lambda: self._replication("state") is None)

    def fail_over(self) -> None:
        """Fence the primary by ending it for good, then have the standby take writes."""
        self.primary.kill()
        self.promote()

    def freeze(self) -> None:
        """Have the primary say nothing more without closing anything, like a machine that hangs."""
        postmaster = psutil.Process(self.primary.pid)
        for process in [postmaster, *postmaster.children()]:
            process.suspend()

    def promote(self) -> None:
        """Have the standby take writes. Nobody may reach the primary any more."""
        assert execute(self.standby.url(), "SELECT pg_promote(wait => true)") == [(True,)]

    def _replication(self, column: str) -> object:
        rows = execute(
            self.primary.url(),
            f"SELECT {column} FROM pg_stat_replication WHERE application_name = '{STANDBY}'",
        )
        return rows[0][0] if rows else None


def base_backup(server: EmbeddedPostgres, folder: Path, *options: str) -> None:
    """Copy a running server's data folder, with the log that makes the copy whole."""
    source = f"{server.url()}?application_name={STANDBY}"
    arguments = [binary("pg_basebackup"), "--dbname", source, "--pgdata", folder]
    subprocess.run(
        [*arguments, "--checkpoint=fast", "--wal-method=stream", "--no-sync", *options],
        check=True,
        capture_output=True,
        timeout=WAIT_S,
    )


def set_option(server: EmbeddedPostgres, name: str, value: str) -> None:
    """Change a setting of a running server."""
    execute(server.url(), f"ALTER SYSTEM SET {name} = '{value}'")
    execute(server.url(), "SELECT pg_reload_conf()")


def wait_for(fact: Callable[[], bool]) -> None:
    """Poll until the fact holds."""
    assert wait_until(fact, WAIT_S), "it did not come about"
