"""Databases of their own for tests, made from one migrated template."""

import itertools
import threading
from dataclasses import dataclass

from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.journal.migrate import migrate

TEMPLATE = "yupana_template"

_numbers = itertools.count(1)
_migrating = threading.Lock()
"""Alembic cannot migrate two databases of one process at the same time."""


@dataclass(frozen=True)
class Database:
    """A migrated database."""

    server: EmbeddedPostgres
    name: str

    @property
    def admin_url(self) -> str:
        """Logs in as a superuser."""
        return self.server.url(self.name)

    @property
    def ledger_url(self) -> str:
        """Logs in as the ledger does."""
        return self.server.url(self.name, "yupana_ledger")

    @property
    def feed_url(self) -> str:
        """Logs in as the feed does."""
        return self.server.url(self.name, "yupana_feed")

    @property
    def worker_url(self) -> str:
        """Logs in as the worker does."""
        return self.server.url(self.name, "yupana_worker")

    @property
    def access_url(self) -> str:
        """Logs in as access does."""
        return self.server.url(self.name, "yupana_access")


def make_template(server: EmbeddedPostgres) -> None:
    """Migrate a database that others are copied from."""
    server.create_database(TEMPLATE)
    with _migrating:
        migrate(server.url(TEMPLATE))


def make_database(server: EmbeddedPostgres) -> Database:
    """Copy the template."""
    name = f"test_{next(_numbers)}"
    server.create_database(name, template=TEMPLATE)
    return Database(server, name)
