"""What ledgers tell feeds through Redis: in which books there is something new.

Nothing rests on it: who hears it looks at once, who does not looks a moment later.
"""

from collections.abc import Iterable

CHANNEL = "yupana:commits"


def write_books(books: Iterable[str]) -> bytes:
    """Write the ids of books, none of which contains a space."""
    return " ".join(books).encode()


def read_books(message: bytes) -> list[str]:
    """Read the ids of books; whatever else it is means none."""
    return message.decode(errors="replace").split()
