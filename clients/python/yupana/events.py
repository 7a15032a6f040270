"""What the feed tells: every entry of a book's journal as an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yupana import convert
from yupana.convert.enums import ENTRY_KINDS
from yupana.convert.events import filter_message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from yupana.enums import EntryKind
    from yupana.feed.v1 import event_filter_pb2, event_pb2
    from yupana.outcomes import Outcome
    from yupana.reasons import Reason
    from yupana.records import Transfer


class Event:
    """An entry of a book's journal: what was decided, rejections included.

    Its parts are read when they are asked for: many are only counted or passed on.
    """

    __slots__ = ("message",)

    def __init__(self, message: event_pb2.Event) -> None:
        self.message = message
        """As it came: all that there is, `asset`, `group`, `period` and `erasure` among it."""

    def __repr__(self) -> str:
        return f"Event({self.book!r}, {self.seq}, {self.type!r}, {self.subject!r})"

    @property
    def id(self) -> str:
        """Unique within the book; the same when the event comes again, by whatever way."""
        return self.message.id

    @property
    def type(self) -> str:
        """What happened, such as `yupana.transfer.posted` or `yupana.hold.rejected`."""
        return self.message.type

    @property
    def subject(self) -> str:
        """The id of the command, or the ledger's own of what is part of one."""
        return self.message.subject

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded, in UTC; strictly increasing within a book."""
        return convert.moment(self.message.time)

    @property
    def book(self) -> str:
        """The id of the book."""
        return self.message.book

    @property
    def position(self) -> str:
        """Where to go on after it."""
        return self.message.position

    @property
    def seq(self) -> int:
        """Its place in the book, from 1, without gaps."""
        return self.message.seq

    @property
    def kind(self) -> EntryKind:
        """What kind of entry it is."""
        return ENTRY_KINDS.of(self.message.kind)

    @property
    def trace_id(self) -> str:
        """The W3C trace id of the call that had it recorded; empty without one."""
        return self.message.trace_id

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        message = self.message
        transfer = message.HasField("transfer")
        return convert.outcome(message.transfer.outcome if transfer else message.outcome)

    @property
    def transfer(self) -> Transfer | None:
        """What moved, reserved or freed an amount, with both balances after it; None for others."""
        message = self.message
        return convert.transfer(message.transfer) if message.HasField("transfer") else None

    @property
    def account(self) -> str:
        """The account that was opened or changed; empty for others."""
        return self.message.account.id


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted: of each field any value will do, and all fields must fit."""

    account_prefixes: Sequence[str] = ()
    """An account of it has an id that begins with one of these, such as `users:42:`."""
    kinds: Sequence[EntryKind] = ()
    codes: Sequence[str] = ()
    """The code of the transfer or account."""
    reasons: Sequence[Reason] = ()
    """Why it was rejected; so only what was."""
    rejected: bool | None = None
    """Whether it was rejected. None: either."""

    def to_message(self) -> event_filter_pb2.EventFilter:
        """Return the message of the contract."""
        return filter_message(self)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events that follow one another."""

    events: Sequence[Event]
    position: str
    """Where the next page begins."""
    caught_up: bool
    """There were no further entries when this was read."""
