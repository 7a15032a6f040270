"""How Alembic runs the migrations: one at a time over all servers, with short lock waits."""

import psycopg
from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from yupana_server.journal.migrations.indexes import SHORT_WAITS

VERSION_TABLE = "migrations"
VERSION_SCHEMA = "yupana"


def write_sql() -> None:
    """Print the statements instead of running them, for the linter."""
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # Otherwise every % would be doubled.
        version_table=VERSION_TABLE,
        version_table_schema=VERSION_SCHEMA,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    """Apply what is missing, each migration in a transaction of its own."""
    url = context.config.attributes["url"]
    # libpq reads the URL, which may name several hosts; SQLAlchemy knows only one.
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    with engine.connect() as connection:
        connection.execute(text(SHORT_WAITS))
        connection.execute(text("SELECT pg_advisory_lock(hashtext('yupana migrations'))"))
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS yupana"))
        connection.commit()
        context.configure(
            connection=connection,
            version_table=VERSION_TABLE,
            version_table_schema=VERSION_SCHEMA,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    write_sql()
else:
    run()
