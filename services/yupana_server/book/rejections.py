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
    ACCOUNT_FROZEN = 9
    ACCOUNT_CLOSED = 10
    ACCOUNT_NOT_CLOSED = 11
    HOLDS_OPEN = 12
    WINDOW_EXCEEDED = 13
    CONDITION_FAILED = 14
    POSITION_CHANGED = 15
    PERIOD_CLOSED = 16
    HOLD_NOT_FOUND = 17
    HOLD_CLOSED = 18
    HOLD_EXPIRED = 19
    EXCEEDS_HOLD = 20
    BELOW_CAPTURED = 21
    TARGET_NOT_FOUND = 22
    NOT_REVERSIBLE = 23
    EXCEEDS_ORIGINAL = 24
    GROUP_EMPTY = 25
    GROUP_FULL = 26
    COLLECTED_TOO_LITTLE = 27
    ID_REUSED = 32
    CHAIN_MIXED = 33
    ASSET_MISMATCH = 34
    EFFECTIVE_TIME_IN_FUTURE = 35
    REJECTION_QUOTA_EXCEEDED = 36
    EXPIRE_TIME_IN_PAST = 37


class Failure(NamedTuple):
    """A reason with the values behind it. Recorded or not is for the decision to say."""

    reason: Reason
    facts: Mapping[str, str]

    @property
    def recorded(self) -> bool:
        """Whether the failure is a rejection, which is final, and not a refusal."""
        return self.reason < Reason.ID_REUSED


class Refusal(NamedTuple):
    """A command that was not executed; nothing is recorded for it."""

    id: str
    reason: Reason
    facts: Mapping[str, str]


def explain(reason: Reason, facts: Mapping[str, str]) -> str:
    """Say what failed, with which values, and what to do."""
    sentence = _SENTENCES[reason].format_map(facts)
    return f"leg {facts['leg']}: {sentence}" if "leg" in facts else sentence


_SENTENCES = {
    Reason.ACCOUNT_NOT_FOUND: (
        "the {side} account {account} is not open in this book: "
        "open it, then send the command under a new id"
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
    Reason.ACCOUNT_FROZEN: (
        "{side}s of {account} are frozen: thaw it, then send the command under a new id"
    ),
    Reason.ACCOUNT_CLOSED: ("{account} is closed: reopen it, then send the command under a new id"),
    Reason.ACCOUNT_NOT_CLOSED: "{account} is not closed: there is nothing to reopen",
    Reason.HOLDS_OPEN: (
        "{account} has open holds ({debits_pending} of debits and {credits_pending} of credits "
        "pending): capture or release them before closing it"
    ),
    Reason.WINDOW_EXCEEDED: (
        "{account} may have {max} of {side} {measure} within {length_s} s, has had {used} "
        "and {asked} more was asked: lower the amount, wait, or raise the limit"
    ),
    Reason.CONDITION_FAILED: (
        "condition {condition}: the {quantity} of {account} would be {actual}, "
        "which is not {operator} {value}"
    ),
    Reason.POSITION_CHANGED: (
        "condition {condition}: {account} was changed meanwhile, last at entry {last_seq}: "
        "read it and decide again, under a new id"
    ),
    Reason.PERIOD_CLOSED: (
        "{effective_time} lies before {closed_before}, where the book's past is closed: "
        "give a later time"
    ),
    Reason.HOLD_NOT_FOUND: "there is no hold {hold} in this book",
    Reason.HOLD_CLOSED: "nothing remains of the hold {hold}: it was {state}",
    Reason.HOLD_EXPIRED: "the hold {hold} expired at {expire_time}: create a new one",
    Reason.EXCEEDS_HOLD: (
        "{amount} is more than the {remaining} that remain of the hold {hold}: lower the amount"
    ),
    Reason.BELOW_CAPTURED: (
        "{captured} of the hold {hold} are captured, so it cannot be lowered to {amount}"
    ),
    Reason.TARGET_NOT_FOUND: "no command {target} is recorded in this book",
    Reason.NOT_REVERSIBLE: (
        "{target} is a {kind}: only posted transfers, captures and legs can be reversed"
    ),
    Reason.EXCEEDS_ORIGINAL: (
        "{target} moved {moved}, of which {reversed} are reversed: {amount} is more than is left"
    ),
    Reason.GROUP_EMPTY: "the group {group} has no open hold",
    Reason.GROUP_FULL: "the group {group} has had {holds} holds, its most: use another group",
    Reason.COLLECTED_TOO_LITTLE: (
        "{collected} could be collected of {collect_amount}: add accounts, lower the amount, "
        "or collect partially"
    ),
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
    Reason.EXPIRE_TIME_IN_PAST: (
        "expire_time {expire_time} does not lie after the ledger's clock: "
        "give a later one, or a timeout"
    ),
    Reason.REJECTION_QUOTA_EXCEEDED: (
        "rejected for {rejected_reason}, but this book has had too many rejections: "
        "slow down; the id is still free"
    ),
}
