"""What a ledger asks of its database beside the journal: settings, partitions, stuck sessions."""

from yupana_server.journal.connect import APPEND_APPLICATION
from yupana_server.journal.reads import JournalReader

PARTITION_ENTRIES = 16_777_216
"""How many seqs a partition of the journal holds, as its function in the database has it."""


async def terminate_blocker(
    reader: JournalReader, process_id: int, *, waiting_longer_than_s: float
) -> int:
    """R5: end another append that blocks this process and waits for its client.

    Postgres' own time-outs do not fire inside COPY. Returns how many were ended.
    """
    rows = await reader.rows(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid = ANY(pg_blocking_pids(%(process_id)s::integer))
            AND application_name = %(application)s
            AND wait_event_type = 'Client'
            AND state_change < clock_timestamp() - make_interval(secs => %(age_s)s)
        """,
        {
            "process_id": process_id,
            "application": APPEND_APPLICATION,
            "age_s": waiting_longer_than_s,
        },
    )
    return len(rows)


async def add_partition(reader: JournalReader, number: int) -> None:
    """Make the partition of the journal unless it is there."""
    await reader.rows(
        "SELECT yupana.add_journal_partition(%(number)s::integer)", {"number": number}
    )


async def settings(reader: JournalReader) -> dict[str, str]:
    """R12: return what the promise depends on and this database's word on it."""
    rows = await reader.rows(
        """
        SELECT name, setting FROM pg_settings
        WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
        UNION ALL
        SELECT 'journal_append_only', CASE WHEN bool_or(
            has_table_privilege(oid, 'UPDATE')
            OR has_table_privilege(oid, 'DELETE')
            OR has_table_privilege(oid, 'TRUNCATE')
        ) THEN 'off' ELSE 'on' END
        FROM pg_class WHERE oid = 'yupana.journal'::regclass OR oid IN (
            SELECT inhrelid FROM pg_inherits WHERE inhparent = 'yupana.journal'::regclass
        )
        UNION ALL
        SELECT 'schema', version_num FROM yupana.migrations
        """,
        {},
    )
    return {str(row[0]): str(row[1]) for row in rows}


async def schema(reader: JournalReader) -> str:
    """Return the name of the newest migration that the database has."""
    rows = await reader.rows("SELECT version_num FROM yupana.migrations", {})
    return str(rows[0][0]) if rows else "none"
