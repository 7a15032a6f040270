"""Access: keys, hashes of their tokens, quotas, and who changed what."""

from alembic import op

revision = "0009"
down_revision = "0008"

KEYS = """
CREATE TABLE yupana.access_keys (
    key               text COLLATE "C" PRIMARY KEY,
    description       text NOT NULL,
    -- Of yupana.access.v1.Grant and Quota, as the contract's JSON.
    grants            jsonb NOT NULL,
    quota             jsonb NOT NULL,
    certificate_name  text COLLATE "C" UNIQUE,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at        timestamptz,
    revoked_at        timestamptz
)
"""

TOKENS = """
CREATE TABLE yupana.access_tokens (
    key         text COLLATE "C" NOT NULL,
    number      integer NOT NULL,
    hash        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz,
    PRIMARY KEY (key, number)
)
"""

# Apart, as every process writes it that lets callers in.
USES = """
CREATE TABLE yupana.access_uses (
    key      text COLLATE "C" PRIMARY KEY,
    used_at  timestamptz NOT NULL
) WITH (fillfactor = 50)
"""

BOOK_QUOTAS = """
CREATE TABLE yupana.access_book_quotas (
    book   text COLLATE "C" PRIMARY KEY,
    quota  jsonb NOT NULL
)
"""

CHANGES = """
CREATE TABLE yupana.access_changes (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor   text COLLATE "C" NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL DEFAULT '',
    book    text COLLATE "C" NOT NULL DEFAULT '',
    detail  jsonb NOT NULL
)
"""
CHANGES_BY_KEY = "CREATE INDEX access_changes_by_key ON yupana.access_changes (key, number)"

ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yupana_access') THEN
        CREATE ROLE yupana_access LOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- Another database of the same server is being migrated at this moment.
END
$$
"""

# What was changed cannot be unwritten by who changes; those who let callers in change nothing.
GRANTS = (
    "GRANT USAGE ON SCHEMA yupana TO yupana_access",
    "GRANT SELECT ON yupana.migrations TO yupana_access",
    "GRANT SELECT, INSERT, UPDATE ON"
    " yupana.access_keys, yupana.access_tokens, yupana.access_book_quotas TO yupana_access",
    "GRANT SELECT, INSERT ON yupana.access_changes TO yupana_access",
    "GRANT SELECT ON yupana.access_keys, yupana.access_tokens, yupana.access_book_quotas"
    " TO yupana_ledger, yupana_feed",
    "GRANT SELECT, INSERT, UPDATE ON yupana.access_uses"
    " TO yupana_access, yupana_ledger, yupana_feed",
)


def upgrade() -> None:
    """Make the tables of access and its own role."""
    tables = (KEYS, TOKENS, USES, BOOK_QUOTAS, CHANGES, CHANGES_BY_KEY)
    for statement in (*tables, ROLE, *GRANTS):
        op.execute(statement)
