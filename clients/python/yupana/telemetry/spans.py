"""What the client tells a span, whether anything records it or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextvars import Context

    from yupana.errors import CallError
    from yupana.outcomes import Outcome

Metadata: TypeAlias = tuple[tuple[str, str], ...]


class Carried(Protocol):
    """Who makes a call."""

    @property
    def context(self) -> Context | None:
        """Where the call is made. None: here."""

    @property
    def callers(self) -> Sequence[Context]:
        """Those whose commands travel together, when there are several."""


class CallSpan(Protocol):
    """The span of a call."""

    @property
    def metadata(self) -> Metadata | None:
        """What tells the ledger which trace it works for."""

    def failed(self, error: CallError) -> None:
        """Note that an attempt failed."""


class CallerSpan(Protocol):
    """The span of a caller."""

    def answered(self, outcome: Outcome) -> None:
        """Note what became of the command."""
