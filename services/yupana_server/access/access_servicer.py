"""`yupana.access.v1.AccessService`."""

from collections.abc import Iterable
from typing import Any

import grpc.aio

from yupana.access.v1 import access_service_pb2, access_service_pb2_grpc, key_pb2
from yupana_server.access import presenting, requests
from yupana_server.authorization.gate import current_caller, denied
from yupana_server.authorization.grants import ALL_BOOKS, Action, Grant, read_grants
from yupana_server.authorization.principals import Principal, unauthenticated
from yupana_server.authorization.tokens import hash_token, new_key_id, new_token
from yupana_server.journal.key_store import KeyStore
from yupana_server.journal.keys import KeyReader, KeyRow
from yupana_server.messages.checks import page_size, read_request
from yupana_server.messages.tokens import PageScope
from yupana_server.runtime.errors import CallError

SERVICE = access_service_pb2.DESCRIPTOR.services_by_name["AccessService"].full_name
EVERYTHING = Grant(ALL_BOOKS, "", frozenset(Action))

Context = grpc.aio.ServicerContext[Any, Any]


class AccessServicer(access_service_pb2_grpc.AccessServiceServicer):
    """Manages keys and quotas."""

    def __init__(self, keys: KeyReader, store: KeyStore, hash_key: bytes):
        """`hash_key` is what tokens are hashed by from now on."""
        self._keys = keys
        self._store = store
        self._hash_key = hash_key

    async def CreateKey(
        self, request: access_service_pb2.CreateKeyRequest, context: Context
    ) -> key_pb2.Key:
        """Create a key and show its token."""
        check = read_request(request, book=False)
        settings = requests.read_settings(request.key, check)
        name = requests.read_certificate_name(request.key, check)
        if request.key.id:
            requests.check_key("key.id", request.key.id, check)
        check.done()
        caller = _manager(read_grants(settings.grants))
        token = new_token(request.key.id or new_key_id())
        made = await self._store.create(
            token.key,
            settings,
            actor=caller.name,
            hash_=None if name else hash_token(token, self._hash_key),
            certificate_name=name,
        )
        if not made:
            message = f"there is a key {token.key} already, or one of this certificate's name"
            raise CallError("KEY_EXISTS", message, metadata={"key": token.key})
        return presenting.key(await self._row(token.key), "" if name else token.text)

    async def GetKey(
        self, request: access_service_pb2.GetKeyRequest, context: Context
    ) -> key_pb2.Key:
        """Return a key."""
        return presenting.key(await self._managed(request))

    async def ListKeys(
        self, request: access_service_pb2.ListKeysRequest, context: Context
    ) -> access_service_pb2.ListKeysResponse:
        """List the keys that the caller may manage, by id."""
        check = read_request(request, book=False)
        size = page_size(request.page_size, check)
        check.done()
        caller, scope = _caller(), PageScope("keys", None)
        after = scope.read_id(request.page_token)
        response = access_service_pb2.ListKeysResponse()
        while len(response.keys) < size:
            rows = await self._store.page(after=after, limit=size + 1)
            for row in rows[:size]:
                after = row.key
                if _manages(caller, read_grants(row.grants)):
                    response.keys.append(presenting.key(row))
                if len(response.keys) == size:
                    break
            if len(rows) <= size and (not rows or after == rows[-1].key):
                return response
        response.next_page_token = scope.write(after)
        return response

    async def UpdateKey(
        self, request: access_service_pb2.UpdateKeyRequest, context: Context
    ) -> key_pb2.Key:
        """Change a key."""
        check = read_request(request, book=False)
        requests.check_key("key.id", request.key.id, check)
        check.done()
        row = await self._row(request.key.id)
        caller = _manager_of(row)
        settings = requests.read_update(request, row, check)
        check.done()
        _manager(read_grants(settings.grants))
        while not await self._store.update(row, settings, actor=caller.name):
            # Somebody else changed it meanwhile.
            row = await self._row(row.key)
            _manager_of(row)
            _check_alive(row)
            settings = requests.read_update(request, row, check)
        return presenting.key(await self._row(row.key))

    async def RotateKey(
        self, request: access_service_pb2.RotateKeyRequest, context: Context
    ) -> key_pb2.Key:
        """Make another token and show it."""
        check = read_request(request, book=False)
        requests.check_key("key", request.key, check)
        overlap = requests.read_overlap(request, check)
        check.done()
        row = await self._row(request.key)
        caller, token = _manager_of(row), new_token(row.key)
        if row.certificate_name is not None:
            message = f"the key {row.key} is known by a certificate: it has no token"
            raise CallError("KEY_HAS_NO_TOKEN", message, metadata={"key": row.key})
        hash_ = hash_token(token, self._hash_key)
        if not await self._store.rotate(row.key, actor=caller.name, hash_=hash_, overlap=overlap):
            raise _revoked(row.key)
        return presenting.key(await self._row(row.key), token.text)

    async def RevokeKey(
        self, request: access_service_pb2.RevokeKeyRequest, context: Context
    ) -> key_pb2.Key:
        """End a key."""
        row = await self._managed(request)
        await self._store.revoke(row.key, actor=_caller().name)
        return presenting.key(await self._row(row.key))

    async def ListKeyChanges(
        self, request: access_service_pb2.ListKeyChangesRequest, context: Context
    ) -> access_service_pb2.ListKeyChangesResponse:
        """List changes, the newest first."""
        check = read_request(request, book=False)
        size = page_size(request.page_size, check)
        if request.key:
            requests.check_key("key", request.key, check)
        check.done()
        _manager([EVERYTHING])
        scope = PageScope(f"key changes {request.key}", None)
        before = scope.read_seq(request.page_token)
        rows = await self._store.changes(key=request.key, before=before, limit=size + 1)
        response = access_service_pb2.ListKeyChangesResponse(
            changes=map(presenting.change, rows[:size])
        )
        if len(rows) > size:
            response.next_page_token = scope.write(str(rows[size - 1].number))
        return response

    async def GetBookQuota(
        self, request: access_service_pb2.GetBookQuotaRequest, context: Context
    ) -> key_pb2.Quota:
        """Return a book's quota."""
        read_request(request).done()
        return presenting.quota(await self._keys.book_quota(request.book))

    async def SetBookQuota(
        self, request: access_service_pb2.SetBookQuotaRequest, context: Context
    ) -> key_pb2.Quota:
        """Set a book's quota."""
        check = read_request(request)
        quota = requests.read_quota(request.quota, check.inside("quota"))
        check.done()
        await self._store.set_book_quota(request.book, quota, actor=_caller().name)
        return presenting.quota(quota)

    async def _managed(self, request: Any) -> KeyRow:
        """Check a request that names a key and nothing else; return the key."""
        check = read_request(request, book=False)
        requests.check_key("key", request.key, check)
        check.done()
        row = await self._row(request.key)
        _manager_of(row)
        return row

    async def _row(self, key: str) -> KeyRow:
        row = await self._keys.key(key)
        if row is None:
            raise _not_found(key)
        return row


