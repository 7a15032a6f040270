"""Keys, grants and quotas: who may do what, and how much."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.field_mask_pb2 import FieldMask

from yupana.access.v1 import access_service_pb2 as messages
from yupana.convert import keys as convert
from yupana.convert.times import duration, optional_timestamp
from yupana.methods import (
    CREATE_KEY,
    GET_BOOK_QUOTA,
    GET_KEY,
    LIST_KEY_CHANGES,
    LIST_KEYS,
    REVOKE_KEY,
    ROTATE_KEY,
    SET_BOOK_QUOTA,
    UPDATE_KEY,
)
from yupana.paging import pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from yupana.calls import Calls
    from yupana.methods import Method
    from yupana.principals import Grant, Key, KeyChange, Quota

OVERLAP = timedelta(hours=24)


class KeyClient:
    """Manages keys and quotas, from `Yupana.keys`; needs the action `admin` on what they concern.

    All methods raise `PermissionDenied` without it, and `KeyNotFound` for keys of others.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def create(
        self,
        grants: Sequence[Grant],
        *,
        id: str = "",  # noqa: A002 - the contract's word
        description: str = "",
        quota: Quota | None = None,
        expires_at: datetime | None = None,
        certificate_name: str = "",
        timeout_s: float | None = None,
    ) -> Key:
        """Create a key; its `token` is in the answer, once. `KeyExists` when there is one.

        Args:
            grants: What it may do.
            id: 1 to 40 of a-z, 0-9 and -. Empty: a new one is made.
            description: For people.
            quota: How much it may do. None: as much as it can.
            expires_at: When it stops to work. None: never.
            certificate_name: A name in the certificate of whoever calls, instead of a token.
            timeout_s: For the call.
        """
        key = convert.key_message(
            id, description, grants, quota, optional_timestamp(expires_at), certificate_name
        )
        return await self._one(CREATE_KEY, messages.CreateKeyRequest(key=key), id, timeout_s)

    async def get(self, id: str, *, timeout_s: float | None = None) -> Key:  # noqa: A002
        """Return a key as it stands."""
        return await self._one(GET_KEY, messages.GetKeyRequest(key=id), id, timeout_s)

    async def list(self, *, timeout_s: float | None = None) -> AsyncIterator[Key]:
        """Yield the keys that the caller may manage, by id. The time-out is for each page."""
        request = messages.ListKeysRequest()
        async for page in pages(self._calls, LIST_KEYS, request, key="", timeout_s=timeout_s):
            for key in page.keys:
                yield convert.key(key)

    async def update(
        self,
        id: str,  # noqa: A002 - the contract's word
        *,
        grants: Sequence[Grant] | None = None,
        description: str | None = None,
        quota: Quota | None = None,
        expires_at: datetime | None = None,
        timeout_s: float | None = None,
    ) -> Key:
        """Change what is given of a key; an empty `Quota` takes its limits away."""
        given = {
            "grants": grants,
            "description": description,
            "quota": quota,
            "expire_time": expires_at,
        }
        key = convert.key_message(
            id, description or "", grants or (), quota, optional_timestamp(expires_at), ""
        )
        mask = FieldMask(paths=[name for name, value in given.items() if value is not None])
        request = messages.UpdateKeyRequest(key=key, update_mask=mask)
        return await self._one(UPDATE_KEY, request, id, timeout_s)

    async def rotate(
        self,
        id: str,  # noqa: A002 - the contract's word
        *,
        overlap: timedelta = OVERLAP,
        timeout_s: float | None = None,
    ) -> Key:
        """Make another token, in the answer, once; those before work during the overlap."""
        request = messages.RotateKeyRequest(key=id, overlap=duration(overlap))
        return await self._one(ROTATE_KEY, request, id, timeout_s)

    async def revoke(self, id: str, *, timeout_s: float | None = None) -> Key:  # noqa: A002
        """End a key, for good and everywhere within 5 seconds."""
        return await self._one(REVOKE_KEY, messages.RevokeKeyRequest(key=id), id, timeout_s)

    async def changes(
        self,
        id: str = "",  # noqa: A002 - the contract's word
        *,
        timeout_s: float | None = None,
    ) -> AsyncIterator[KeyChange]:
        """Yield the changes of a key, or of all keys and quotas, the newest first."""
        request = messages.ListKeyChangesRequest(key=id)
        found = pages(self._calls, LIST_KEY_CHANGES, request, key=id, timeout_s=timeout_s)
        async for page in found:
            for change in page.changes:
                yield convert.key_change(change)

    async def book_quota(self, book: str, *, timeout_s: float | None = None) -> Quota:
        """Return how much may be done in a book by all keys together."""
        request = messages.GetBookQuotaRequest(book=book)
        answer = await self._calls.send(GET_BOOK_QUOTA, request, key=book, timeout_s=timeout_s)
        return convert.quota(answer)

    async def set_book_quota(
        self, book: str, quota: Quota, *, timeout_s: float | None = None
    ) -> Quota:
        """Set how much may be done in a book by all keys together; an empty one takes it away."""
        request = messages.SetBookQuotaRequest(book=book, quota=convert.quota_message(quota))
        answer = await self._calls.send(SET_BOOK_QUOTA, request, key=book, timeout_s=timeout_s)
        return convert.quota(answer)

    async def _one(
        self, method: Method[Any, Any], request: Any, id_: str, timeout_s: float | None
    ) -> Key:
        return convert.key(await self._calls.send(method, request, key=id_, timeout_s=timeout_s))
