"""Webhooks: endpoints, what they are signed with, and deliveries that are under way or kept."""

from alembic import op

revision = "0008"
down_revision = "0007"

ENDPOINTS = """
CREATE TABLE yupana.webhook_endpoints (
    book           integer NOT NULL,
    endpoint       text COLLATE "C" NOT NULL,
    url            text NOT NULL,
    description    text NOT NULL,
    -- Of yupana.feed.v1.EventFilter, as the contract's JSON.
    filter         jsonb NOT NULL,
    by_account     boolean NOT NULL,
    concurrency    integer NOT NULL,
    state          text COLLATE "C" NOT NULL DEFAULT 'active'
                   CHECK (state IN ('active', 'paused', 'failing', 'gone')),
    -- Counts the calls that changed anything: who delivers begins anew with what is there then.
    version        bigint NOT NULL DEFAULT 1,
    -- Counts the replays and the cuts of history: the same entry may be delivered once in each.
    run            integer NOT NULL DEFAULT 1,
    -- The last entry that was looked through, and its hash (R1), in which epoch of the book (R9).
    cursor_epoch   integer NOT NULL,
    cursor_seq     bigint NOT NULL,
    cursor_hash    bytea,
    -- Attempts that failed since one succeeded.
    failures       integer NOT NULL DEFAULT 0,
    failing_since  timestamptz,
    probe_at       timestamptz,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book, endpoint)
) WITH (fillfactor = 50)
"""

# A table of its own, so that nobody reads them by accident who reads endpoints.
SECRETS = """
CREATE TABLE yupana.webhook_secrets (
    book        integer NOT NULL,
    endpoint    text COLLATE "C" NOT NULL,
    number      integer NOT NULL,
    secret      bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz,
    PRIMARY KEY (book, endpoint, number)
)
"""

# The journal is the backlog: here stands the window that is under way, and what was told of lately.
# No payload: it is read from the journal for every attempt.
DELIVERIES = """
CREATE TABLE yupana.webhook_deliveries (
    book        integer NOT NULL,
    endpoint    text COLLATE "C" NOT NULL,
    run         integer NOT NULL,
    seq         bigint NOT NULL,
    -- Whether it says that the history was cut after this entry, instead of telling the entry.
    cut         boolean NOT NULL DEFAULT false,
    hash        bytea,
    event_id    text COLLATE "C" NOT NULL,
    type        text COLLATE "C" NOT NULL,
    subject     text COLLATE "C" NOT NULL,
    -- What it is ordered by.
    keys        text[] COLLATE "C" NOT NULL,
    state       text COLLATE "C" NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'delivered', 'dead', 'void')),
    attempts    integer NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    -- Of the last attempt.
    began_at    timestamptz,
    took_s      double precision,
    status      integer,
    error       text COLLATE "C",
    excerpt     text,
    PRIMARY KEY (book, endpoint, run, seq)
) WITH (fillfactor = 70)
"""

INDEXES = (
    "CREATE INDEX webhook_deliveries_waiting ON yupana.webhook_deliveries"
    " (book, endpoint, run, seq) WHERE state = 'waiting'",
    "CREATE INDEX webhook_deliveries_dead ON yupana.webhook_deliveries"
    " (book, endpoint, run, seq) WHERE state = 'dead'",
    "CREATE INDEX webhook_deliveries_ended ON yupana.webhook_deliveries"
    " (book, endpoint, ended_at) WHERE state IN ('delivered', 'void')",
)

# The feed alone: neither the ledger nor the worker can read where events go, or the secrets.
GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON"
    " yupana.webhook_endpoints, yupana.webhook_secrets, yupana.webhook_deliveries TO yupana_feed",
)


def upgrade() -> None:
    """Make the tables of webhooks."""
    for statement in (ENDPOINTS, SECRETS, DELIVERIES, *INDEXES, *GRANTS):
        op.execute(statement)
