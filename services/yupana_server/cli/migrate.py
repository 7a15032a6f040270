"""`yupana migrate`: brings a database to the newest schema."""

import os
from typing import Annotated

import typer

from yupana_server.runtime.config import ConfigError, check_postgres_url


def migrate(
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="YUPANA_MIGRATE_DATABASE_URL",
            help="The database, logging in as a role that may create schemas and roles.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Brings a database to the newest schema. Safe to run at any time, also while serving.

    Creates the roles yupana_ledger, yupana_feed, yupana_worker and yupana_access, which those
    services log in as; with YUPANA_LEDGER_PASSWORD, YUPANA_FEED_PASSWORD, YUPANA_WORKER_PASSWORD
    and YUPANA_ACCESS_PASSWORD set, those are their passwords from now on.
    """
    from yupana_server.journal import migrate as migrations
    from yupana_server.journal.schema import newest_revision

    if database_url is None:
        raise ConfigError(
            "YUPANA_MIGRATE_DATABASE_URL is not set: a URL such as postgresql://postgres@db/yupana"
        )
    try:
        check_postgres_url(database_url)
    except ValueError as error:
        raise ConfigError(f"YUPANA_MIGRATE_DATABASE_URL=***: {error}") from error
    given = {
        migrations.LEDGER_ROLE: os.environ.get("YUPANA_LEDGER_PASSWORD"),
        migrations.FEED_ROLE: os.environ.get("YUPANA_FEED_PASSWORD"),
        migrations.WORKER_ROLE: os.environ.get("YUPANA_WORKER_PASSWORD"),
        migrations.ACCESS_ROLE: os.environ.get("YUPANA_ACCESS_PASSWORD"),
    }
    passwords = {role: password for role, password in given.items() if password is not None}
    applied = migrations.migrate(database_url, passwords=passwords)
    for name in applied:
        print(f"applied {name}")
    print(f"the schema is at {newest_revision()}")
