"""Which of the processes this one is that serve at one port."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """One of several processes, which know each other by their places."""

    index: int
    """From 0."""
    count: int
    """How many processes there are."""
    folder: Path
    """Where each has a unix socket; nobody else can get there."""
    told: int
    """The pipe by which the parent is told."""

    def tell_serving(self) -> None:
        """Tell the parent that this process serves."""
        os.write(self.told, b"!")
        os.close(self.told)

    def address_of(self, index: int) -> str:
        """Return where the process at a place takes calls that others pass on, for gRPC."""
        return f"unix:{self.folder}/{index}"
