"""A batch as COPY takes it."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yupana_server.book.commands import Words
from yupana_server.book.entries import Entry
from yupana_server.journal.rows import Link, chain_hash, encode_each, escape

PIECE = 300
"""So many entries are written as rows at a time, in 1.5 ms."""


class StoredWords(NamedTuple):
    """The words of an entry, as they stand outside the journal."""

    seq: int
    words: Words


class EncodedBatch:
    """The rows of a batch, which grows until it is recorded.

    R5: they are ready before the lock is taken, unless the batch is decided when it is held: then
    Postgres takes in the first ones while the next are written.
    """

    def __init__(self, book: int, after: Link, entries: Sequence[Entry]):
        self.start = after
        self.end = after
        """What the next entry is chained to, as far as they are written."""
        self.erased: list[int] = []
        """Entries whose words are to be erased."""
        self._book = book
        self._entries = entries
        self.rows: list[str] = []
        """Those of `yupana.journal`, one for each entry."""
        self._ids: list[str] = []
        self._words: list[str] = []

    @property
    def unwritten(self) -> int:
        """How many entries are not written as rows yet."""
        return len(self._entries) - len(self.rows)

    @property
    def journal(self) -> str:
        """The rows of `yupana.journal`."""
        return "".join(self.rows)

    @property
    def ids(self) -> str:
        """The rows of `yupana.ids`."""
        return "".join(self._ids)

    @property
    def has_words(self) -> bool:
        """Whether there are rows of `yupana.labels`."""
        return bool(self._words)

    @property
    def changes_words(self) -> bool:
        """Whether there is anything but rows of `yupana.journal` and `yupana.ids`."""
        return bool(self._words or self.erased)

    def tables(self) -> Iterator[Iterator[str]]:
        """Yield the rows of each table in pieces: journal, ids, and labels if there are words.

        A table is to be read to its end before the next.
        """
        yield self._journal()
        yield iter((self.ids,))
        if self._words:
            yield iter(("".join(self._words),))

    def _journal(self) -> Iterator[str]:
        taken = 0
        while taken < len(self._entries):
            if taken == len(self.rows):
                self.write(PIECE)
            rows = self.rows[taken:]
            taken += len(rows)
            yield "".join(rows)

    def write(self, limit: int | None = None) -> None:
        """Write entries that are not written yet, `limit` of them if it is given."""
        begin = len(self.rows)
        entries = self._entries[begin : None if limit is None else begin + limit]
        book, (seq, digest) = self._book, self.end
        for entry, line in zip(entries, encode_each(entries), strict=True):
            digest = chain_hash(digest, line)
            seq = entry.seq
            self.rows.append(f"{book}\t{line}\t\\\\x{digest.hex()}\n")
            self._ids.append(f"{book}\t{entry.id}\t{seq}\n")
        self.end = Link(seq, digest)

    def add_words(self, words: Sequence[StoredWords]) -> None:
        """Take in words of entries."""
        book = self._book
        self._words += [f"{book}\t{each.seq}\t{_encode_words(each.words)}\n" for each in words]


def encode_batch(book: int, after: Link, entries: Sequence[Entry]) -> EncodedBatch:
    """Write the entries, chained to `after`, as rows."""
    encoded = EncodedBatch(book, after, entries)
    encoded.write()
    return encoded


def _encode_words(words: Words) -> str:
    return "\t".join(
        (
            escape(json.dumps(dict(words.labels or {}))),
            escape(words.description) if words.description else "\\N",
            escape(words.reference) if words.reference else "\\N",
        )
    )
