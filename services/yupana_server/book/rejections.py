"""Why a command was decided against or not executed, and how to say it to people."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class Reason(IntEnum):
    """The per-command reasons of `yupana.ledger.v1.ErrorReason`: same names, same numbers."""

    ACCOUNT_NOT_FOUND = 1
    ASSET_NOT_FOUND = 2
    ACCOUNT_EXISTS = 3
    ASSET_EXISTS = 4
    BELOW_MIN_BALANCE = 5
    ABOVE_MAX_BALANCE = 6
    OVERFLOW = 7
    LINKED_FAILED = 8
    ID_REUSED = 32
    CHAIN_MIXED = 33
    ASSET_MISMATCH = 34
    EFFECTIVE_TIME_IN_FUTURE = 35
    REJECTION_QUOTA_EXCEEDED = 36


class Failure(NamedTuple):
    """A reason with the values behind it. Recorded or not is for the decision to say."""

    reason: Reason
    facts: Mapping[str, str]

    @property
    def recorded(self) -> bool:
        """Whether the failure is a rejection, which is final, and not a refusal."""
        return self.reason <= Reason.LINKED_FAILED


class Refusal(NamedTuple):
    """A command that was not executed; nothing is recorded for it."""

    id: str
    reason: Reason
    facts: Mapping[str, str]


def explain(reason: Reason, facts: Mapping[str, str]) -> str:
    """Say what failed, with which values, and what to do."""
    return _SENTENCES[reason].format_map(facts)


_SENTENCES = {
    Reason.ACCOUNT_NOT_FOUND: (
        "the {side} account {account} is not open in this book: "
        "open it, then send the transfer under a new id"
    ),
    Reason.ASSET_NOT_FOUND: (
        "the asset {asset} is not open in this book: open it, then open the account under a new id"
    ),
    Reason.ACCOUNT_EXISTS: "the account {account} is already open, by the command {opened_by}",
    Reason.ASSET_EXISTS: "the asset {asset} is already open",
    Reason.BELOW_MIN_BALANCE: (
        "{account} has {available} available, {amount} asked, and must keep {min_balance}: "
        "lower the amount or min_balance"
    ),
    Reason.ABOVE_MAX_BALANCE: (
        "{account} stands at {balance}, {amount} more would pass its ceiling of {max_balance}: "
        "lower the amount or raise max_balance"
    ),
    Reason.OVERFLOW: "{total} of {account} would pass {limit}: move the amount to another account",
    Reason.LINKED_FAILED: "{failed_id} of the same chain failed with {failed_reason}",
    Reason.ID_REUSED: (
        "this id was used before with another {field} ({recorded}, now {given}): "
        "its outcome stands, send this command under a new id"
    ),
    Reason.CHAIN_MIXED: (
        "{known_id} of the same chain is known already and this command is not: "
        "send a chain again exactly as it was sent first"
    ),
    Reason.ASSET_MISMATCH: (
        "the assets differ: debit account {debit_asset}, credit account {credit_asset}, "
        "asked for {asked_asset}"
    ),
    Reason.EFFECTIVE_TIME_IN_FUTURE: (
        "effective_time {effective_time} lies after the ledger's clock: "
        "send it when the time has come, or correct the sender's clock"
    ),
    Reason.REJECTION_QUOTA_EXCEEDED: (
        "rejected for {rejected_reason}, but this book has had too many rejections: "
        "slow down; the id is still free"
    ),
}
