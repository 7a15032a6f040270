"""Lets callers in: who they are, whether they may, whether it is not too much."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NamedTuple

from google.protobuf import descriptor_pool
from opentelemetry import metrics

from yupana_server.authorization.grants import Action
from yupana_server.authorization.needs import NeedsOf, action_of, book_of, needs_of, size_of
from yupana_server.authorization.principals import Principal, Principals, unauthenticated
from yupana_server.authorization.quotas import Quotas, Standing, limits
from yupana_server.authorization.standings import exceeded
from yupana_server.runtime.call_spans import note_key
from yupana_server.runtime.errors import CallError

PATIENCE_S = 5.0
"""How long a request of a stream waits for its quota: so the producer is slowed down, not cut."""

REASONS = ("UNAUTHENTICATED", "PERMISSION_DENIED", "QUOTA_EXCEEDED")

ACCESS_SERVICE = "yupana.access.v1.AccessService"

AccountsOf = Callable[[str, Sequence[str]], Awaitable[Mapping[str, Sequence[str]]]]
"""Returns the accounts of a book's commands that were recorded, of those that are there."""

_meter = metrics.get_meter("yupana.access")
_refused = _meter.create_counter(
    "yupana.access.refused",
    unit="{call}",
    description="Calls and requests of streams that were not let in, by reason.",
)
_caller: ContextVar[Principal | None] = ContextVar("yupana_caller", default=None)


def current_caller() -> Principal | None:
    """Return who makes the call under way; None where nobody is asked who they are."""
    return _caller.get()


class Method(NamedTuple):
    """What is known of a method."""

    service: str
    action: Action | None
    needs: NeedsOf


class Gate:
    """Lets callers in."""

    def __init__(
        self,
        principals: Principals,
        quotas: Quotas,
        *,
        accounts_of: AccountsOf | None = None,
    ):
        """Without `accounts_of` keys for some accounts cannot name what was recorded before."""
        self._principals = principals
        self._quotas = quotas
        self._accounts_of = accounts_of
        for reason in REASONS:
            _refused.add(0, {"yupana.reason": reason})  # So that the first one shows as a rate.

    async def enter(self, token: str | None, names: Sequence[str]) -> Principal:
        """Return who calls, by a token or the names in a certificate; it is current from then on.

        Raises:
            CallError: UNAUTHENTICATED or DATABASE_UNAVAILABLE.
        """
        try:
            if token is not None:
                caller = await self._principals.of_token(token)
            elif names:
                caller = await self._principals.of_certificate(names)
            else:
                raise unauthenticated()
        except CallError as error:
            _refused.add(1, {"yupana.reason": error.reason})
            raise
        _caller.set(caller)
        note_key(caller.id)
        return caller

    async def check(self, caller: Principal, method: str, request: Any) -> None:
        """Check that the caller may send a request.

        Raises:
            CallError: PERMISSION_DENIED.
        """
        known, book = method_of(method), book_of(request)
        if known.service == ACCESS_SERVICE and book is None:
            return  # Its servicer looks at the key that the call is about.
        scope = caller.scope(book)
        for need in known.needs(request, scope.whole):
            accounts = need.accounts
            if need.commands and scope.some(need.action):
                accounts = await self._accounts(book or "", need.commands)
            lacking = next((a for a in accounts if not scope.covers(need.action, a)), None)
            if not accounts or lacking is not None:
                raise denied(caller, need.action, book, lacking)

    async def take(
        self, caller: Principal, method: str, request: Any, *, patience_s: float = 0.0
    ) -> list[Standing]:
        """Take what a request needs from the quotas of its caller and its book.

        To manage a book's quota takes nothing from it: else nobody could loosen a tight one.

        Raises:
            CallError: QUOTA_EXCEEDED.
        """
        book, quota = book_of(request), None
        if book is not None and method_of(method).service != ACCESS_SERVICE:
            quota = await self._principals.book_quota(book)
        if quota is None and caller.quota is None:
            return []
        commands = size_of(request)
        wanted = limits("key", caller.id, caller.quota, commands=commands)
        wanted += limits("book", book or "", quota, commands=commands)
        if not wanted:
            return []
        standings = await self._quotas.take(wanted)
        while (wait_s := max(each.wait_s for each in standings)) > 0:
            possible = all(each.cost <= each.rate.burst for each in wanted)
            if wait_s > patience_s or not possible:
                _refused.add(1, {"yupana.reason": "QUOTA_EXCEEDED"})
                raise exceeded(standings)
            patience_s -= wait_s
            await asyncio.sleep(wait_s)
            standings = await self._quotas.take(wanted)
        return standings

    async def _accounts(self, book: str, commands: Sequence[str]) -> Sequence[str]:
        """Return the accounts of commands that were recorded; none when one of them was not.

        Of those that were, accounts never change. What is not there yet could be made for other
        accounts before the call is executed: nobody may name it who may not name everything.
        """
        if self._accounts_of is None:
            return ()
        found = await self._accounts_of(book, commands)
        if any(not found.get(each) for each in commands):
            return ()
        return [account for each in commands for account in found[each]]


@lru_cache(maxsize=1024)
def method_of(path: str) -> Method:
    """Return what is known of a method, by its path on the wire."""
    service, _, name = path.removeprefix("/").rpartition("/")
    pool: Any = descriptor_pool.Default()
    method = pool.FindServiceByName(service).FindMethodByName(name)
    return Method(service, action_of(method), needs_of(method))


def denied(
    caller: Principal, action: Action, book: str | None, account: str | None = None
) -> CallError:
    """Return the error of a call that the key does not allow."""
    _refused.add(1, {"yupana.reason": "PERMISSION_DENIED"})
    where = "all books" if book is None else f"the book {book}"
    on = "" if account is None else f" on the account {account}"
    metadata = {"key": caller.id, "action": action.value}
    metadata |= {} if book is None else {"book": book}
    metadata |= {} if account is None else {"account": account}
    message = f"the key {caller.id} does not allow to {_verb(action)} in {where}{on}"
    return CallError("PERMISSION_DENIED", message, metadata=metadata)


def _verb(action: Action) -> str:
    return {
        Action.LIMITS: "set limits",
        Action.FORCE: "force reversals",
        Action.ADMIN: "administer",
    }.get(action, action.value)
