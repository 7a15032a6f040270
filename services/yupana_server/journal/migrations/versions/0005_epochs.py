"""R9: when a book's history was cut, and up to where both histories are the same."""

from alembic import op

revision = "0005"
down_revision = "0004"

EPOCHS = """
CREATE TABLE yupana.epochs (
    book        integer NOT NULL,
    -- The epoch that began with the cut.
    epoch       integer NOT NULL,
    -- The last entry that it has in common with the epoch before, as far as is known.
    common_seq  bigint NOT NULL,
    began_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book, epoch)
)
"""

# Runs with its owner's rights: the ledger may not change epochs in any other way. Several servers
# notice the same cut, and each tells what it knew: the epoch and the entry that it last saw there,
# and up to where that history is still what it was. An epoch that began later, and has less in
# common, explains it already.
RAISE_EPOCH = """
CREATE FUNCTION yupana.raise_epoch(
    cut_book integer, known_epoch integer, known_seq bigint, common bigint
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_epoch  integer;
BEGIN
    SELECT epoch INTO now_epoch FROM yupana.books WHERE book = cut_book FOR UPDATE;
    IF NOT EXISTS (
        SELECT FROM yupana.epochs e
        WHERE e.book = cut_book AND e.epoch > known_epoch AND e.common_seq < known_seq
    ) THEN
        now_epoch := greatest(now_epoch, known_epoch) + 1;
        UPDATE yupana.books SET epoch = now_epoch WHERE book = cut_book;
        INSERT INTO yupana.epochs (book, epoch, common_seq) VALUES (cut_book, now_epoch, common);
    END IF;
    RETURN now_epoch;
END
$$
"""

GRANTS = (
    "GRANT SELECT ON yupana.epochs TO yupana_ledger, yupana_feed",
    "REVOKE ALL ON FUNCTION yupana.raise_epoch FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION yupana.raise_epoch TO yupana_ledger",
)


def upgrade() -> None:
    """Make the table of epochs and what writes it."""
    for statement in (EPOCHS, RAISE_EPOCH, *GRANTS):
        op.execute(statement)
