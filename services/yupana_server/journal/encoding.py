"""A batch as COPY takes it."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from yupana_server.book.commands import Words
from yupana_server.book.entries import Entry
from yupana_server.journal.rows import Link, chain_hash, encode_each, escape


class StoredWords(NamedTuple):
    """The words of an entry, as they stand outside the journal."""

    seq: int
    words: Words


class EncodedBatch:
    """R5: the rows of a batch, ready before COPY begins. It grows with its batch until then."""

    def __init__(self, book: int, after: Link):
        self.start = after
        self.end = after
        self.entries = 0
        """How many there are."""
        self.erased: list[int] = []
        """Entries whose words are to be erased."""
        self._book = book
        self.rows: list[str] = []
        """Those of `yupana.journal`, one for each entry."""
        self._ids: list[str] = []
        self._words: list[str] = []

    @property
    def journal(self) -> str:
        """The rows of `yupana.journal`."""
        return "".join(self.rows)

    @property
    def ids(self) -> str:
        """The rows of `yupana.ids`."""
        return "".join(self._ids)

    @property
    def words(self) -> str:
        """The rows of `yupana.labels`."""
        return "".join(self._words)

    @property
    def changes_words(self) -> bool:
        """Whether there is anything but rows of `yupana.journal` and `yupana.ids`."""
        return bool(self._words or self.erased)

    def add(self, entries: Sequence[Entry]) -> None:
        """Chain the entries to what there is."""
        book, (seq, digest) = self._book, self.end
        for entry, line in zip(entries, encode_each(entries), strict=True):
            digest = chain_hash(digest, line)
            seq = entry.seq
            self.rows.append(f"{book}\t{line}\t\\\\x{digest.hex()}\n")
            self._ids.append(f"{book}\t{entry.id}\t{seq}\n")
        self.entries += len(entries)
        self.end = Link(seq, digest)

    def add_words(self, words: Sequence[StoredWords]) -> None:
        """Take in words of entries."""
        book = self._book
        self._words += [f"{book}\t{each.seq}\t{_encode_words(each.words)}\n" for each in words]


def encode_batch(book: int, after: Link, entries: Sequence[Entry]) -> EncodedBatch:
    """Write the entries, chained to `after`, as rows."""
    encoded = EncodedBatch(book, after)
    encoded.add(entries)
    return encoded


def _encode_words(words: Words) -> str:
    return "\t".join(
        (
            escape(json.dumps(dict(words.labels or {}))),
            escape(words.description) if words.description else "\\N",
            escape(words.reference) if words.reference else "\\N",
        )
    )
