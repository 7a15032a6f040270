"""Books, the journal, the ids and the labels, and the ledger's own role."""

from alembic import op

revision = "0001"
down_revision = None

BOOKS = """
CREATE TABLE yupana.books (
    book        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          text COLLATE "C" NOT NULL UNIQUE,
    epoch       integer NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Appends lock this row. A writer that does not know what became of its commit counts it up:
    -- when that commits, whatever was under way before has ended, and has reached the standby.
    heartbeat   bigint NOT NULL DEFAULT 0
)
"""

JOURNAL = """
CREATE TABLE yupana.journal (
    book                    integer NOT NULL,
    seq                     bigint NOT NULL,
    epoch                   integer NOT NULL,
    format                  smallint NOT NULL,
    rules                   smallint NOT NULL,
    kind                    smallint NOT NULL,
    id                      text COLLATE "C" NOT NULL,
    recorded_at             timestamptz NOT NULL,
    effective_at            timestamptz,
    actor                   text COLLATE "C",
    trace_id                bytea,
    reason                  smallint,
    facts                   jsonb,
    chain_first             text COLLATE "C",
    chain_place             smallint,
    chain_length            smallint,
    payment                 text COLLATE "C",
    debit_account           text COLLATE "C",
    credit_account          text COLLATE "C",
    amount                  numeric(39, 0),
    requested_amount        numeric(39, 0),
    asset                   text COLLATE "C",
    debit_debits_posted     numeric(39, 0),
    debit_credits_posted    numeric(39, 0),
    debit_debits_pending    numeric(39, 0),
    debit_credits_pending   numeric(39, 0),
    credit_debits_posted    numeric(39, 0),
    credit_credits_posted   numeric(39, 0),
    credit_debits_pending   numeric(39, 0),
    credit_credits_pending  numeric(39, 0),
    -- Cumulative counters, whose differences are what windowed limits look at.
    debit_count             bigint,
    credit_count            bigint,
    hold                    text COLLATE "C",
    hold_remaining          numeric(39, 0),
    hold_expires_at         timestamptz,
    reverses                text COLLATE "C",
    reversed_amount         numeric(39, 0),
    account                 text COLLATE "C",
    content                 jsonb,
    sealed_labels           bytea,
    hash                    bytea NOT NULL,
    PRIMARY KEY (book, seq)
) PARTITION BY RANGE (seq)
"""

# R14: rejections stay out of the account indexes.
JOURNAL_INDEXES = (
    """
    CREATE INDEX journal_debits ON yupana.journal (book, debit_account, seq)
        WHERE reason IS NULL AND debit_account IS NOT NULL
    """,
    """
    CREATE INDEX journal_credits ON yupana.journal (book, credit_account, seq)
        WHERE reason IS NULL AND credit_account IS NOT NULL
    """,
    """
    CREATE INDEX journal_accounts ON yupana.journal (book, account, seq)
        WHERE reason IS NULL AND account IS NOT NULL
    """,
    """
    CREATE INDEX journal_assets ON yupana.journal (book, asset)
        WHERE reason IS NULL AND kind = 1
    """,
)

# R7: ids stand apart from the journal, so that the journal can be partitioned by seq and archived.
IDS = """
CREATE TABLE yupana.ids (
    book  integer NOT NULL,
    id    text COLLATE "C" NOT NULL,
    seq   bigint NOT NULL,
    PRIMARY KEY (book, id)
)
"""

LABELS = """
CREATE TABLE yupana.labels (
    book    integer NOT NULL,
    seq     bigint NOT NULL,
    labels  jsonb NOT NULL,
    PRIMARY KEY (book, seq)
)
"""

# Runs with its owner's rights, so that the ledger can have the next partition made without being
# allowed to change the schema. Attaching takes a lock that lets appends and reads go on.
ADD_PARTITION = """
CREATE FUNCTION yupana.add_journal_partition(number integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    size   constant bigint := 16777216;
    name   constant text := 'journal_p' || number;
BEGIN
    IF number < 0 OR number > 1000000 THEN
        RAISE EXCEPTION 'partition number % is out of range', number;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('yupana journal partitions'));
    IF to_regclass('yupana.' || quote_ident(name)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE yupana.%I (LIKE yupana.journal INCLUDING DEFAULTS)', name);
    EXECUTE format('GRANT SELECT, INSERT ON yupana.%I TO yupana_ledger', name);
    EXECUTE format(
        'ALTER TABLE yupana.journal ATTACH PARTITION yupana.%I FOR VALUES FROM (%s) TO (%s)',
        name, number * size, (number + 1) * size
    );
END
$$
"""

# R12: on the journal the ledger may INSERT and SELECT, nothing else. On books it may also touch the
# heartbeat, because a row can be locked only by who may update something of it.
ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yupana_ledger') THEN
        CREATE ROLE yupana_ledger LOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- Another database of the same server is being migrated at this moment.
END
$$
"""

GRANTS = (
    "GRANT USAGE ON SCHEMA yupana TO yupana_ledger",
    "GRANT SELECT, INSERT ON yupana.books, yupana.journal, yupana.ids, yupana.labels"
    " TO yupana_ledger",
    "GRANT UPDATE (heartbeat) ON yupana.books TO yupana_ledger",
    "GRANT SELECT ON yupana.migrations TO yupana_ledger",
    "REVOKE ALL ON FUNCTION yupana.add_journal_partition FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION yupana.add_journal_partition TO yupana_ledger",
)


def upgrade() -> None:
    """Make everything that the first release needs."""
    for statement in (ROLE, BOOKS, JOURNAL, *JOURNAL_INDEXES, IDS, LABELS, ADD_PARTITION, *GRANTS):
        op.execute(statement)
    op.execute("SELECT yupana.add_journal_partition(0)")
    op.execute("SELECT yupana.add_journal_partition(1)")
