"""What the journal records."""

from collections.abc import Mapping
from typing import NamedTuple

from yupana_server.book.commands import Chain, Kind
from yupana_server.book.rejections import Reason

FORMAT_VERSION = 1
"""How an entry is written down. Raised when columns or their encoding change."""

RULES_VERSION = 1
"""By which rules it was decided. Raised when `decide` could come to another outcome."""


class Totals(NamedTuple):
    """The running totals of an account; each only grows, but for the pending ones."""

    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    @property
    def balance(self) -> int:
        """What was credited less what was debited."""
        return self.credits_posted - self.debits_posted

    @property
    def available(self) -> int:
        """What can be debited: the balance less what open holds reserve."""
        return self.credits_posted - self.debits_posted - self.debits_pending


ZERO = Totals(0, 0, 0, 0)


# A tuple, not a frozen dataclass: one is built for every transfer, in 0.33 instead of 2.2 us.
class Entry(NamedTuple):
    """One row of the journal: what was decided, and the balances after it.

    `reason` is None for what was done, else why it was rejected; a rejected entry carries no
    totals and changes no account.
    """

    seq: int
    recorded_at: int
    kind: Kind
    id: str
    reason: Reason | None = None
    facts: Mapping[str, str] | None = None
    """The values behind the reason."""
    debit_account: str | None = None
    credit_account: str | None = None
    amount: int | None = None
    asset: str | None = None
    debit_totals: Totals | None = None
    """Of the debit account, after this entry."""
    credit_totals: Totals | None = None
    effective_at: int | None = None
    """As the caller gave it; None means `recorded_at`."""
    sealed_labels: bytes | None = None
    chain: Chain | None = None
    account: str | None = None
    """The account that an entry about one account is about."""
    content: Mapping[str, int] | None = None
    """What else such an entry says, such as an account's limits."""
    epoch: int = 1
    actor: str | None = None
    trace_id: bytes | None = None
    format: int = FORMAT_VERSION
    rules: int = RULES_VERSION
