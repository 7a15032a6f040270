"""Adds indexes to the partitioned journal while appends go on."""

from collections.abc import Mapping

from alembic import context, op
from sqlalchemy import text

# ON ONLY reads no row. The linter does not know.
_EMPTY = "-- squawk-ignore require-concurrent-index-creation\n"


SHORT_WAITS = "SET lock_timeout = '4s'"
"""Whoever waits longer for a lock holds up all who come after."""

_LONG_WAITS = "SET lock_timeout = 0"


def add_journal_indexes(definitions: Mapping[str, str]) -> None:
    """Create indexes, named `journal_…`, by what follows `ON yupana.journal`.

    An index of a partitioned table cannot be built concurrently, those of its partitions can. To be
    the last step of a migration: what is done here is not rolled back with it.
    """
    for name, definition in definitions.items():
        op.execute(f"{_EMPTY}CREATE INDEX IF NOT EXISTS {name} ON ONLY yupana.journal {definition}")
    with op.get_context().autocommit_block():
        for name, definition in definitions.items():
            for partition in _partitions():  # Later ones have the index from the begin.
                index = f"{partition}_{name.removeprefix('journal_')}"
                # Waits for all who are at work, which may take long and holds up nobody.
                op.execute(_LONG_WAITS)
                if _is_invalid(index):  # It was not finished the last time.
                    op.execute(f"REINDEX INDEX CONCURRENTLY yupana.{index}")
                op.execute(
                    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} "
                    f"ON yupana.{partition} {definition}"
                )
                op.execute(SHORT_WAITS)
                op.execute(f"ALTER INDEX yupana.{name} ATTACH PARTITION yupana.{index}")


def _is_invalid(index: str) -> bool:
    if context.is_offline_mode():
        return False
    found = op.get_bind().execute(
        text("SELECT FROM pg_index WHERE indexrelid = to_regclass(:index) AND NOT indisvalid"),
        {"index": f"yupana.{index}"},
    )
    return found.first() is not None


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
