"""Endpoints that the events of a book are posted to, and what became of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from yupana.enums import WebhookDeliveryState, WebhookOrder, WebhookState
from yupana.events import EventFilter


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What deliveries are signed with."""

    secret: str
    """`whsec_…`, only in the answer to the call that made it, else empty. Not shown by `repr`."""
    created_at: datetime
    expires_at: datetime | None
    """When it is no longer signed with. None: never, until it is rotated."""

    def __repr__(self) -> str:
        return f"WebhookSecret(created_at={self.created_at!r}, expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint as it stands."""

    id: str
    url: str
    description: str
    wanted: EventFilter
    """Which events are posted."""
    order: WebhookOrder
    concurrency: int
    """How many deliveries may be under way at a time."""
    state: WebhookState
    created_at: datetime
    updated_at: datetime
    """When a call last changed it."""
    etag: str
    """Tells versions of it apart, for `WebhookClient.update`."""
    position: str
    """Up to where the book was looked through."""
    lag: int
    """How many entries of the book were not."""
    waiting: int
    """How many deliveries wait for their first or next attempt."""
    dead_letters: int
    """How many deliveries were given up."""
    failures: int
    """How many attempts failed since one succeeded."""
    failing_since: datetime | None
    secrets: Sequence[WebhookSecret]
    """Those that are signed with now, the newest first."""

    @property
    def secret(self) -> str:
        """The text of the newest secret; empty unless the call that returned this made it."""
        return self.secrets[0].secret if self.secrets else ""


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """What came of an attempt to deliver."""

    began_at: datetime
    latency: timedelta
    status: int
    """The HTTP status of the answer; 0 when none came."""
    error: str
    """Why it failed, in a word; empty when it was delivered."""
    excerpt: str
    """The beginning of the answer's body."""


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event on its way to one endpoint."""

    id: str
    """Names it among the deliveries of its endpoint."""
    event_id: str
    type: str
    """Of the event, such as `yupana.transfer.posted`."""
    subject: str
    """The id of the command that the event is about."""
    state: WebhookDeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    """None unless it waits."""
    last_attempt: WebhookAttempt | None
    """None before the first."""
