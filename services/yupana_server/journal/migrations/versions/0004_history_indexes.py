"""Indexes for lists, expiries and effective times. None of them holds a plain transfer."""

from yupana_server.journal.migrations.indexes import add_journal_indexes

revision = "0004"
down_revision = "0003"

# What has an effective time, by account and that time. The amount stands in the index, so that a
# sum over a part of it reads nothing else.
_EFFECTIVE = (
    "(book, {side}_account, effective_at, seq) INCLUDE (amount) "
    "WHERE reason IS NULL AND {side}_account IS NOT NULL AND effective_at IS NOT NULL"
)

INDEXES = {
    "journal_opened": "(book, account) WHERE reason IS NULL AND kind = 2",
    "journal_account_codes": (
        "(book, code, account) WHERE reason IS NULL AND kind = 2 AND code IS NOT NULL"
    ),
    "journal_reasons": (
        "(book, reason, seq) WHERE reason IS NOT NULL AND kind IN (3, 4, 5, 6, 7, 8, 10, 11, 12)"
    ),
    "journal_expiries": "(book, seq) WHERE reason IS NULL AND kind = 8",
    "journal_expiry_debits": "(book, debit_account, seq) WHERE reason IS NULL AND kind = 8",
    "journal_expiry_credits": "(book, credit_account, seq) WHERE reason IS NULL AND kind = 8",
    "journal_effective_debits": _EFFECTIVE.format(side="debit"),
    "journal_effective_credits": _EFFECTIVE.format(side="credit"),
}


def upgrade() -> None:
    """Make the indexes."""
    add_journal_indexes(INDEXES)
