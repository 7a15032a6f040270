"""Traffic of the published client as an application makes it, and what became of each call."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from yupana import CreateTransfer, Leg, Resolution, Yupana, YupanaError
from yupana.book import BookClient
from yupana.ids import uuid7

USER = "users:1"
BATCH = 20
STREAM_BATCHES = 10

FACT_TIMEOUT_S = 60.0
"""How long a fact is waited for on a busy machine."""


@dataclass
class Traffic:
    """Callers that call again and again until they are told to stop.

    Each kind of call is made by several callers at a time: single transfers, which the client
    gathers, requests of several, streams, what needs more than one call or entry (payments,
    reversals, groups of holds), and strong reads, which hold what they read against what was
    answered before.
    """

    client: Yupana
    book_id: str
    kinds: Sequence[str] = ("transfer", "execute", "stream", "compound", "read")
    callers: int = 4
    """Of each kind."""
    pause_s: float = 0.02
    """How long a caller thinks between its calls, so that it is not saturation that is measured."""
    failures: list[str] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)
    """How many calls of each kind were answered."""
    posted: int = 0
    """How much is known to be posted to `users:1`."""

    def __post_init__(self) -> None:
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Traffic":
        await self.client.create_book(self.book_id)
        book = self.client.book(self.book_id)
        await book.open_asset("USD", scale=2)
        for account in ("world", USER):
            await book.open_account(account, asset="USD")
        for kind in self.kinds:
            self.answered[kind] = 0
            self._tasks += [
                asyncio.create_task(self._again_and_again(kind, book)) for _ in range(self.callers)
            ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def progress(self, count: int = 20) -> None:
        """Wait until so many more calls of each kind were answered."""
        wanted = {kind: done + count for kind, done in self.answered.items()}
        async with asyncio.timeout(FACT_TIMEOUT_S):
            while any(self.answered[kind] < enough for kind, enough in wanted.items()):
                await asyncio.sleep(0.01)

    @property
    def p99_s(self) -> float:
        """The latency that one call in a hundred exceeds."""
        return sorted(self.latencies_s)[int(len(self.latencies_s) * 0.99)]

    def summary(self) -> str:
        """Say it in a line."""
        calls = ", ".join(f"{count} {kind}" for kind, count in self.answered.items())
        longest_ms = 1000 * max(self.latencies_s)
        return (
            f"{calls}; {len(self.failures)} failed; "
            f"p99 {1000 * self.p99_s:.0f} ms, longest {longest_ms:.0f} ms"
        )

    async def _again_and_again(self, kind: str, book: BookClient) -> None:
        call = getattr(self, f"_{kind}")
        while not self._stopping:
            began_s = time.monotonic()
            try:
                await call(book)
            except YupanaError as error:
                took_s = time.monotonic() - began_s
                self.failures.append(f"{kind} after {took_s:.2f} s: {error!r}")
            else:
                self.answered[kind] += 1
            await asyncio.sleep(self.pause_s)

    async def _transfer(self, book: BookClient) -> None:
        began_s = time.monotonic()
        assert (await book.transfer("world", USER, 1)).ok
        self._took(began_s)
        self.posted += 1

    async def _execute(self, book: BookClient) -> None:
        began_s = time.monotonic()
        outcomes = await book.execute(_transfers(BATCH))
        self._took(began_s)
        assert all(outcome.ok for outcome in outcomes)
        self.posted += BATCH

    async def _stream(self, book: BookClient) -> None:
        async for outcome in book.execute_stream(_transfers(BATCH * STREAM_BATCHES)):
            assert outcome.ok
            self.posted += 1

    async def _compound(self, book: BookClient) -> None:
        """Move 1 by a payment, by a transfer that is reversed in part, and by a group of holds."""
        began_s = time.monotonic()
        await book.pay([Leg("world", USER, 1), Leg("world", USER, 0)])
        self._took(began_s)
        self.posted += 1
        await book.transfer("world", USER, 2, id=(id_ := uuid7()))
        self.posted += 1
        await book.reverse(id_, 1)
        hold = await book.hold("world", USER, 1, group=f"group-{id_}")
        resolved = await book.resolve_group(f"group-{id_}", Resolution.CAPTURE)
        assert [each.hold for each in resolved.holds] == [hold.id]
        self.posted += 1

    async def _read(self, book: BookClient) -> None:
        posted, began_s = self.posted, time.monotonic()
        account = await book.account(USER)
        self._took(began_s)
        assert account.balance >= posted, "a read did not see an answer given before"

    def _took(self, began_s: float) -> None:
        self.latencies_s.append(time.monotonic() - began_s)


def _transfers(count: int) -> list[CreateTransfer]:
    return [CreateTransfer("world", USER, 1) for _ in range(count)]
