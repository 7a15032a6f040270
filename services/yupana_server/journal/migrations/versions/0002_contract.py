"""Holds, windows, groups, reversals, closed periods, words beside labels, and time travel."""

from alembic import op

from yupana_server.journal.migrations.indexes import add_journal_indexes

revision = "0002"
down_revision = "0001"

COLUMNS = """
ALTER TABLE yupana.journal
    ADD COLUMN code          text COLLATE "C",
    ADD COLUMN hold_change   numeric(39, 0),
    ADD COLUMN hold_captured numeric(39, 0),
    ADD COLUMN hold_group    text COLLATE "C",
    -- What is used of the windows of either account, and what came of the entry: see entries.py.
    ADD COLUMN debit_usage   jsonb,
    ADD COLUMN credit_usage  jsonb,
    ADD COLUMN result        jsonb
"""

WORDS = """
ALTER TABLE yupana.labels
    ADD COLUMN description text,
    ADD COLUMN reference   text
"""

# R14: rejections have an index of their own. None of these holds a plain transfer.
INDEXES = {
    "journal_holds": "(book, hold, seq) WHERE reason IS NULL AND hold IS NOT NULL",
    "journal_hold_debits": ("(book, debit_account, seq) WHERE reason IS NULL AND hold IS NOT NULL"),
    "journal_hold_credits": (
        "(book, credit_account, seq) WHERE reason IS NULL AND hold IS NOT NULL"
    ),
    "journal_groups": (
        "(book, hold_group, seq) WHERE reason IS NULL AND kind = 4 AND hold_group IS NOT NULL"
    ),
    "journal_reversals": "(book, reverses, seq) WHERE reason IS NULL AND reverses IS NOT NULL",
    # Of what is listed as a transfer alone.
    "journal_rejections": (
        "(book, seq) WHERE reason IS NOT NULL AND kind IN (3, 4, 5, 6, 7, 8, 10, 11, 12)"
    ),
    "journal_periods": "(book, seq) WHERE reason IS NULL AND kind = 17",
}

# Time strictly increases with seq, so a binary search by the primary key finds a moment without an
# index on time: 24 probes in 10 million entries. Entries that are not there any more are archived,
# and so older than those that are.
SEQ_AT = """
CREATE FUNCTION yupana.seq_at(wanted_book integer, wanted timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    low    bigint := 0;
    high   bigint;
    middle bigint;
    moment timestamptz;
BEGIN
    SELECT seq INTO high FROM yupana.journal
        WHERE book = wanted_book ORDER BY seq DESC LIMIT 1;
    high := coalesce(high, 0);
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT recorded_at INTO moment FROM yupana.journal
            WHERE book = wanted_book AND seq = middle;
        IF moment IS NULL OR moment <= wanted THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$
"""

GRANTS = (
    "GRANT EXECUTE ON FUNCTION yupana.seq_at TO yupana_ledger",
    # Words can be erased. The journal cannot: it keeps their hash.
    "GRANT DELETE ON yupana.labels TO yupana_ledger",
)


def upgrade() -> None:
    """Make what the full contract needs."""
    for statement in (COLUMNS, WORDS, SEQ_AT, *GRANTS):
        op.execute(statement)
    add_journal_indexes(INDEXES)
