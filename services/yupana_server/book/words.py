"""Words stand outside the journal, so that they can be erased; the journal keeps a salted hash.

The hash lets a replay be told from another use of the same id even after the words are gone.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import TypeAlias

from yupana_server.book.commands import Words

SALT_BYTES = 16

Canonical: TypeAlias = Mapping[str, str] | list[Mapping[str, str] | str]


def seal(words: Words, salt: bytes) -> bytes:
    """Return the salt followed by SHA-256 over the salt and the words in canonical form."""
    canonical = json.dumps(_form(words), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return salt + hashlib.sha256(salt + canonical.encode()).digest()


def words_match(sealed: bytes | None, words: Words | None) -> bool:
    """Tell whether these are the words that were sealed. No words match no seal."""
    if sealed is None or words is None or not any(words[:3]):
        return sealed is None and (words is None or not any(words[:3]))
    return seal(words, sealed[:SALT_BYTES]) == sealed


def _form(words: Words) -> Canonical:
    labels = dict(words.labels or {})
    # Labels alone are written as the first release did, so that its seals still fit.
    if not words.description and not words.reference:
        return labels
    return [labels, words.description, words.reference]
