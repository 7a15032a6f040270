"""Moments of a book's history, and what accounts had then."""

from collections.abc import Sequence
from typing import NamedTuple

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.book.entries import ZERO, Totals
from yupana_server.book.state import Account
from yupana_server.journal.effective import effective_accounts
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.messages.fields import Violations
from yupana_server.messages.tokens import decode_position, epoch_changed
from yupana_server.runtime.errors import CallError


class Moment(NamedTuple):
    """A moment of a book's history, by exactly one of these."""

    position: str | None = None
    recorded_at: int | None = None
    effective_at: int | None = None


def read_as_of(
    request: ledger_service_pb2.BatchGetAccountsRequest | ledger_service_pb2.GetAccountRequest,
    check: Violations,
) -> Moment | None:
    """Read which moment is asked for; None means now."""
    if not request.HasField("as_of"):
        return None
    inside, message = check.inside("as_of"), request.as_of
    inside.check_unknown(message)
    kind = message.WhichOneof("moment")
    if kind == "position":
        return Moment(position=message.position)
    if kind == "record_time":
        return Moment(recorded_at=inside.read_time("record_time", message))
    if kind == "effective_time":
        return Moment(effective_at=inside.read_time("effective_time", message))
    inside.add("moment", "one of position, record_time, effective_time is needed")
    return Moment()


class PastAccounts(NamedTuple):
    """Accounts at a moment."""

    seq: int
    """The newest entry recorded by then."""
    facts: dict[str, Account | None]
    """None for each that was not open."""


async def accounts_at(
    reader: JournalReader, book: BookRow, accounts: Sequence[str], moment: Moment
) -> PastAccounts:
    """Return accounts as they were.

    Raises:
        CallError: INVALID_POSITION or EPOCH_CHANGED.
        ProjectionBehindError: The sums by effective time have fallen too far behind.
    """
    if moment.effective_at is not None:
        return await _effective(reader, book, accounts, moment.effective_at)
    if moment.position is not None:
        seq = await _seq_of(reader, book, moment.position)
        loaded = await reader.accounts_as_of(book.number, accounts, seq=seq)
        return PastAccounts(seq, loaded.facts)
    loaded = await reader.accounts_at(book.number, accounts, at=moment.recorded_at or 0)
    return PastAccounts(loaded.seq, loaded.facts)


async def _effective(
    reader: JournalReader, book: BookRow, accounts: Sequence[str], at: int
) -> PastAccounts:
    seq, facts, later = await effective_accounts(reader, book.number, accounts, at=at)
    # What took effect before its account was even opened counts too.
    unopened = [name for name in accounts if facts[name] is None and any(later[name])]
    opened = (await reader.accounts(book.number, unopened)).facts if unopened else {}
    return PastAccounts(
        seq,
        {name: _plus(facts[name] or _empty(opened.get(name)), later[name]) for name in accounts},
    )


async def _seq_of(reader: JournalReader, book: BookRow, token: str) -> int:
    position = decode_position(book.id, token)
    now = await reader.book(book.id)
    if now is not None and position.epoch != now.epoch:
        raise epoch_changed("the position", position.epoch, now)
    if now is None or position.seq > now.seq:
        raise CallError("INVALID_POSITION", "the book's journal does not reach to this position")
    return position.seq


def _empty(account: Account | None) -> Account | None:
    return None if account is None else account._replace(totals=ZERO)


def _plus(account: Account | None, change: Totals) -> Account | None:
    """Add what was recorded later with an earlier effective time."""
    if account is None or change == ZERO:
        return account
    totals = Totals(*(old + more for old, more in zip(account.totals, change, strict=True)))
    return account._replace(totals=totals)
