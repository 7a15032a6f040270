"""Writes entries of all kinds as events of `yupana.feed.v1`."""

from collections.abc import Callable, Mapping
from typing import Any

from yupana.feed.v1 import event_pb2
from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import facts_of
from yupana_server.book.state import Account
from yupana_server.journal.points import BookRow, TransferRow
from yupana_server.messages import present
from yupana_server.messages.present_accounts import fill_account
from yupana_server.messages.present_transfers import TRANSFER_KINDS, fill_transfer
from yupana_server.messages.tokens import encode_position

_NAMES: Mapping[Kind, tuple[str, str]] = {
    Kind.OPEN_ASSET: ("asset", "opened"),
    Kind.OPEN_ACCOUNT: ("account", "opened"),
    Kind.TRANSFER: ("transfer", "posted"),
    Kind.HOLD: ("hold", "created"),
    Kind.CAPTURE: ("hold", "captured"),
    Kind.RELEASE: ("hold", "released"),
    Kind.HOLD_UPDATE: ("hold", "updated"),
    Kind.EXPIRY: ("hold", "expired"),
    Kind.RESOLVE_GROUP: ("group", "resolved"),
    Kind.REVERSAL: ("transfer", "reversed"),
    Kind.PAYMENT: ("payment", "posted"),
    Kind.LEG: ("leg", "posted"),
    Kind.SET_LIMITS: ("account", "limited"),
    Kind.FREEZE_ACCOUNT: ("account", "frozen"),
    Kind.CLOSE_ACCOUNT: ("account", "closed"),
    Kind.REOPEN_ACCOUNT: ("account", "reopened"),
    Kind.CLOSE_PERIOD: ("period", "closed"),
    Kind.ERASE: ("words", "erased"),
}
_DONE = {kind: f"yupana.{noun}.{verb}" for kind, (noun, verb) in _NAMES.items()}
_REJECTED = {kind: f"yupana.{noun}.rejected" for kind, (noun, _) in _NAMES.items()}


def fill_event(event: event_pb2.Event, book: BookRow, row: TransferRow) -> None:
    """Write an entry of any kind into an empty message.

    `book.epoch` is the one of the position to go on from: today's, not the entry's (R9).
    """
    entry = row.entry
    kind = entry.kind
    event.id = event_id(entry)
    event.source = "/books/" + book.id
    event.type = event_type(entry)
    event.subject = entry.id
    present.fill_time(event.time, entry.recorded_at)
    event.book = book.id
    event.position = encode_position(book.id, book.epoch, entry.seq)
    event.seq = entry.seq
    event.kind = int(kind)  # type: ignore[assignment]
    if entry.trace_id is not None:
        event.trace_id = entry.trace_id.hex()
    if kind in TRANSFER_KINDS:
        fill_transfer(event.transfer, book.id, row)
        return
    event.outcome.CopyFrom(present.recorded_outcome(book.id, entry))
    _FILL[kind](event, book, row)


def event_id(entry: Entry) -> str:
    """R9: return the id of an entry's event, with the epoch in which it was recorded."""
    return f"{entry.epoch}-{entry.seq}"


def event_type(entry: Entry) -> str:
    """Return the CloudEvents type of an entry's event."""
    return _DONE[entry.kind] if entry.reason is None else _REJECTED[entry.kind]


def _fill_account(event: event_pb2.Event, book: BookRow, row: TransferRow) -> None:
    entry = row.entry
    if entry.reason is not None:
        event.account.id, event.account.asset = entry.account or "", entry.asset or ""
        return
    facts = facts_of(entry)
    known = Account(facts, last_seq=entry.seq, usage=tuple(() for _ in facts.windows))
    fill_account(event.account, book, known, row.words, at=entry.recorded_at)
    event.account.ClearField("balances")
    for window in event.account.windows:
        window.ClearField("used")


def _fill_asset(event: event_pb2.Event, _: BookRow, row: TransferRow) -> None:
    entry, asset = row.entry, event.asset
    content: Mapping[str, Any] = entry.content or {}
    asset.id = entry.asset or ""
    asset.scale = content.get("scale", 0)
    if entry.reason is None:
        present.fill_time(asset.create_time, entry.recorded_at)


def _fill_group(event: event_pb2.Event, _: BookRow, row: TransferRow) -> None:
    content: Mapping[str, Any] = row.entry.content or {}
    event.group.group = row.entry.group or ""
    event.group.resolution = content.get("resolution", 0)
    if row.entry.effective_at is not None:
        present.fill_time(event.group.effective_time, row.entry.effective_at)


def _fill_period(event: event_pb2.Event, _: BookRow, row: TransferRow) -> None:
    content: Mapping[str, Any] = row.entry.content or {}
    present.fill_time(event.period.before, content["before"])


def _fill_erasure(event: event_pb2.Event, _: BookRow, row: TransferRow) -> None:
    content: Mapping[str, Any] = row.entry.content or {}
    event.erasure.command = content["command"]


_FILL: Mapping[Kind, Callable[[event_pb2.Event, BookRow, TransferRow], None]] = {
    Kind.OPEN_ASSET: _fill_asset,
    Kind.OPEN_ACCOUNT: _fill_account,
    Kind.SET_LIMITS: _fill_account,
    Kind.FREEZE_ACCOUNT: _fill_account,
    Kind.CLOSE_ACCOUNT: _fill_account,
    Kind.REOPEN_ACCOUNT: _fill_account,
    Kind.RESOLVE_GROUP: _fill_group,
    Kind.CLOSE_PERIOD: _fill_period,
    Kind.ERASE: _fill_erasure,
}
