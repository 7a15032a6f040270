"""What the feed folds from the journal: open holds, tags, sums by prefix and by effective time."""

from alembic import op

revision = "0003"
down_revision = "0002"

# How far each projection of a book is folded. A version being built grows beside the live one.
PROJECTIONS = """
CREATE TABLE yupana.projections (
    book        integer NOT NULL,
    projection  text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    state       text COLLATE "C" NOT NULL CHECK (state IN ('building', 'live', 'dropping')),
    -- The last entry that is folded, and its hash (R1): a lost tail must be noticed.
    seq         bigint NOT NULL DEFAULT 0,
    hash        bytea,
    PRIMARY KEY (book, projection, version)
) WITH (fillfactor = 50)
"""

ONE_LIVE = """
CREATE UNIQUE INDEX projections_live ON yupana.projections (book, projection) WHERE state = 'live'
"""

OPEN_HOLDS = """
CREATE TABLE yupana.open_holds (
    book            integer NOT NULL,
    version         integer NOT NULL,
    hold            text COLLATE "C" NOT NULL,
    debit_account   text COLLATE "C" NOT NULL,
    credit_account  text COLLATE "C" NOT NULL,
    created_seq     bigint NOT NULL,
    expires_at      timestamptz,
    PRIMARY KEY (book, version, hold)
)
"""

OPEN_HOLDS_INDEXES = (
    "CREATE INDEX open_holds_created ON yupana.open_holds (book, version, created_seq)",
    "CREATE INDEX open_holds_debits"
    " ON yupana.open_holds (book, version, debit_account, created_seq)",
    "CREATE INDEX open_holds_credits"
    " ON yupana.open_holds (book, version, credit_account, created_seq)",
    # The sweep asks over all books at once.
    "CREATE INDEX open_holds_due ON yupana.open_holds (expires_at) WHERE expires_at IS NOT NULL",
)

# An inverted index of what is listed as a transfer, by code and by label.
TAGS = """
CREATE TABLE yupana.tags (
    book     integer NOT NULL,
    version  integer NOT NULL,
    tag      text COLLATE "C" NOT NULL,
    seq      bigint NOT NULL,
    PRIMARY KEY (book, version, tag, seq)
)
"""

# The same of accounts by label, in the order of their ids. Codes have an index of the journal.
ACCOUNT_TAGS = """
CREATE TABLE yupana.account_tags (
    book     integer NOT NULL,
    version  integer NOT NULL,
    tag      text COLLATE "C" NOT NULL,
    account  text COLLATE "C" NOT NULL,
    seq      bigint NOT NULL,
    PRIMARY KEY (book, version, tag, account)
)
"""

# By which the tags of a command are found whose labels are erased.
TAGS_INDEXES = (
    "CREATE INDEX tags_seqs ON yupana.tags (book, version, seq)",
    "CREATE INDEX account_tags_seqs ON yupana.account_tags (book, version, seq)",
)

# Sums over accounts may pass what one account can hold: numeric without bound. The rows of short
# prefixes are updated by every fold, in place while their page has room.
PREFIX_SUMS = """
CREATE TABLE yupana.prefix_sums (
    book             integer NOT NULL,
    version          integer NOT NULL,
    prefix           text COLLATE "C" NOT NULL,
    asset            text COLLATE "C" NOT NULL,
    accounts         bigint NOT NULL,
    debits_posted    numeric NOT NULL,
    credits_posted   numeric NOT NULL,
    debits_pending   numeric NOT NULL,
    credits_pending  numeric NOT NULL,
    PRIMARY KEY (book, version, prefix, asset)
) WITH (fillfactor = 70)
"""

# Of accounts with many entries that carry an effective time; see journal/effective.py.
EFFECTIVE_SUMS = """
CREATE TABLE yupana.effective_sums (
    book     integer NOT NULL,
    version  integer NOT NULL,
    account  text COLLATE "C" NOT NULL,
    level    smallint NOT NULL,
    bucket   bigint NOT NULL,
    entries  bigint NOT NULL,
    debits   numeric NOT NULL,
    credits  numeric NOT NULL,
    PRIMARY KEY (book, version, account, level, bucket)
) WITH (fillfactor = 70)
"""

TABLES = (
    "yupana.projections, yupana.open_holds, yupana.tags, yupana.account_tags, "
    "yupana.prefix_sums, yupana.effective_sums"
)

ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yupana_feed') THEN
        CREATE ROLE yupana_feed LOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- Another database of the same server is being migrated at this moment.
END
$$
"""

# The feed may not append, the ledger may not touch what the feed folds.
GRANTS = (
    "GRANT USAGE ON SCHEMA yupana TO yupana_feed",
    "GRANT SELECT ON yupana.books, yupana.journal, yupana.ids, yupana.labels, yupana.migrations"
    " TO yupana_feed",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLES} TO yupana_feed",
    f"GRANT SELECT ON {TABLES} TO yupana_ledger",
)


def upgrade() -> None:
    """Make the projections and the feed's own role."""
    tables = (PROJECTIONS, OPEN_HOLDS, TAGS, ACCOUNT_TAGS, PREFIX_SUMS, EFFECTIVE_SUMS)
    for statement in (*tables, ONE_LIVE, *OPEN_HOLDS_INDEXES, *TAGS_INDEXES, ROLE, *GRANTS):
        op.execute(statement)
