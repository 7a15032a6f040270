"""Holds pages of entries against what stands beside the journal: their ids, and their words."""

from collections.abc import Sequence
from typing import NamedTuple

from yupana_server.book.words import words_match
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import StoredEntry


class Beside(NamedTuple):
    """Something beside the journal that does not go with an entry."""

    seq: int
    detail: str


async def wrong_ids(reader: JournalReader, book: int, page: Sequence[StoredEntry]) -> list[Beside]:
    """R7: compare the table of ids with the entries: each id belongs to its entry alone."""
    recorded = await reader.ids(book, [stored.entry.id for stored in page])
    return [
        Beside(entry.seq, f"ids says {recorded.get(entry.id)} for {entry.id} at {entry.seq}")
        for entry, _ in page
        if recorded.get(entry.id) != entry.seq
    ]


async def wrong_words(
    reader: JournalReader, book: int, page: Sequence[StoredEntry]
) -> list[Beside]:
    """Compare words with their seals; erased ones are gone and match."""
    sealed = {entry.seq: entry.sealed_words for entry, _ in page if entry.sealed_words}
    found = await reader.words(book, list(sealed))
    return [
        Beside(seq, f"the words of entry {seq} are not those that were sealed")
        for seq, words in found.items()
        if not words_match(sealed[seq], words)
    ]
