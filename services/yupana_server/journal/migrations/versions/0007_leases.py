"""Leases: which feed does what alone, for which book."""

from alembic import op

revision = "0007"
down_revision = "0006"

LEASES = """
CREATE TABLE yupana.leases (
    book          integer NOT NULL,
    work          text COLLATE "C" NOT NULL,
    holder        text COLLATE "C" NOT NULL,
    -- Counts how often the lease went to somebody else: what an earlier holder wrote is told by it.
    fence         bigint NOT NULL DEFAULT 1,
    leased_until  timestamptz NOT NULL,
    PRIMARY KEY (book, work)
) WITH (fillfactor = 50)
"""

# Who is there, also while it has no lease: by their number the books are shared out.
HOLDERS = """
CREATE TABLE yupana.lease_holders (
    work        text COLLATE "C" NOT NULL,
    holder      text COLLATE "C" NOT NULL,
    here_until  timestamptz NOT NULL,
    PRIMARY KEY (work, holder)
) WITH (fillfactor = 50)
"""

# R9: a feed may notice first that a history was cut.
GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON yupana.leases, yupana.lease_holders TO yupana_feed",
    "GRANT EXECUTE ON FUNCTION yupana.raise_epoch TO yupana_feed",
    "GRANT EXECUTE ON FUNCTION yupana.seq_at TO yupana_feed",
)


def upgrade() -> None:
    """Make the tables of leases."""
    for statement in (LEASES, HOLDERS, *GRANTS):
        op.execute(statement)
