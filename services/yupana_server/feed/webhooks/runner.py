"""Serves one endpoint: keeps its line, makes attempts when they are due."""

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from yupana_server.feed.webhooks.attempting import Attempts, Target
from yupana_server.feed.webhooks.lookout import PAGE_ENTRIES, Lookout
from yupana_server.feed.webhooks.ordering import Line, Waiting
from yupana_server.feed.webhooks.recorder import Recorder
from yupana_server.feed.webhooks.tools import Served, Tools
from yupana_server.journal.deliveries import Look
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.webhook_rows import DeliveryState, Result, WaitingRow
from yupana_server.runtime.tasks import end_tasks

WINDOW_MAX = 2_000
"""How many deliveries of an endpoint stand in rows; the rest of its backlog is the journal."""

ENDING_S = 2.0
"""How long attempts under way may take to end when somebody else takes over: as long as a lease
still lasts after it could not be renewed."""

MISSING_PAUSE_S = 1.0
"""When to look again for an entry that could not be read."""

if TYPE_CHECKING:
    from yupana_server.feed.webhooks.sending import Attempt

log = structlog.get_logger("yupana.webhooks")


class Runner:
    """Serves an endpoint for as long as nobody changes it, and this process has its book."""

    def __init__(self, tools: Tools, look: Look):
        self._tools = tools
        self._look = look
        self._line = Line()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: list[tuple[Waiting, Attempt | None]] = []
        self._wake = asyncio.Event()
        self._served: Served | None = None

    @property
    def waiting(self) -> int:
        """How many deliveries stand in the line."""
        return len(self._line)

    def see(self, look: Look | None) -> None:
        """Take note of how the endpoint looks now; None when it is gone."""
        if self._served is not None:
            if look is None or look.version != self._look.version:
                self._served.outdated = True
            else:
                self._served.look = look
        self._wake.set()

    async def run(self) -> None:
        """Serve it until a call changes it, its state ends that, or this is cancelled.

        Attempts under way may still end then; what came of them is recorded.
        """
        self._served = served = await self._load()
        if served is None:
            return
        recorder = Recorder(self._tools, served)
        try:
            await self._serve(served, recorder)
            await asyncio.gather(*self._tasks)
        finally:
            await self._end(recorder)

    async def _load(self) -> Served | None:
        """Read all there is; None when there is nothing to serve."""
        store, look = self._tools.store, self._look
        endpoint = await store.endpoint(look.book, look.endpoint)
        book = await store.book(look.book_id)
        if endpoint is None or book is None or endpoint.version != look.version:
            return None
        for each in await store.waiting(look.book, look.endpoint):
            self._line.add(_waiting(each, by_account=endpoint.settings.by_account))
        return Served(look, endpoint, book)

    async def _serve(self, served: Served, recorder: Recorder) -> None:
        lookout, attempts = Lookout(self._tools, served), await self._attempts(served)
        while not served.outdated:
            self._wake.clear()
            await self._record(recorder)
            if served.failing and not self._line:
                await recorder.recover()
            if self._wants_more(served):
                for delivery, row in await lookout.read():
                    self._line.add(delivery)
                    attempts.keep(row)
            if not served.outdated:
                self._begin_attempts(served, attempts)
                await self._sleep(served)

    async def _attempts(self, served: Served) -> Attempts:
        look, url = served.look, served.endpoint.settings.url
        secrets = await self._tools.store.secrets(look.book, look.endpoint)
        return Attempts(self._tools.entries, self._tools.sender, Target(served.book, url, secrets))

    def _wants_more(self, served: Served) -> bool:
        """Whether to look through the journal: a failing endpoint's backlog stays there."""
        room = self.waiting <= WINDOW_MAX - PAGE_ENTRIES
        return room and not served.failing and bool(served.look.lag or served.look.epoch_changed)

    async def _sleep(self, served: Served) -> None:
        """Wait for an attempt to end, something to be due, or news; not while there is work."""
        timeout_s: float | None = 0.0
        if not self._wants_more(served):
            due_at_s = self._next_due_s(served)
            timeout_s = None if due_at_s is None else max(0.0, due_at_s - time.time())
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()

    def _next_due_s(self, served: Served) -> float | None:
        if len(self._tasks) >= served.at_once:
            return None  # One of them ends first.
        probe_at = served.endpoint.health.probe_at
        return self._line.next_due_s() if probe_at is None else probe_at.timestamp()

    def _begin_attempts(self, served: Served, attempts: Attempts) -> None:
        """Begin the attempts that are due; of a failing endpoint one alone, when that is due."""
        now_s = time.time()
        probe_at = served.endpoint.health.probe_at
        if probe_at is not None:
            now_s = float("inf") if probe_at.timestamp() <= now_s else float("-inf")
        while len(self._tasks) < served.at_once:
            delivery = self._line.take(now_s)
            if delivery is None:
                return
            task = asyncio.create_task(self._attempt(attempts, delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _attempt(self, attempts: Attempts, delivery: Waiting) -> None:
        attempt: Attempt | None = None
        try:
            async with self._tools.places:
                attempt = await attempts.make(delivery)
        except UnavailableError:
            pass  # As if nothing had been tried: the entry could not be read.
        except Exception:
            log.exception("attempt_failed", book=self._look.book_id, endpoint=self._look.endpoint)
        self._ended.append((delivery, attempt))
        self._wake.set()

    async def _record(self, recorder: Recorder) -> None:
        """Record what came of the attempts that ended, then let go what they held up.

        In this order: what is sent again after a crash is only what was under way, and nothing
        that had to wait for it was sent.
        """
        ended = list(self._ended)
        made = [(delivery, attempt) for delivery, attempt in ended if attempt is not None]
        results = await recorder.record(made) if made else []
        del self._ended[: len(ended)]
        for (delivery, _), result in zip(made, results, strict=True):
            self._settle(delivery, result)
        for delivery, attempt in ended:
            if attempt is None:
                self._line.put_back(delivery._replace(due_at_s=time.time() + MISSING_PAUSE_S))

    def _settle(self, delivery: Waiting, result: Result) -> None:
        if result.state is DeliveryState.WAITING:
            due_at_s = result.due_at.timestamp()
            self._line.put_back(delivery._replace(attempts=result.attempts, due_at_s=due_at_s))
        else:
            self._line.finish(delivery)

    async def _end(self, recorder: Recorder) -> None:
        """Let attempts under way end, for a bounded time, and record what came of them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDING_S):
                await asyncio.gather(*self._tasks)
        await end_tasks(self._tasks)
        with suppress(UnavailableError):
            await self._record(recorder)


def _waiting(row: WaitingRow, *, by_account: bool) -> Waiting:
    # Rows keep their keys, so that an endpoint may change to deliveries without order and back.
    keys = row.keys if by_account or row.cut else ()
    digest = bytes(row.hash or b"")
    due_at_s = row.due_at.timestamp()
    return Waiting(row.run, row.seq, keys, due_at_s, row.attempts, row.event_id, digest, row.cut)
