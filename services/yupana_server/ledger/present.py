"""Writes what the ledger knows as the messages of `yupana.ledger.v1`."""

from google.protobuf.timestamp_pb2 import Timestamp

from yupana.ledger.v1 import account_pb2, book_pb2, outcome_pb2, transfer_pb2
from yupana_server.book.commands import Kind
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Refusal, explain
from yupana_server.book.state import Account, Asset
from yupana_server.journal.points import BookRow, TransferRow
from yupana_server.ledger.tokens import encode_position


def timestamp(micros: int) -> Timestamp:
    """Write microseconds since the Unix epoch."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def outcome(book: str, decided: Outcome, *, recorded: bool = True) -> outcome_pb2.Outcome:
    """Write an outcome; `recorded` is False when it was only validated."""
    if isinstance(decided, Refusal):
        return outcome_pb2.Outcome(
            id=decided.id,
            refused=outcome_pb2.Refusal(
                reason=int(decided.reason),  # type: ignore[arg-type]
                facts=decided.facts,
                message=explain(decided.reason, decided.facts),
            ),
        )
    if isinstance(decided, Replay):
        message = _entry_outcome(decided.entry)
        message.replayed = True
        return _locate(message, book, decided.entry)
    message = _entry_outcome(decided)
    return _locate(message, book, decided) if recorded else message


def _locate(message: outcome_pb2.Outcome, book: str, entry: Entry) -> outcome_pb2.Outcome:
    message.position = encode_position(book, entry.epoch, entry.seq)
    seconds, rest = divmod(entry.recorded_at, 1_000_000)
    message.record_time.seconds = seconds
    message.record_time.nanos = rest * 1000
    return message


def _entry_outcome(entry: Entry) -> outcome_pb2.Outcome:
    if entry.reason is not None:
        facts = entry.facts or {}
        rejected = outcome_pb2.Rejection(
            reason=int(entry.reason),  # type: ignore[arg-type]
            facts=facts,
            message=explain(entry.reason, facts),
        )
        return outcome_pb2.Outcome(id=entry.id, rejected=rejected)
    if entry.kind == Kind.TRANSFER:
        posted = outcome_pb2.TransferPosted(amount=str(entry.amount))
        return outcome_pb2.Outcome(id=entry.id, transfer_posted=posted)
    if entry.kind == Kind.OPEN_ACCOUNT:
        return outcome_pb2.Outcome(id=entry.id, account_opened=outcome_pb2.AccountOpened())
    return outcome_pb2.Outcome(id=entry.id, asset_opened=outcome_pb2.AssetOpened())


def account(book: BookRow, known: Account) -> account_pb2.Account:
    """Write an account."""
    facts, totals = known.facts, known.totals
    return account_pb2.Account(
        id=facts.id,
        asset=facts.asset,
        normal_side=int(facts.normal_side),  # type: ignore[arg-type]
        min_balance=None if facts.min_balance is None else str(facts.min_balance),
        max_balance=None if facts.max_balance is None else str(facts.max_balance),
        balances=account_pb2.Balances(
            debits_posted=str(totals.debits_posted),
            credits_posted=str(totals.credits_posted),
            debits_pending=str(totals.debits_pending),
            credits_pending=str(totals.credits_pending),
            balance=str(totals.balance),
            available=str(totals.available),
        ),
        create_time=timestamp(facts.opened_at),
        last_position=encode_position(book.id, book.epoch, known.last_seq),
    )


def book(row: BookRow) -> book_pb2.Book:
    """Write a book."""
    return book_pb2.Book(
        id=row.id,
        create_time=timestamp(row.created_at),
        epoch=row.epoch,
        position=encode_position(row.id, row.epoch, row.seq),
    )


def asset(known: Asset) -> book_pb2.Asset:
    """Write an asset."""
    return book_pb2.Asset(id=known.id, scale=known.scale, create_time=timestamp(known.opened_at))


def transfer(book_id: str, row: TransferRow) -> transfer_pb2.Transfer:
    """Write a transfer with its outcome."""
    entry = row.entry
    message = transfer_pb2.Transfer(
        id=entry.id,
        debit_account=entry.debit_account or "",
        credit_account=entry.credit_account or "",
        amount=str(entry.amount),
        asset=entry.asset or "",
        effective_time=timestamp(
            entry.recorded_at if entry.effective_at is None else entry.effective_at
        ),
        labels=row.labels,
        outcome=_locate(_entry_outcome(entry), book_id, entry),
    )
    if entry.chain is not None:
        first_id, place, length = entry.chain
        message.chain.CopyFrom(transfer_pb2.Chain(first_id=first_id, place=place, length=length))
    return message
