"""What the tables of webhooks hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from yupana_server.journal.rows import Link


class EndpointState(StrEnum):
    """Whether an endpoint is served."""

    ACTIVE = "active"
    PAUSED = "paused"
    FAILING = "failing"
    GONE = "gone"


SERVED = (EndpointState.ACTIVE, EndpointState.FAILING)


class DeliveryState(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    VOID = "void"


class Settings(NamedTuple):
    """What a caller chooses of an endpoint."""

    url: str
    description: str
    filter: Mapping[str, Any]
    """Of `yupana.feed.v1.EventFilter`, as the contract's JSON."""
    by_account: bool
    concurrency: int


class Cursor(NamedTuple):
    """Up to where a book was looked through."""

    epoch: int
    """R9: the book's when that was so."""
    link: Link


class Health(NamedTuple):
    """How an endpoint answers."""

    state: EndpointState
    failures: int = 0
    """Attempts that failed since one succeeded."""
    failing_since: datetime | None = None
    probe_at: datetime | None = None
    """When a failing one is tried next."""


class EndpointRow(NamedTuple):
    """An endpoint."""

    book: int
    endpoint: str
    settings: Settings
    version: int
    run: int
    cursor: Cursor
    health: Health
    created_at: datetime
    updated_at: datetime


class SecretRow(NamedTuple):
    """A secret that is signed with; its text is not here, so that it cannot get anywhere."""

    created_at: datetime
    expires_at: datetime | None


class Counts(NamedTuple):
    """How many deliveries of an endpoint wait, and how many were given up."""

    waiting: int = 0
    dead: int = 0


class NewDelivery(NamedTuple):
    """An entry that an endpoint wants."""

    seq: int
    hash: bytes
    event_id: str
    type: str
    subject: str
    keys: Sequence[str]
    cut: bool = False


class Result(NamedTuple):
    """What came of an attempt, as it is recorded."""

    run: int
    seq: int
    attempts: int
    """With this one."""
    state: DeliveryState
    due_at: datetime
    began_at: datetime
    took_s: float
    status: int | None
    error: str
    excerpt: str


class WaitingRow(NamedTuple):
    """A delivery that was not made yet."""

    run: int
    seq: int
    cut: bool
    hash: bytes | None
    event_id: str
    keys: Sequence[str]
    attempts: int
    due_at: datetime


class DeliveryRow(NamedTuple):
    """A delivery, for people."""

    run: int
    seq: int
    event_id: str
    type: str
    subject: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    began_at: datetime | None
    took_s: float | None
    status: int | None
    error: str | None
    excerpt: str | None
