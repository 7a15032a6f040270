"""Says what happens while a benchmark runs."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

REFRESH_PER_S = 1.0
"""A spinner that turns 12 times a second would be a load beside what is measured."""


class Progress:
    """One line that changes at a terminal, a line each in a log."""

    def __init__(self, console: Console):
        self._console = console
        self._last = ""
        self._status = Status("", console=console, refresh_per_second=REFRESH_PER_S)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the line away."""
        self._status.stop()

    def __call__(self, what: str, detail: str = "") -> None:
        """Say it; the detail changes often, and is left out in a log."""
        if self._console.is_terminal:
            self._status.update(f"{what}: {detail}" if detail else what)
        elif what != self._last:
            self._console.print(what, soft_wrap=True)
        self._last = what
