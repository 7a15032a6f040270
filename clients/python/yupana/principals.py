"""Keys as they stand, what they allow, and how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yupana.enums import Action, KeyChangeKind


@dataclass(frozen=True, slots=True)
class Grant:
    """Allows actions, in one book or all, on some accounts or all."""

    book: str
    """The book's id; `*` for all books."""
    actions: Sequence[Action]
    account_prefix: str = ""
    """Only on accounts whose ids begin so; empty for all, and for what concerns no account."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much may be done: so much a second in the long run, so much at once. 0: no limit."""

    requests_per_second: float = 0.0
    request_burst: int = 0
    """0 stands for one second's worth."""
    transfers_per_second: float = 0.0
    """Commands, whatever calls they come in."""
    transfer_burst: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a key, without its text."""

    created_at: datetime
    expires_at: datetime | None
    """When it stops to work, because another took its place."""


@dataclass(frozen=True, slots=True)
class Key:
    """Somebody who may call."""

    id: str
    description: str
    grants: Sequence[Grant]
    quota: Quota
    certificate_name: str
    """A name in the certificate of whoever calls; empty where tokens are used."""
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    tokens: Sequence[Token]
    """Those that work, the newest first."""
    token: str = ""
    """The text of the newest token, only in the answer to the call that made it. Not shown by
    `repr`."""

    def __repr__(self) -> str:
        return f"Key(id={self.id!r}, grants={self.grants!r})"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What somebody did to a key, or to the quota of a book."""

    number: int
    at: datetime
    actor: str
    kind: KeyChangeKind
    key: str
    book: str
    detail: str
    """What is so from then on, as JSON; no secrets."""
