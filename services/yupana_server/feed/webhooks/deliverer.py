"""Delivers the webhooks of all books whose lease this process holds."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from yupana_server.feed.leases import Leases
from yupana_server.feed.webhooks import measures
from yupana_server.feed.webhooks.runner import Runner
from yupana_server.feed.webhooks.tools import Tools
from yupana_server.journal.deliveries import Look
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.leases import Lease
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.webhook_rows import SERVED, EndpointState
from yupana_server.runtime.metrics import observe
from yupana_server.runtime.tasks import end_tasks

WORK = "webhooks"

POLL_SHARE = 5
"""A look at all endpoints takes at most one part in so many of the time, however many there are."""

LOOK_PAUSE_S = 0.01
"""However much is announced, it looks no more often than this."""

PAUSE_S = 1.0
"""How long an endpoint rests whose runner failed."""

TIDY_EVERY_S = 30.0
KEEP_MAX = 10_000
"""Of how many deliveries that ended, for each endpoint, is told; dead letters are not counted."""

DEAD_LETTERS_MAX = 10_000
"""With so many an endpoint is paused: what it refuses now would be too much to look through."""

log = structlog.get_logger("yupana.webhooks")

Key = tuple[int, str]


class Deliverer:
    """Finds the endpoints that are to be served here, and has each served by a runner."""

    def __init__(self, tools: Tools, reader: JournalReader, *, poll_s: float, keep_s: float):
        """`keep_s` is for how long deliveries are told of that ended."""
        self._tools = tools
        self._poll_s = poll_s
        self._keep_s = keep_s
        self._leases = Leases(reader, WORK, self._hold)
        self._news = asyncio.Event()
        self._books: set[int] = set()
        self._looks: dict[Key, Look] = {}
        self._runners: dict[Key, tuple[Runner, asyncio.Task[None]]] = {}
        self._rest_until: dict[Key, float] = {}
        self._dead_letters: dict[Key, int] = {}

    async def run(self) -> None:
        """Deliver until cancelled; then call `close`."""
        self._observe()
        await asyncio.gather(self._leases.run(), self._look_on(), self._tidy_on())

    async def close(self) -> None:
        """End what is under way, give the books to others, close all connections."""
        await self._leases.close()
        await self._tools.sender.close()

    def wake(self, books: Sequence[str]) -> None:
        """Look at once: there is something new in these books."""
        if any(look.book_id in books for look in self._looks.values()):
            self._news.set()

    async def _hold(self, lease: Lease) -> None:
        """Have a book's endpoints served for as long as its lease is held here."""
        self._books.add(lease.book)
        self._news.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._books.discard(lease.book)
            await self._end(lease.book)

    async def _end(self, book: int) -> None:
        await end_tasks(task for (each, _), (_, task) in self._runners.items() if each == book)

    async def _look_on(self) -> None:
        while True:
            began_at = time.monotonic()
            self._news.clear()
            try:
                await self._look()
            except UnavailableError:
                pass  # The database's trouble is told of elsewhere.
            except Exception:
                log.exception("look_failed")
            took_s = time.monotonic() - began_at
            await asyncio.sleep(max(LOOK_PAUSE_S, took_s * POLL_SHARE))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._news.wait()

    async def _look(self) -> None:
        """See how all endpoints are, tell their runners, begin those that there are none of."""
        looks = await self._tools.store.look(list(self._books)) if self._books else []
        self._looks = {(look.book, look.endpoint): look for look in looks}
        for key, (runner, _) in self._runners.items():
            runner.see(self._looks.get(key))
        for key, look in self._looks.items():
            rests = self._rest_until.get(key, 0.0) > time.monotonic()
            wanted = look.state in SERVED and look.book in self._books
            if wanted and not rests and key not in self._runners:
                runner = Runner(self._tools, look)
                self._runners[key] = runner, asyncio.create_task(self._serve(key, runner))

    async def _serve(self, key: Key, runner: Runner) -> None:
        try:
            await runner.run()
            self._rest_until.pop(key, None)
        except UnavailableError:
            self._rest_until[key] = time.monotonic() + PAUSE_S
        except Exception:
            log.exception("webhook_failed", book=key[0], endpoint=key[1])
            self._rest_until[key] = time.monotonic() + PAUSE_S
        finally:
            del self._runners[key]

    async def _tidy_on(self) -> None:
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            try:
                for look in list(self._looks.values()):
                    await self._tidy(look)
            except UnavailableError:
                pass

    async def _tidy(self, look: Look) -> None:
        """Forget what ended long ago, count what was given up, and stop where that is too much."""
        store = self._tools.store
        await store.tidy(look, keep_s=self._keep_s, keep_max=KEEP_MAX)
        count = await store.dead_letters(look)
        self._dead_letters[look.book, look.endpoint] = count
        if count >= DEAD_LETTERS_MAX and look.state is EndpointState.ACTIVE:
            log.warning("webhook_paused", book=look.book_id, endpoint=look.endpoint, dead=count)
            await store.pause(look)

    def _observe(self) -> None:
        measures.begin()
        observe(measures.LAG, self._lags)
        observe(measures.WAITING, self._waiting)
        observe(measures.ENDPOINTS, self._states)
        observe(measures.DEAD_LETTERS, lambda: {(): self._dead()})

    def _lags(self) -> Mapping[tuple[str, ...], int]:
        lags: dict[tuple[str, ...], int] = {}
        for look in self._looks.values():
            lags[look.book_id,] = max(lags.get((look.book_id,), 0), look.lag)
        return lags

    def _waiting(self) -> Mapping[tuple[str, ...], int]:
        counts: Counter[tuple[str, ...]] = Counter()
        for key, look in self._looks.items():
            served = self._runners.get(key)
            counts[look.book_id,] += 0 if served is None else served[0].waiting
        return counts

    def _states(self) -> Mapping[tuple[str, ...], int]:
        counts = Counter(look.state for look in self._looks.values())
        return {(state.value,): counts[state] for state in EndpointState}

    def _dead(self) -> int:
        return sum(count for key, count in self._dead_letters.items() if key in self._looks)
