"""Between the values of this package and the messages of the contract."""

from yupana.convert.commands import add_command, execute_request
from yupana.convert.outcomes import outcome
from yupana.convert.reads import as_of, consistency, label, outcome_filter
from yupana.convert.records import (
    account,
    asset,
    asset_sum,
    book,
    hold,
    snapshot,
    statement_page,
    transfer,
)
from yupana.convert.times import duration, moment, timestamp

__all__ = [
    "account",
    "add_command",
    "as_of",
    "asset",
    "asset_sum",
    "book",
    "consistency",
    "duration",
    "execute_request",
    "hold",
    "label",
    "moment",
    "outcome",
    "outcome_filter",
    "snapshot",
    "statement_page",
    "timestamp",
    "transfer",
]
