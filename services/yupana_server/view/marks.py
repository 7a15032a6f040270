"""Where a book's view stands, and under which keys it does."""

import re
from typing import NamedTuple

from yupana_server.journal.points import BookRow
from yupana_server.journal.rows import Link

FORMAT = 1
"""Of all that is in Redis. A release with another one keeps a view of its own beside this one."""


class ViewKeys:
    """The keys of one book's view: all under one hash tag, so that one script can reach them."""

    __slots__ = ("mark",)

    PREFIX = f"yupana:view:{FORMAT}:"
    """What the keys of all books begin with."""

    def __init__(self, book_id: str, created_at: int):
        """`created_at` tells apart books of the same id in databases that share a Redis."""
        self.mark = f"{self.PREFIX}{{{book_id}@{created_at}}}"
        """The key of the watermark."""

    def account(self, account: str) -> str:
        """Return the key of an account."""
        return f"{self.mark}:{account}"


class NamedKey(NamedTuple):
    """What the key of an account names."""

    book_id: str
    created_at: int
    account: str


_ACCOUNT_KEY = re.compile(re.escape(ViewKeys.PREFIX) + r"\{([^{}@]+(?:@[^{}@]+)*)@(\d+)\}:(.+)")


def read_key(key: str) -> NamedKey | None:
    """Read the key of an account; None for any other key."""
    found = _ACCOUNT_KEY.fullmatch(key)
    return found and NamedKey(found[1], int(found[2]), found[3])


def keys_of(book: BookRow) -> ViewKeys:
    """Return the keys of a book's view."""
    return ViewKeys(book.id, book.created_at)


class Watermark(NamedTuple):
    """The entry that everything in a view is true for."""

    generation: str
    """Drawn anew whenever the view begins anew: what bears another one does not count."""
    epoch: int
    link: Link
