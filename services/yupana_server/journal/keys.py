"""Keys and quotas, as those read them who let callers in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from yupana_server.journal.reads import JournalReader

Json = Any


class TokenRow(NamedTuple):
    """What is kept of a token."""

    hash: bytes
    created_at: datetime
    expires_at: datetime | None


class KeyRow(NamedTuple):
    """A key as it stands."""

    key: str
    description: str
    grants: Json
    quota: Json
    certificate_name: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    tokens: tuple[TokenRow, ...]
    """Those that are not past their end, the newest first."""


KEY = """
    SELECT k.key, k.description, k.grants, k.quota, k.certificate_name, k.created_at, k.updated_at,
        k.expires_at, k.revoked_at, (SELECT used_at FROM yupana.access_uses u WHERE u.key = k.key),
        coalesce((
            SELECT jsonb_agg(jsonb_build_array(
                encode(t.hash, 'hex'), t.created_at, t.expires_at
            ) ORDER BY t.number DESC)
            FROM yupana.access_tokens t
            WHERE t.key = k.key AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
        ), '[]')
    FROM yupana.access_keys k
"""
_USED = """
    INSERT INTO yupana.access_uses AS u (key, used_at)
    SELECT * FROM unnest(%(keys)s::text[], %(times)s::timestamptz[])
    ON CONFLICT (key) DO UPDATE SET used_at = EXCLUDED.used_at
    WHERE u.used_at < EXCLUDED.used_at RETURNING key
"""


class KeyReader:
    """Looks keys and quotas up. Every method raises UnavailableError when the database is away."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def key(self, key: str) -> KeyRow | None:
        """Return a key, None when there is none."""
        rows = await self._reader.rows(f"{KEY} WHERE k.key = %(key)s", {"key": key})
        return read_key(rows[0]) if rows else None

    async def certified(self, name: str) -> KeyRow | None:
        """Return the key of a certificate's name, None when there is none."""
        rows = await self._reader.rows(f"{KEY} WHERE k.certificate_name = %(name)s", {"name": name})
        return read_key(rows[0]) if rows else None

    async def book_quota(self, book: str) -> Json:
        """Return a book's quota, empty when it has none."""
        rows = await self._reader.rows(
            "SELECT quota FROM yupana.access_book_quotas WHERE book = %(book)s", {"book": book}
        )
        return rows[0][0] if rows else {}

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Note when keys were used last."""
        await self._reader.rows(_USED, {"keys": list(uses), "times": list(uses.values())})


def read_key(row: tuple[Any, ...]) -> KeyRow:
    """Read a row of KEY."""
    tokens = tuple(
        TokenRow(bytes.fromhex(hash_), _time(made), None if ends is None else _time(ends))
        for hash_, made, ends in row[10]
    )
    return KeyRow._make((*row[:10], tokens))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