def _caller() -> Principal:
    caller = current_caller()
    if caller is None:  # Nobody gets here past the gate.
        raise unauthenticated()
    return caller


def _manages(caller: Principal, grants: Iterable[Grant]) -> bool:
    """Tell whether all of the grants lie within what the caller administers."""
    own = [each for each in caller.grants if Action.ADMIN in each.actions]
    return all(any(mine.covers(each) for mine in own) for each in grants)


def _manager(grants: Iterable[Grant]) -> Principal:
    """Return the caller, who has to administer all that is granted."""
    caller = _caller()
    for grant in grants:
        if not _manages(caller, [grant]):
            book = None if grant.book == ALL_BOOKS else grant.book
            raise denied(caller, Action.ADMIN, book, grant.prefix or None)
    return caller


def _manager_of(row: KeyRow) -> Principal:
    """Return the caller; to those who may not manage a key it is as if there were none."""
    caller = _caller()
    if not _manages(caller, read_grants(row.grants)):
        raise _not_found(row.key)
    return caller


def _check_alive(row: KeyRow) -> None:
    if row.revoked_at is not None:
        raise _revoked(row.key)


def _not_found(key: str) -> CallError:
    message = f"there is no key {key} that you may manage"
    return CallError("KEY_NOT_FOUND", message, metadata={"key": key})


def _revoked(key: str) -> CallError:
    message = f"the key {key} was revoked, for good: create another"
    return CallError("KEY_REVOKED", message, metadata={"key": key})
