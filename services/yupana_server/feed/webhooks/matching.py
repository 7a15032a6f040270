"""Which entries an endpoint wants, and what their deliveries are ordered by."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.json_format import ParseDict

from yupana.feed.v1 import event_filter_pb2
from yupana_server.book.entries import Entry
from yupana_server.feed.event_filter import EventFilter
from yupana_server.feed.following.encoded import EncodedEvent
from yupana_server.journal.entries import EntryRow
from yupana_server.journal.webhook_rows import NewDelivery
from yupana_server.messages.events import event_id, event_type

THE_BOOK = "/"
"""The key of entries about no account; no account can be called so."""


class Wanted:
    """The filter of an endpoint."""

    def __init__(self, filter_: Mapping[str, Any], *, by_account: bool):
        """`filter_` is the contract's JSON; `by_account` says whether deliveries are ordered."""
        message = event_filter_pb2.EventFilter()
        ParseDict(dict(filter_), message, ignore_unknown_fields=True)
        self._filter = EventFilter(message)
        self._prefixes = tuple(message.account_prefixes)
        self._by_account = by_account

    def fits(self, row: EntryRow) -> bool:
        """Tell whether an entry is wanted."""
        return self._filter.everything or self._filter.wants(_told(row))

    def keys(self, entry: Entry) -> Sequence[str]:
        """Return what the delivery of an entry is ordered by: the accounts that the filter means.

        So a shop's endpoint for `users:` is not held up, user by user, by the account of the shop
        that all of them pay to.
        """
        if not self._by_account:
            return ()
        return self._accounts(entry) or (THE_BOOK,)

    def deliveries(self, rows: Sequence[EntryRow]) -> list[NewDelivery]:
        """Return what is to be delivered of a page of entries."""
        return [self._delivery(each) for each in rows if self.fits(each)]

    def _delivery(self, row: EntryRow) -> NewDelivery:
        entry = row.row.entry
        return NewDelivery(
            entry.seq, row.hash, event_id(entry), event_type(entry), entry.id, self.keys(entry)
        )

    def _accounts(self, entry: Entry) -> tuple[str, ...]:
        accounts = dict.fromkeys(each for each in _named(entry) if each)
        if not self._prefixes:
            return tuple(accounts)
        return tuple(each for each in accounts if each.startswith(self._prefixes))


def _told(row: EntryRow) -> EncodedEvent:
    """Return what filters look at; what would be sent is written only for what is wanted."""
    entry = row.row.entry
    return EncodedEvent(
        seq=entry.seq,
        hash=row.hash,
        recorded_at=entry.recorded_at,
        kind=entry.kind,
        type=event_type(entry),
        reason=entry.reason,
        code=entry.code,
        accounts=_named(entry),
        payload=b"",
    )


def _named(entry: Entry) -> tuple[str | None, ...]:
    return (entry.debit_account, entry.credit_account, entry.account)
