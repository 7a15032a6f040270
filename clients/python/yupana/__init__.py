"""Client of Yupana, the ledger that counts exactly once."""

from yupana.book import BookClient
from yupana.client import Yupana
from yupana.commands import Command, CreateTransfer, NormalSide, OpenAccount, OpenAsset, linked
from yupana.errors import (
    AccountNotFound,
    BookNotFound,
    CallError,
    CommandError,
    DeadlineExceeded,
    EpochChanged,
    InternalError,
    MalformedRequest,
    OutcomeUnknown,
    Overloaded,
    Refused,
    Rejected,
    TransferNotFound,
    Unavailable,
    Violation,
    YupanaError,
)
from yupana.ids import uuid7
from yupana.outcomes import Outcome, OutcomeKind
from yupana.reasons import Reason
from yupana.records import Account, Asset, Book, Chain, Transfer

__all__ = [
    "Account",
    "AccountNotFound",
    "Asset",
    "Book",
    "BookClient",
    "BookNotFound",
    "CallError",
    "Chain",
    "Command",
    "CommandError",
    "CreateTransfer",
    "DeadlineExceeded",
    "EpochChanged",
    "InternalError",
    "MalformedRequest",
    "NormalSide",
    "OpenAccount",
    "OpenAsset",
    "Outcome",
    "OutcomeKind",
    "OutcomeUnknown",
    "Overloaded",
    "Reason",
    "Refused",
    "Rejected",
    "Transfer",
    "TransferNotFound",
    "Unavailable",
    "Violation",
    "Yupana",
    "YupanaError",
    "linked",
    "uuid7",
]
