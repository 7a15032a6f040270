"""Writes what the ledger knows as the messages of `yupana.ledger.v1`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from yupana.ledger.v1 import (
    book_pb2,
    hold_pb2,
    outcome_pb2,
)
from yupana_server.book.commands import Kind
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Refusal, explain
from yupana_server.book.state import Asset, HoldState
from yupana_server.journal.points import BookRow, HoldRow
from yupana_server.messages.tokens import encode_position, positions
from yupana_server.messages.wire import Times, posted_outcome, varint


def timestamp(micros: int) -> Timestamp:
    """Write microseconds since the Unix epoch."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def write_outcomes(
    response: Any, book: str, outcomes: Iterable[Outcome], *, recorded: bool = True
) -> None:
    """Write outcomes into a response without any; `recorded` is False when only validated.

    Posted transfers, by far the most, are put together from texts, in a third of the time.
    """
    at, time, transfer = positions(book).at, Times().write, Kind.TRANSFER
    pieces: list[str] = []
    for decided in outcomes:
        if (
            decided.__class__ is not Entry
            or decided.kind is not transfer
            or decided.reason is not None
            or not recorded
        ):
            message = outcome(book, decided, recorded=recorded)
            one = message.SerializeToString().decode("latin-1")
        else:
            position = at(decided.epoch, decided.seq)
            one = posted_outcome(
                decided.id, str(decided.amount), position, time(decided.recorded_at)
            )
        pieces.append(f"\n{varint(len(one))}{one}")
    response.MergeFromString("".join(pieces).encode("latin-1"))


def fill_posted(message: outcome_pb2.Outcome, book: str, entry: Entry) -> None:
    """Write the outcome of a posted transfer or leg into an empty message."""
    message.id = entry.id
    message.transfer_posted.amount = str(entry.amount)
    message.position = encode_position(book, entry.epoch, entry.seq)
    fill_time(message.record_time, entry.recorded_at)


def fill_time(message: Timestamp, micros: int) -> None:
    """Write microseconds since the Unix epoch into an empty message."""
    seconds, rest = divmod(micros, 1_000_000)
    message.seconds = seconds
    message.nanos = rest * 1000


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
    fill_time(message.record_time, entry.recorded_at)
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
    result: Mapping[str, Any] = entry.result or {}
    return _DONE[entry.kind](entry, result)


_DONE: dict[Kind, Callable[[Entry, Mapping[str, Any]], outcome_pb2.Outcome]] = {
    Kind.LEG: lambda e, _: outcome_pb2.Outcome(
        id=e.id, transfer_posted=outcome_pb2.TransferPosted(amount=str(e.amount))
    ),
    Kind.OPEN_ACCOUNT: lambda e, _: outcome_pb2.Outcome(
        id=e.id, account_opened=outcome_pb2.AccountOpened()
    ),
    Kind.OPEN_ASSET: lambda e, _: outcome_pb2.Outcome(
        id=e.id, asset_opened=outcome_pb2.AssetOpened()
    ),
    Kind.HOLD: lambda e, _: outcome_pb2.Outcome(
        id=e.id,
        hold_created=outcome_pb2.HoldCreated(
            amount=str(e.amount), expire_time=_optional_time(e.hold_expires_at)
        ),
    ),
    Kind.CAPTURE: lambda e, _: outcome_pb2.Outcome(
        id=e.id,
        hold_captured=outcome_pb2.HoldCaptured(
            amount=str(e.amount), remaining=str(e.hold_remaining)
        ),
    ),
    Kind.RELEASE: lambda e, _: outcome_pb2.Outcome(
        id=e.id, hold_released=outcome_pb2.HoldReleased(amount=str(e.amount))
    ),
    Kind.EXPIRY: lambda e, _: outcome_pb2.Outcome(
        id=e.id, hold_expired=outcome_pb2.HoldExpired(amount=str(e.amount))
    ),
    Kind.HOLD_UPDATE: lambda e, _: outcome_pb2.Outcome(
        id=e.id,
        hold_updated=outcome_pb2.HoldUpdated(
            remaining=str(e.hold_remaining), expire_time=_optional_time(e.hold_expires_at)
        ),
    ),
    Kind.RESOLVE_GROUP: lambda e, r: outcome_pb2.Outcome(
        id=e.id,
        group_resolved=outcome_pb2.GroupResolved(
            holds=[
                outcome_pb2.ResolvedHold(hold=hold, amount=amount) for hold, amount in r["holds"]
            ]
        ),
    ),
    Kind.REVERSAL: lambda e, _: outcome_pb2.Outcome(
        id=e.id,
        transfer_reversed=outcome_pb2.TransferReversed(
            amount=str(e.amount), reversed_amount=str(e.reversed_amount)
        ),
    ),
    Kind.PAYMENT: lambda e, r: outcome_pb2.Outcome(
        id=e.id,
        payment_posted=outcome_pb2.PaymentPosted(leg_amounts=[str(a) for a in r["amounts"]]),
    ),
    Kind.SET_LIMITS: lambda e, r: outcome_pb2.Outcome(
        id=e.id,
        limits_set=outcome_pb2.LimitsSet(
            below_min_balance="below_min_balance" in r,
            above_max_balance="above_max_balance" in r,
            windows_exceeded=[
                bool(each) for each in r.get("windows_exceeded") or [0] * len(r.get("windows", ()))
            ],
        ),
    ),
    Kind.FREEZE_ACCOUNT: lambda e, _: outcome_pb2.Outcome(
        id=e.id, account_frozen=outcome_pb2.AccountFrozen()
    ),
    Kind.CLOSE_ACCOUNT: lambda e, _: outcome_pb2.Outcome(
        id=e.id, account_closed=outcome_pb2.AccountClosed()
    ),
    Kind.REOPEN_ACCOUNT: lambda e, _: outcome_pb2.Outcome(
        id=e.id, account_reopened=outcome_pb2.AccountReopened()
    ),
    Kind.CLOSE_PERIOD: lambda e, _: outcome_pb2.Outcome(
        id=e.id, period_closed=outcome_pb2.PeriodClosed()
    ),
    Kind.ERASE: lambda e, _: outcome_pb2.Outcome(id=e.id, erased=outcome_pb2.Erased()),
}


def recorded_outcome(book_id: str, entry: Entry) -> outcome_pb2.Outcome:
    """Write the outcome that an entry records."""
    return _locate(_entry_outcome(entry), book_id, entry)


def _optional_time(micros: int | None) -> Timestamp | None:
    return None if micros is None else timestamp(micros)


def hold(book: BookRow, row: HoldRow) -> hold_pb2.Hold:
    """Write a hold; one whose time has come is expired, whether that is recorded or not."""
    known = row.hold
    state, remaining = known.state, known.remaining
    if state == HoldState.OPEN and row.due:
        state, remaining = HoldState.EXPIRED, 0
    return hold_pb2.Hold(
        id=known.id,
        debit_account=known.debit_account,
        credit_account=known.credit_account,
        asset=known.asset,
        captured_amount=str(known.captured),
        remaining_amount=str(remaining),
        expire_time=_optional_time(known.expires_at),
        state=int(state),  # type: ignore[arg-type]
        group=row.group or "",
        create_time=timestamp(row.created_at),
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
