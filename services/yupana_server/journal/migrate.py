"""Brings a database to the newest schema."""

from collections.abc import Mapping
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from yupana_server.journal.errors import UnavailableError

LEDGER_ROLE = "yupana_ledger"
"""The role that ledgers log in as. It may only INSERT and SELECT on the journal."""

FEED_ROLE = "yupana_feed"
"""The role that feeds log in as. It may only SELECT on the journal."""

WORKER_ROLE = "yupana_worker"
"""The role that workers log in as. It may only SELECT on the journal."""

ACCESS_ROLE = "yupana_access"
"""The role that access logs in as. It sees keys and quotas, and nothing of the journal."""


def migrate(url: str, *, passwords: Mapping[str, str] = {}) -> list[str]:
    """Apply the migrations that are missing and return their names, oldest first.

    Safe to run at any time and from several places at once: one waits for the other. `url` must
    log in as a role that may create schemas and roles. `passwords` are given to roles that the
    services log in as.

    Raises:
        UnavailableError: The database cannot be reached, refuses, or does not hold Unicode.
    """
    try:
        _check_encoding(url)
        before = current_revision(url)
        command.upgrade(_config(url), "head")
        for role, password in passwords.items():
            _set_password(url, role, password)
    except (psycopg.Error, DBAPIError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise UnavailableError(f"the database cannot be migrated: {first_line}") from error
    scripts = ScriptDirectory.from_config(_config(url))
    applied = scripts.iterate_revisions("head", before or "base")
    return [f"{script.revision} {script.doc}" for script in reversed(list(applied))]


def print_sql() -> None:
    """Print the statements of all migrations, for a linter to read."""
    command.upgrade(_config(""), "head", sql=True)


def current_revision(url: str) -> str | None:
    """Return the newest migration that the database has, None when it has none."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT to_regclass('yupana.migrations') IS NOT NULL").fetchone()
        if row is None or not row[0]:
            return None
        row = connection.execute("SELECT version_num FROM yupana.migrations").fetchone()
    return None if row is None else str(row[0])


def _check_encoding(url: str) -> None:
    with psycopg.connect(url) as connection:
        encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnavailableError(
            f"the database cannot be migrated: its encoding is {encoding}, not UTF8; make another "
            "one by CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _set_password(url: str, role: str, password: str) -> None:
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
        sql.Identifier(role), sql.Literal(password)
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    if url:
        config.attributes["url"] = url
    return config
