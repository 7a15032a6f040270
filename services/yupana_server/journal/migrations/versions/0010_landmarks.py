"""Moments are found by landmarks: the time of every 64th entry stands in an index."""

from alembic import op

from yupana_server.journal.migrations.indexes import add_journal_indexes

revision = "0010"
down_revision = "0009"

INDEXES = {"journal_landmarks": "(book, recorded_at) INCLUDE (seq) WHERE seq % 64 = 0"}

# Time strictly increases with seq. So what was recorded by a moment ends before the first entry
# recorded later, which is one of the 64 after the last landmark before it: two short index ranges
# instead of the 24 probes that a binary search of 10 million entries takes. Entries that are not
# there any more are archived, and so older than those that are.
SEQ_AT = """
CREATE OR REPLACE FUNCTION yupana.seq_at(wanted_book integer, wanted timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    landmark bigint;
BEGIN
    SELECT seq INTO landmark FROM yupana.journal
        WHERE book = wanted_book AND seq % 64 = 0 AND recorded_at <= wanted
        ORDER BY recorded_at DESC LIMIT 1;
    IF landmark IS NULL THEN
        SELECT seq - 1 INTO landmark FROM yupana.journal
            WHERE book = wanted_book ORDER BY seq LIMIT 1;
    END IF;
    RETURN coalesce(
        (
            SELECT seq - 1 FROM yupana.journal
            WHERE book = wanted_book AND seq > landmark AND seq <= landmark + 64
                AND recorded_at > wanted
            ORDER BY seq LIMIT 1
        ),
        (SELECT seq FROM yupana.journal WHERE book = wanted_book ORDER BY seq DESC LIMIT 1),
        0
    );
END
$$
"""


def upgrade() -> None:
    """Make the index, then what uses it."""
    add_journal_indexes(INDEXES)
    op.execute(SEQ_AT)
