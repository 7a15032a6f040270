"""The view as Redis has it: read, filled, folded and begun anew by one script each (R11)."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from yupana_server.book.state import Account
from yupana_server.journal.rows import Link
from yupana_server.runtime.redis import Redis
from yupana_server.runtime.redis_scripts import Script
from yupana_server.view import scripts, values
from yupana_server.view.marks import ViewKeys, Watermark
from yupana_server.view.values import Value

LEASE_S = 2.0
"""How long whoever is to fill an account has for that: a read of the journal takes milliseconds."""

VALUE_S = 3_600.0
"""How long an account that was filled stays, whether it is read or not."""

MARK_S = 30.0
"""A view that no feed has kept for so long is none: reads of any freshness go to the database."""

_READ = Script("view_read", scripts.READ)
_FILL = Script("view_fill", scripts.FILL)
_FOLD = Script("view_fold", scripts.FOLD)
_BEGIN = Script("view_begin", scripts.BEGIN)
_LEASED, _LEASED_ELSEWHERE = 1, 0


class Seen(NamedTuple):
    """What a view says of accounts, all of it true for the same entry."""

    mark: Watermark
    found: dict[str, Account | None]
    """The accounts that it knows, None for each that is not open; what it lacks is absent."""
    leased: tuple[str, ...]
    """Those that it lacks and that the reader is to fill."""
    token: str
    """What the fill must show."""
    awaited: frozenset[str]
    """Those that it lacks and that somebody else is filling."""

    def fillable(self, accounts: Iterable[str]) -> bool:
        """Tell whether all of these are there or being filled, as when Redis is not full."""
        return all(
            account in self.found or account in self.leased or account in self.awaited
            for account in accounts
        )


class ViewStore:
    """Views of all books. Every method raises RedisAwayError when Redis cannot answer."""

    def __init__(
        self,
        redis: Redis,
        *,
        lease_s: float = LEASE_S,
        value_s: float = VALUE_S,
        mark_s: float = MARK_S,
    ):
        self._redis = redis
        self._lease_ms = int(lease_s * 1000)
        self._value_ms = int(value_s * 1000)
        self._mark_ms = int(mark_s * 1000)

    async def read(
        self, keys: ViewKeys, accounts: Sequence[str], *, lease: bool = True
    ) -> Seen | None:
        """Return what the view says of accounts, None when there is no view.

        With `lease` the reader is to fill what is missing, unless somebody else is at it.
        """
        token = secrets.token_hex(8) if lease else ""
        answer = await _READ.run(
            self._redis, [keys.mark, *map(keys.account, accounts)], [token, self._lease_ms]
        )
        mark = _mark(answer[0]) if answer else None
        if mark is None:
            return None
        found: dict[str, Account | None] = {}
        leased: list[str] = []
        awaited: set[str] = set()
        for account, given in zip(accounts, answer[1:], strict=True):
            if given == _LEASED:
                leased.append(account)
            elif given == _LEASED_ELSEWHERE:
                awaited.add(account)
            elif isinstance(given, list):
                _take(account, given, found)
        return Seen(mark, found, tuple(leased), token, frozenset(awaited))

    async def fill(self, keys: ViewKeys, seen: Seen, accounts: Mapping[str, Account | None]) -> int:
        """Store accounts that `seen` leased, as they were at its watermark; return how many.

        Why that is true for the watermark of the moment, S', though it was read as of an earlier
        one, S: in between every fold of an entry about the account would have ended the lease. So
        there is no such entry from S to S', and the account at S' is what it was at S. The same
        holds for an account that was not open. If the view began anew in between, the generation
        is another. If Redis fell back to what it was earlier and still has the lease, then its
        watermark is not before S, for the lease was given at S.
        """
        given: list[str | int] = [
            seen.mark.generation, seen.mark.link.seq, seen.token, self._value_ms
        ]  # fmt: skip
        for account in accounts.values():
            given += values.write(account)
        return int(await _FILL.run(self._redis, [keys.mark, *map(keys.account, accounts)], given))

    async def mark(self, keys: ViewKeys) -> Watermark | None:
        """Return where the view stands, None when there is none."""
        answer = await _READ.run(self._redis, [keys.mark], ["", 0])
        return _mark(answer[0]) if answer else None

    async def fold(
        self, keys: ViewKeys, mark: Watermark, link: Link, changes: Mapping[str, Value]
    ) -> Watermark | None:
        """Move the watermark to `link`, with what changes until there; return where it stands.

        Nothing changes when it does not stand at `mark`. Without a change this keeps the view.
        """
        given: list[str | int] = [*_fields(mark), link.seq, link.hash.hex(), self._mark_ms]
        for change in changes.values():
            given += change
        answer = await _FOLD.run(self._redis, [keys.mark, *map(keys.account, changes)], given)
        return mark._replace(link=link) if answer == 1 else _mark(answer)

    async def begin(
        self, keys: ViewKeys, mark: Watermark | None, *, epoch: int, link: Link
    ) -> Watermark | None:
        """Begin anew, with nothing in the view, at an entry; return where it stands.

        Nothing changes when it does not stand at `mark`, or is in a later epoch (R9).
        """
        begun = Watermark(secrets.token_hex(8), epoch, link)
        before = ("", "") if mark is None else (mark.generation, mark.link.seq)
        answer = await _BEGIN.run(
            self._redis, [keys.mark], [*before, *_fields(begun), self._mark_ms]
        )
        return begun if answer == 1 else _mark(answer)

    async def end(self, keys: ViewKeys) -> None:
        """Have the view end, in whatever epoch it is: the next to keep it begins anew."""
        async with self._redis.use() as commands:
            await commands.delete(keys.mark)


def _fields(mark: Watermark) -> tuple[str, int, int, str]:
    return mark.generation, mark.epoch, mark.link.seq, mark.link.hash.hex()


def _mark(fields: Any) -> Watermark | None:
    """Read a watermark; one that nobody here wrote is none."""
    try:
        generation, epoch, seq, digest = fields
        return Watermark(
            generation.decode(), int(epoch), Link(int(seq), bytes.fromhex(digest.decode()))
        )
    except (ValueError, TypeError, AttributeError):
        return None


def _take(account: str, fields: Any, found: dict[str, Account | None]) -> None:
    """Read an account's value; one that nobody here wrote is as good as missing."""
    try:
        known = values.read(*fields[1:5])
    except (ValueError, TypeError, RecursionError):
        return
    if known is None or known.facts.id == account:
        found[account] = known
