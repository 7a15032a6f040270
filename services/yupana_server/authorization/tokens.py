"""Tokens: what they look like, and what is kept of them."""

import hmac
import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

KEY_PATTERN = re.compile("[a-z0-9-]{1,40}")
_TOKEN = re.compile("yupana_([a-z0-9-]{1,40})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32
_ID_BYTES = 8


class Token(NamedTuple):
    """A token, read."""

    key: str
    secret: str

    @property
    def text(self) -> str:
        """As callers send it."""
        return f"yupana_{self.key}_{self.secret}"


def new_token(key: str) -> Token:
    """Make a token of a key."""
    return Token(key, secrets.token_urlsafe(_SECRET_BYTES))


def new_key_id() -> str:
    """Make an id for a key."""
    return secrets.token_hex(_ID_BYTES)


def read_token(text: str) -> Token | None:
    """Read a token; None when it cannot be one."""
    match = _TOKEN.fullmatch(text)
    return None if match is None else Token(match[1], match[2])


def hash_token(token: Token, hash_key: bytes) -> bytes:
    """Return what is kept of a token.

    A token has 256 random bits, which nobody guesses however fast the hash is; the key of the hash
    makes what stands in the database useless to whoever can only read, or write, the database.
    """
    return hmac.digest(hash_key, f"{token.key}_{token.secret}".encode(), "sha256")


def is_one_of(token: Token, kept: Sequence[bytes], hash_keys: Sequence[bytes]) -> bool:
    """Tell whether a token is one of those of which these hashes are kept."""
    found = False
    for hash_key in hash_keys:
        digest = hash_token(token, hash_key)
        for each in kept:
            found |= hmac.compare_digest(each, digest)
    return found
