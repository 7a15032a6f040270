"""What is asked of the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.feed.v1.event_filter_pb2 import (
    DECIDED_DONE,
    DECIDED_REJECTED,
    DECIDED_UNSPECIFIED,
    EventFilter,
)
from yupana.reasons import PROTO_PREFIX

if TYPE_CHECKING:
    from yupana import events

_DECIDED = {None: DECIDED_UNSPECIFIED, False: DECIDED_DONE, True: DECIDED_REJECTED}


def filter_message(wanted: events.EventFilter) -> EventFilter:
    """Return the message that asks for certain events."""
    return EventFilter(
        account_prefixes=wanted.account_prefixes,
        kinds=[f"ENTRY_KIND_{kind.name}" for kind in wanted.kinds],
        codes=wanted.codes,
        reasons=[f"{PROTO_PREFIX}{reason.name}" for reason in wanted.reasons],
        decided=_DECIDED[wanted.rejected],
    )
