"""Adds indexes to the partitioned journal while appends go on."""

from collections.abc import Mapping

from alembic import context, op
from sqlalchemy import text

# ON ONLY reads no row. The linter does not know.
_EMPTY = "-- squawk-ignore require-concurrent-index-creation\n"


def add_journal_indexes(definitions: Mapping[str, str]) -> None:
    """Create indexes, named `journal_…`, by what follows `ON yupana.journal`.

    An index of a partitioned table cannot be built concurrently, those of its partitions can. To be
    the last step of a migration: what is done here is not rolled back with it.
    """
    partitions = _partitions()
    for name, definition in definitions.items():
        op.execute(f"{_EMPTY}CREATE INDEX IF NOT EXISTS {name} ON ONLY yupana.journal {definition}")
    with op.get_context().autocommit_block():
        for name, definition in definitions.items():
            for partition in partitions:
                index = f"{partition}_{name.removeprefix('journal_')}"
                op.execute(
                    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} "
                    f"ON yupana.{partition} {definition}"
                )
                op.execute(f"ALTER INDEX yupana.{name} ATTACH PARTITION yupana.{index}")


def _partitions() -> list[str]:
    if context.is_offline_mode():
        return ["journal_p0", "journal_p1"]
    found = op.get_bind().execute(
        text(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = 'yupana.journal'::regclass ORDER BY relname"
        )
    )
    return [str(row[0]) for row in found]
