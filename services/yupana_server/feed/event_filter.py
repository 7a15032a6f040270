"""Which events somebody wants."""

from collections.abc import Sequence
from enum import IntEnum

from yupana.feed.v1 import event_filter_pb2
from yupana_server.book.commands import Kind
from yupana_server.book.rejections import Reason
from yupana_server.feed.following.encoded import EncodedEvent
from yupana_server.messages.fields import ID_RULE, Violations

VALUES_MAX = 100
"""How many values a field of a filter has at most."""

_PREFIX_BYTES_MAX = 128


class EventFilter:
    """Picks events. All of its conditions must hold."""

    def __init__(self, message: event_filter_pb2.EventFilter):
        self._prefixes = tuple(message.account_prefixes)
        self._kinds = frozenset(Kind(kind) for kind in message.kinds)
        self._reasons = frozenset(Reason(reason) for reason in message.reasons)
        self._codes = frozenset(message.codes)
        self._decided = message.decided
        self.everything = message == event_filter_pb2.EventFilter()
        """Whether it has no conditions."""

    def pick(self, events: Sequence[EncodedEvent]) -> Sequence[EncodedEvent]:
        """Return those that are wanted, in order."""
        return events if self.everything else [each for each in events if self.wants(each)]

    def wants(self, event: EncodedEvent) -> bool:
        """Tell whether an event is wanted."""
        if self._kinds and event.kind not in self._kinds:
            return False
        if self._codes and event.code not in self._codes:
            return False
        return self._fits_outcome(event) and self._fits_accounts(event)

    def _fits_outcome(self, event: EncodedEvent) -> bool:
        rejected = event.reason is not None
        if self._decided and rejected != (self._decided == event_filter_pb2.DECIDED_REJECTED):
            return False
        return not self._reasons or event.reason in self._reasons

    def _fits_accounts(self, event: EncodedEvent) -> bool:
        prefixes = self._prefixes
        return not prefixes or any(
            account is not None and account.startswith(prefixes) for account in event.accounts
        )


def read_filter(message: event_filter_pb2.EventFilter, check: Violations) -> EventFilter:
    """Read a filter; when something is wrong with it, that is in `check`."""
    wrong_before = len(check.found)
    check.check_unknown(message)
    _check_prefixes(message, check)
    for place, code in enumerate(message.codes):
        check.check_id(f"codes[{place}]", code)
    _check_values("kinds", message.kinds, Kind, check)
    _check_values("reasons", message.reasons, Reason, check)
    check.check_enum("decided", message)
    for field in ("account_prefixes", "kinds", "reasons", "codes"):
        count = len(getattr(message, field))
        if count > VALUES_MAX:
            check.add(field, f"has {count} values: at most {VALUES_MAX} allowed")
    good = len(check.found) == wrong_before
    return EventFilter(message if good else event_filter_pb2.EventFilter())


def _check_prefixes(message: event_filter_pb2.EventFilter, check: Violations) -> None:
    for place, prefix in enumerate(message.account_prefixes):
        if not prefix or len(prefix.encode()) > _PREFIX_BYTES_MAX:
            check.add(f"account_prefixes[{place}]", f"must be the begin of an id: {ID_RULE}")


def _check_values(
    field: str, values: Sequence[int], known: type[IntEnum], check: Violations
) -> None:
    numbers = {int(each) for each in known}
    for place, value in enumerate(values):
        if value not in numbers:
            what = known.__name__.lower()
            check.add(f"{field}[{place}]", f"{value} is no {what} that an entry can have")
