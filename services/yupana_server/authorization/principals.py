"""Who calls: keys, looked up and remembered for a moment."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from yupana_server.authorization.grants import ALL_BOOKS, Scope, read_grants, scope
from yupana_server.authorization.quotas import Quota, read_quota
from yupana_server.authorization.tokens import Token, is_one_of, read_token
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.keys import KeyReader, KeyRow
from yupana_server.runtime.errors import CallError, database_unavailable

REMEMBERED_MAX = 10_000
"""How many keys, names and books are remembered, those that are not there as well."""

STALE_MAX_S = 5.0
"""How long what is remembered is good while the database is away: then nobody is let in, as keys
may have been revoked."""

T = TypeVar("T")


class Principal:
    """Somebody who may call."""

    def __init__(self, row: KeyRow):
        self.row = row
        self.name = f"key:{row.key}"
        """What the journal calls it."""
        self.grants = read_grants(row.grants)
        self.quota: Quota | None = read_quota(row.quota)
        self._scopes: dict[str, Scope] = {}

    @property
    def id(self) -> str:
        """The key's id."""
        return self.row.key

    def scope(self, book: str | None) -> Scope:
        """Return what it may do in a book, or in what concerns no single one."""
        name = ALL_BOOKS if book is None else book
        found = self._scopes.get(name)
        if found is None:
            found = scope(self.grants, name)
            if len(self._scopes) < REMEMBERED_MAX:
                self._scopes[name] = found
        return found

    def good(self, now: datetime) -> bool:
        """Tell whether it may call at all."""
        row = self.row
        return row.revoked_at is None and (row.expires_at is None or now < row.expires_at)


class Memory(Generic[T]):
    """Answers that are remembered for a moment, and asked for once however many want them."""

    def __init__(self, load: Callable[[str], Awaitable[T]], fresh_s: float):
        self._load = load
        self._fresh_s = fresh_s
        self._known: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[T]] = {}

    async def get(self, name: str) -> T:
        """Return the answer.

        Raises:
            CallError: DATABASE_UNAVAILABLE, and what is remembered is too old.
        """
        known = self._known.get(name)
        if known is not None and time.monotonic() - known[0] < self._fresh_s:
            return known[1]
        try:
            return await self._ask(name)
        except UnavailableError as error:
            if known is not None and time.monotonic() - known[0] < STALE_MAX_S:
                return known[1]
            raise database_unavailable(error) from error

    async def _ask(self, name: str) -> T:
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._remember(name))
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        # Others wait for the same answer: who gives up must not take it from them.
        return await asyncio.shield(task)

    async def _remember(self, name: str) -> T:
        asked_at = time.monotonic()
        answer = await self._load(name)
        self._known[name] = (asked_at, answer)
        self._known.move_to_end(name)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return answer


class Principals:
    """Finds out who calls. A change is seen when what is remembered is no longer fresh."""

    def __init__(self, keys: KeyReader, hash_keys: Sequence[bytes], *, fresh_s: float):
        self._keys = keys
        self._hash_keys = hash_keys
        self._by_key = Memory(self._load_key, fresh_s)
        self._by_name = Memory(self._load_name, fresh_s)
        self._quotas = Memory(self._load_quota, fresh_s)
        self._used: dict[str, datetime] = {}

    async def of_token(self, text: str) -> Principal:
        """Return who has a token.

        Raises:
            CallError: UNAUTHENTICATED or DATABASE_UNAVAILABLE.
        """
        token = read_token(text)
        principal = None if token is None else await self._by_key.get(token.key)
        now = datetime.now(UTC)
        if token is None or principal is None or not self._is_good(principal, token, now):
            raise unauthenticated()
        self._used[principal.id] = now
        return principal

    async def of_certificate(self, names: Sequence[str]) -> Principal:
        """Return who has a certificate with these names.

        Raises:
            CallError: UNAUTHENTICATED or DATABASE_UNAVAILABLE.
        """
        now = datetime.now(UTC)
        for name in names:
            principal = await self._by_name.get(name)
            if principal is not None and principal.good(now):
                self._used[principal.id] = now
                return principal
        raise unauthenticated()

    async def book_quota(self, book: str) -> Quota | None:
        """Return a book's quota.

        Raises:
            CallError: DATABASE_UNAVAILABLE.
        """
        return await self._quotas.get(book)

    async def note_uses(self) -> None:
        """Write down when keys were used last.

        Raises:
            UnavailableError: The database is away.
        """
        used, self._used = self._used, {}
        if used:
            await self._keys.note_uses(used)

    def _is_good(self, principal: Principal, token: Token, now: datetime) -> bool:
        kept = [
            each.hash
            for each in principal.row.tokens
            if each.expires_at is None or now < each.expires_at
        ]
        return is_one_of(token, kept, self._hash_keys) and principal.good(now)

    async def _load_key(self, key: str) -> Principal | None:
        return _principal(await self._keys.key(key))

    async def _load_name(self, name: str) -> Principal | None:
        return _principal(await self._keys.certified(name))

    async def _load_quota(self, book: str) -> Quota | None:
        return read_quota(await self._keys.book_quota(book))


def unauthenticated() -> CallError:
    """Return the error of a caller whom nobody knows; it does not say what is wrong."""
    return CallError(
        "UNAUTHENTICATED",
        "no key that works came with the call: send `authorization: Bearer TOKEN`",
    )


def _principal(row: KeyRow | None) -> Principal | None:
    return None if row is None else Principal(row)
