"""Base backups, an archive of the log, and restoring to a moment: docs/operations.md as code."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from support.journals import execute
from support.replicas import base_backup, wait_for
from yupana_server.dev.postgres import EmbeddedPostgres


class Archive:
    """A folder beside a Postgres that gets its log and its base backups."""

    def __init__(self, folder: Path):
        self.log = folder / "log"
        self.base = folder / "base"
        self.log.mkdir(parents=True)

    @property
    def settings(self) -> Mapping[str, str]:
        """What the server needs to be started with."""
        return {
            "archive_mode": "on",
            # In two steps, so that what has its name is whole.
            "archive_command": f"cp %p {self.log}/%f.part && mv {self.log}/%f.part {self.log}/%f",
        }

    def back_up(self, server: EmbeddedPostgres) -> None:
        """Copy the server's data folder while it works."""
        owner = server.data_dir.stat()
        os.chown(self.log, owner.st_uid, owner.st_gid)  # Until then the server tries in vain.
        base_backup(server, self.base)

    def finish(self, server: EmbeddedPostgres) -> None:
        """Have everything that was written so far archived."""
        [(piece,)] = execute(server.url(), "SELECT pg_walfile_name(pg_switch_wal())")
        wait_for((self.log / str(piece)).exists)

    def restore(self, folder: Path, *, until: str, port: int | None = None) -> EmbeddedPostgres:
        """Start a server from the base backup and the log, with what had committed by a moment."""
        shutil.copytree(self.base, folder)
        (folder / "recovery.signal").touch()
        settings = {
            "restore_command": f"cp {self.log}/%f %p",
            "recovery_target_time": until,
            "recovery_target_action": "promote",
        }
        server = EmbeddedPostgres(folder, port=port, settings=settings)
        server.start()
        try:
            wait_for(lambda: execute(server.url(), "SELECT pg_is_in_recovery()") == [(False,)])
        except BaseException:
            server.kill()
            raise
        return server
