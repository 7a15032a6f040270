"""Where audits stand, and what they found."""

from alembic import op

revision = "0006"
down_revision = "0005"

# One row for what follows a book's tail, one for what goes over its past again and again.
AUDITS = """
CREATE TABLE yupana.audits (
    book          integer NOT NULL,
    course        text COLLATE "C" NOT NULL CHECK (course IN ('newest', 'again')),
    -- The last entry that was audited, its hash, and the book's epoch by then (R1, R9).
    seq           bigint NOT NULL DEFAULT 0,
    hash          bytea,
    epoch         integer NOT NULL DEFAULT 0,
    audited_at    timestamptz,
    -- Of what goes over the past: where the lap ends, and when it began.
    until_seq     bigint NOT NULL DEFAULT 0,
    lap_at        timestamptz,
    -- The worker that audits it, and until when nobody else may.
    worker        text COLLATE "C",
    leased_until  timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (book, course)
) WITH (fillfactor = 50)
"""

DIFFERENCES = """
CREATE TABLE yupana.audit_differences (
    book             integer NOT NULL,
    seq              bigint NOT NULL,
    what             text COLLATE "C" NOT NULL,
    detail           text NOT NULL,
    found_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_at  timestamptz,
    PRIMARY KEY (book, seq, what)
)
"""

OPEN = """
CREATE INDEX audit_differences_open ON yupana.audit_differences (book)
    WHERE acknowledged_at IS NULL
"""

ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yupana_worker') THEN
        CREATE ROLE yupana_worker LOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- Another database of the same server is being migrated at this moment.
END
$$
"""

# The auditor may not touch what it audits, and nobody else what it found.
GRANTS = (
    "GRANT USAGE ON SCHEMA yupana TO yupana_worker",
    "GRANT SELECT ON yupana.books, yupana.journal, yupana.ids, yupana.labels, yupana.epochs,"
    " yupana.migrations TO yupana_worker",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON yupana.audits, yupana.audit_differences"
    " TO yupana_worker",
)


def upgrade() -> None:
    """Make the tables of audits and the worker's own role."""
    for statement in (AUDITS, DIFFERENCES, OPEN, ROLE, *GRANTS):
        op.execute(statement)
