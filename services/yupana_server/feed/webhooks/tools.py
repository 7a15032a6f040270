"""What those share who serve endpoints, and what they know of the one that they serve."""

import asyncio
import random
from dataclasses import dataclass
from typing import NamedTuple

from yupana_server.feed.webhooks.health import Policy
from yupana_server.feed.webhooks.schedule import Schedule
from yupana_server.feed.webhooks.sending import Sender
from yupana_server.journal.deliveries import DeliveryStore, Look
from yupana_server.journal.entries import EntryReader
from yupana_server.journal.points import BookRow
from yupana_server.journal.webhook_rows import EndpointRow, EndpointState


class Tools(NamedTuple):
    """What all share."""

    store: DeliveryStore
    entries: EntryReader
    sender: Sender
    schedule: Schedule
    policy: Policy
    places: asyncio.Semaphore
    """So many attempts are under way at a time, of all endpoints."""


@dataclass(slots=True)
class Served:
    """An endpoint that is served, and how it was when it was last read or changed here."""

    look: Look
    endpoint: EndpointRow
    book: BookRow
    outdated: bool = False
    """Whether somebody changed it, so that all has to be read again."""

    @property
    def failing(self) -> bool:
        """Whether it is left alone but for one attempt now and then."""
        return self.endpoint.health.state is EndpointState.FAILING

    @property
    def at_once(self) -> int:
        """How many deliveries may be under way."""
        return 1 if self.failing else self.endpoint.settings.concurrency


def chance() -> float:
    """Draw a number from 0 to 1."""
    return random.random()  # noqa: S311 - only jitter
