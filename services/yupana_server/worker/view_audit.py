"""Compares what the Redis view shows with the journal, a few keys at a time, round and round.

The view is no truth, so a difference loses nothing: it is counted and told of, and the view ends,
so that it begins anew. But somebody has read what was wrong, and should know.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

import structlog
from opentelemetry import metrics

from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.view_rows import BookTail, ViewJournal
from yupana_server.runtime.redis import Redis, RedisAwayError
from yupana_server.view.marks import ViewKeys, read_key
from yupana_server.view.store import Seen, ViewStore
from yupana_server.worker.share import Share

EVERY_S = 1.0
KEYS_PER_LOOK = 200
"""About how many keys Redis looks at for one look of ours."""

_meter = metrics.get_meter("yupana.worker")
_accounts = _meter.create_counter(
    "yupana.audit.view.accounts",
    unit="{account}",
    description="Accounts in Redis views that this worker compared with the journal.",
)
_differences = _meter.create_counter(
    "yupana.audit.view.differences",
    unit="{account}",
    description="Accounts that a Redis view showed otherwise than the journal.",
)

log = structlog.get_logger("yupana.auditor")


class ViewAudit:
    """Goes through all keys of all views."""

    def __init__(self, journal: ViewJournal, redis: Redis, share: Share):
        self._journal = journal
        self._redis = redis
        self._store = ViewStore(redis)
        self._share = share
        self._cursor = 0
        _accounts.add(0)
        _differences.add(0)

    async def run(self) -> None:
        """Compare until cancelled."""
        while True:
            try:
                await self.look()
            except (UnavailableError, RedisAwayError):
                pass  # Told of elsewhere; there is nothing to compare now.
            except Exception:
                log.exception("view_audit_failed")
            await self._share.rest()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> bool:
        """Compare the next few accounts; returns whether that was the end of a round."""
        async with self._redis.use() as commands:
            self._cursor, keys = await commands.scan(
                self._cursor, match=f"{ViewKeys.PREFIX}*", count=KEYS_PER_LOOK
            )
        for id_, accounts in _by_book(keys).items():
            for tail in await self._journal.tails(id_):
                await self._compare(tail, accounts)
        return self._cursor == 0

    async def _compare(self, tail: BookTail, accounts: dict[int, list[str]]) -> None:
        """Compare accounts of a book; those of a book that had its id before are left to expire."""
        names = accounts.get(tail.created_at, [])
        keys = ViewKeys(tail.id, tail.created_at)
        seen = await self._store.read(keys, names, lease=False) if names else None
        if seen is None or not seen.found:
            return
        wrong = await self._wrong(tail, seen)
        _accounts.add(len(seen.found))
        if wrong:
            _differences.add(wrong)
            log.error("view_difference", book=tail.id, seq=seen.mark.link.seq, accounts=wrong)
            await self._store.end(keys)

    async def _wrong(self, tail: BookTail, seen: Seen) -> int:
        """Count what differs. In another history the feed will find it, and begin anew (R1)."""
        mark = seen.mark
        found = await self._journal.accounts(
            tail.number, list(seen.found), epoch=mark.epoch, link=mark.link
        )
        if found is None:
            return 0
        return sum(found[name] != account for name, account in seen.found.items())


def _by_book(keys: Iterable[bytes | str]) -> dict[str, dict[int, list[str]]]:
    """Return the accounts that keys are of, by id and time of creation of their book."""
    found: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for key in keys:
        named = read_key(key if isinstance(key, str) else key.decode(errors="replace"))
        if named is not None:
            found[named.book_id][named.created_at].append(named.account)
    return found
