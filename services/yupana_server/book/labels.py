"""Labels stand outside the journal, so that they can be erased; the journal keeps a salted hash.

The hash lets a replay be told from another use of the same id even after the labels are gone.
"""

import hashlib
import json
from collections.abc import Mapping

SALT_BYTES = 16


def seal_labels(labels: Mapping[str, str], salt: bytes) -> bytes:
    """Return the salt followed by SHA-256 over the salt and the labels in canonical form."""
    canonical = json.dumps(dict(labels), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return salt + hashlib.sha256(salt + canonical.encode()).digest()


def labels_match(sealed: bytes | None, labels: Mapping[str, str] | None) -> bool:
    """Tell whether these are the labels that were sealed. No labels match no seal."""
    if sealed is None or not labels:
        return sealed is None and not labels
    return seal_labels(labels, sealed[:SALT_BYTES]) == sealed
