"""Keys and quotas, as calls change them: every change is written down beside it."""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from yupana_server.journal.keys import KEY, KeyRow, read_key
from yupana_server.journal.reads import JournalReader

Json = Any

_NOTE = """
    INSERT INTO yupana.access_changes (actor, kind, key, detail)
    SELECT %(actor)s, %(kind)s, key, %(detail)s::jsonb FROM changed
"""
_SETTINGS = (
    "description = %(description)s, grants = %(grants)s::jsonb, quota = %(quota)s::jsonb, "
    "expires_at = %(expires_at)s"
)
_CREATE = f"""
    WITH changed AS (
        INSERT INTO yupana.access_keys
            (key, description, grants, quota, certificate_name, expires_at)
        VALUES (%(key)s, %(description)s, %(grants)s::jsonb, %(quota)s::jsonb,
            %(certificate_name)s, %(expires_at)s)
        ON CONFLICT DO NOTHING RETURNING key
    ), token AS (
        INSERT INTO yupana.access_tokens (key, number, hash)
        SELECT key, 1, %(hash)s FROM changed WHERE %(hash)s::bytea IS NOT NULL
    ), noted AS ({_NOTE}) SELECT key FROM changed
"""
_UPDATE = f"""
    WITH changed AS (
        UPDATE yupana.access_keys SET {_SETTINGS}, updated_at = clock_timestamp()
        WHERE key = %(key)s AND revoked_at IS NULL AND updated_at = %(read_at)s RETURNING key
    ), noted AS ({_NOTE}) SELECT key FROM changed
"""
_ROTATE = f"""
    WITH changed AS (
        UPDATE yupana.access_keys SET updated_at = clock_timestamp()
        WHERE key = %(key)s AND revoked_at IS NULL AND certificate_name IS NULL RETURNING key
    ), old AS (
        UPDATE yupana.access_tokens t
        SET expires_at = least(t.expires_at, clock_timestamp() + %(overlap)s::interval)
        FROM changed WHERE t.key = changed.key
    ), token AS (
        INSERT INTO yupana.access_tokens (key, number, hash)
        SELECT key, (
            SELECT coalesce(max(number), 0) + 1 FROM yupana.access_tokens WHERE key = %(key)s
        ), %(hash)s FROM changed
    ), noted AS ({_NOTE}) SELECT key FROM changed
"""
_REVOKE = f"""
    WITH changed AS (
        UPDATE yupana.access_keys
        SET revoked_at = clock_timestamp(), updated_at = clock_timestamp()
        WHERE key = %(key)s AND revoked_at IS NULL RETURNING key
    ), noted AS ({_NOTE}) SELECT key FROM changed
"""
_SET_BOOK_QUOTA = """
    WITH changed AS (
        INSERT INTO yupana.access_book_quotas (book, quota) VALUES (%(book)s, %(quota)s::jsonb)
        ON CONFLICT (book) DO UPDATE SET quota = EXCLUDED.quota RETURNING book
    )
    INSERT INTO yupana.access_changes (actor, kind, book, detail)
    SELECT %(actor)s, 'book_quota_set', book, %(quota)s::jsonb FROM changed RETURNING number
"""


class KeySettings(NamedTuple):
    """What callers choose of a key."""

    description: str
    grants: Json
    quota: Json
    expires_at: datetime | None


class ChangeRow(NamedTuple):
    """A change that was made."""

    number: int
    at: datetime
    actor: str
    kind: str
    key: str
    book: str
    detail: Json


class KeyStore:
    """Changes keys and quotas. Every method raises UnavailableError when the database is away."""

    def __init__(self, reader: JournalReader):
        """`reader` logs in as access, who alone may, or as the owner."""
        self._reader = reader

    async def create(
        self,
        key: str,
        settings: KeySettings,
        *,
        actor: str,
        hash_: bytes | None,
        certificate_name: str | None = None,
    ) -> bool:
        """Make a key; False when there is one of this id, or of this certificate's name."""
        detail = {**_detail(settings), "certificateName": certificate_name}
        more = {"certificate_name": certificate_name, "hash": hash_}
        return await self._change(_CREATE, key, "created", actor, detail, settings, **more)

    async def update(self, row: KeyRow, settings: KeySettings, *, actor: str) -> bool:
        """Change a key; False when it is not as it was read any more."""
        detail, read_at = _detail(settings), row.updated_at
        return await self._change(
            _UPDATE, row.key, "updated", actor, detail, settings, read_at=read_at
        )

    async def rotate(self, key: str, *, actor: str, hash_: bytes, overlap: timedelta) -> bool:
        """Add a token, and have the others end; False when it is revoked or has none."""
        detail = {"overlap_s": overlap.total_seconds()}
        try:
            return await self._change(
                _ROTATE, key, "rotated", actor, detail, hash=hash_, overlap=overlap
            )
        except psycopg.errors.UniqueViolation:  # Another call rotated it at the same moment.
            return await self.rotate(key, actor=actor, hash_=hash_, overlap=overlap)

    async def revoke(self, key: str, *, actor: str) -> bool:
        """End a key; False when that was done before."""
        return await self._change(_REVOKE, key, "revoked", actor, {})

    async def page(self, *, after: str, limit: int) -> list[KeyRow]:
        """Return the keys that follow `after`, by id."""
        rows = await self._reader.rows(
            f"{KEY} WHERE k.key > %(after)s ORDER BY k.key LIMIT %(limit)s",
            {"after": after, "limit": limit},
        )
        return [read_key(row) for row in rows]

    async def set_book_quota(self, book: str, quota: Json, *, actor: str) -> None:
        """Set how much may be done in a book."""
        parameters = {"book": book, "quota": json.dumps(quota), "actor": actor}
        await self._reader.rows(_SET_BOOK_QUOTA, parameters)

    async def changes(self, *, key: str, before: int, limit: int) -> list[ChangeRow]:
        """Return changes before a number, the newest first; of one key, or of all without it."""
        rows = await self._reader.rows(
            "SELECT number, at, actor, kind, key, book, detail FROM yupana.access_changes "
            f"WHERE number < %(before)s {'AND key = %(key)s' if key else ''} "
            "ORDER BY number DESC LIMIT %(limit)s",
            {"before": before, "limit": limit} | ({"key": key} if key else {}),
        )
        return [ChangeRow(*row) for row in rows]

    async def _change(
        self,
        statement: str,
        key: str,
        kind: str,
        actor: str,
        detail: Json,
        settings: KeySettings | None = None,
        **more: object,
    ) -> bool:
        parameters: dict[str, object] = {
            "key": key,
            "kind": kind,
            "actor": actor,
            "detail": json.dumps(detail),
            **more,
        }
        if settings is not None:
            parameters |= {
                "description": settings.description,
                "grants": json.dumps(settings.grants),
                "quota": json.dumps(settings.quota),
                "expires_at": settings.expires_at,
            }
        return bool(await self._reader.rows(statement, parameters))


def _detail(settings: KeySettings) -> Json:
    expires_at = settings.expires_at
    return {
        "description": settings.description,
        "grants": settings.grants,
        "quota": settings.quota,
        "expireTime": None if expires_at is None else expires_at.isoformat(),
    }
