"""Sends an import's lines to the ledger in batches and counts what becomes of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from yupana import (
    BookClient,
    CreateTransfer,
    DeadlineExceeded,
    OpenAccount,
    Outcome,
    OutcomeUnknown,
    Overloaded,
    Reason,
    Unavailable,
    YupanaError,
)
from yupana.errors import CallError
from yupana_server.book.bounds import ACCOUNTS_PER_READ_MAX
from yupana_server.cli.import_files import Record
from yupana_server.cli.import_lines import BadLine, BadReason, LineRules, parse_line
from yupana_server.runtime.tasks import end_tasks

ATTEMPT_TIMEOUT_S = 5.0
# What a ledger that is well may need; less would give up on it.
ATTEMPT_TIMEOUT_MIN_S = 1.0
PAUSE_S = 0.5
# What makes the importer look an account up once more, and bounds its memory to some 50 MB.
KNOWN_ACCOUNTS_MAX = 200_000

Answer = TypeVar("Answer")


class ImportStoppedError(YupanaError):
    """The ledger was away for too long."""


class Reject(NamedTuple):
    """A line that was not posted, and why."""

    record: Record
    reason: str
    message: str


class Line(NamedTuple):
    """A line that is a transfer."""

    record: Record
    transfer: CreateTransfer


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    lines: int = 0
    posted: int = 0
    replayed: int = 0
    """Posted by an earlier import, with the same content."""
    rejected: int = 0
    """Decided against and recorded, now or by an earlier import."""
    refused: int = 0
    """Not executed, with nothing recorded."""
    bad: int = 0
    """Never sent."""
    accounts_opened: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """How many lines were not posted, by reason."""

    @property
    def complete(self) -> bool:
        """Whether every line is in the book."""
        return self.posted + self.replayed == self.lines


@dataclass(frozen=True, slots=True)
class Sending:
    """How to send."""

    batch: int
    in_flight: int
    """How many requests at a time. With more than one their order is not the file's."""
    open_accounts: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears what happens on the way."""

    on_reject: Callable[[Reject], None]
    on_progress: Callable[[Tally], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Makes calls again, with the same ids, while no server answers."""

    lasts_s: float
    """How long to try the same call."""
    on_trouble: Callable[[str], None]

    async def call(self, call: Callable[[float], Awaitable[Answer]]) -> Answer:
        """Return the answer of a call, which is given its time-out in seconds.

        Raises:
            ImportStoppedError: None came for as long as the patience lasts.
        """
        since_s = time.monotonic()
        while True:
            left_s = self.lasts_s - (time.monotonic() - since_s)
            try:
                return await call(_attempt_timeout_s(left_s, self.lasts_s))
            except (Unavailable, DeadlineExceeded, OutcomeUnknown, Overloaded) as error:
                self._give_up_or_note(error, time.monotonic() - since_s)
            await asyncio.sleep(PAUSE_S)

    def _give_up_or_note(self, error: CallError, waited_s: float) -> None:
        left_s = self.lasts_s - waited_s
        if left_s > 0:
            self.on_trouble(f"{error.message}; trying again for {left_s:.0f} s")
            return
        raise ImportStoppedError(
            f"stopped, after {waited_s:.0f} s without an answer ({error.message}). Nothing is lost "
            "or doubled: simply run the same import again, what was posted comes back as a replay"
        ) from error


class Sender:
    """One import into one book."""

    def __init__(
        self,
        book: BookClient,
        rules: LineRules,
        sending: Sending,
        patience: Patience,
        listener: Listener,
    ) -> None:
        self.tally = Tally()
        self._book = book
        self._rules = rules
        self._sending = sending
        self._patience = patience
        self._listener = listener
        self._known: set[str] = set()

    async def run(self, records: Iterable[Record]) -> None:
        """Send all lines. The next batch is read while earlier ones are under way.

        Raises:
            ImportStoppedError: The ledger was away for longer than the patience lasts.
        """
        under_way: set[asyncio.Task[None]] = set()
        try:
            for batch in self._batches(records):
                if len(under_way) >= self._sending.in_flight:
                    under_way = await _one_done(under_way)
                under_way.add(asyncio.create_task(self._send(batch)))
                await asyncio.sleep(0)  # Lets the request leave before the next batch is read.
            while under_way:
                under_way = await _one_done(under_way)
        finally:
            await end_tasks(under_way)

    def _batches(self, records: Iterable[Record]) -> Iterator[list[Line]]:
        batch: list[Line] = []
        for record in records:
            self.tally.lines += 1
            parsed = (
                BadLine(BadReason.UNREADABLE, record.problem)
                if record.problem
                else parse_line(record.fields, self._rules)
            )
            if isinstance(parsed, BadLine):
                self.tally.bad += 1
                self._reject(Reject(record, parsed.reason, parsed.message))
                continue
            batch.append(Line(record, parsed))
            if len(batch) == self._sending.batch:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _send(self, batch: list[Line]) -> None:
        if self._sending.open_accounts:
            await self._open_accounts(batch)
        transfers = [line.transfer for line in batch]
        outcomes = await self._patience.call(
            lambda timeout_s: self._book.execute(transfers, timeout_s=timeout_s)
        )
        for line, outcome in zip(batch, outcomes, strict=True):
            self._count(line.record, outcome)
        self._listener.on_progress(self.tally)

    def _count(self, record: Record, outcome: Outcome) -> None:
        if outcome.ok:
            if outcome.replayed:
                self.tally.replayed += 1
            else:
                self.tally.posted += 1
            return
        if outcome.rejected:
            self.tally.rejected += 1
        else:
            self.tally.refused += 1
        self._reject(Reject(record, str(outcome.reason or outcome.kind), outcome.message))

    def _reject(self, reject: Reject) -> None:
        self.tally.reasons[reject.reason] = self.tally.reasons.get(reject.reason, 0) + 1
        self._listener.on_reject(reject)

    async def _open_accounts(self, batch: list[Line]) -> None:
        """Open the batch's accounts that are not open yet.

        They are looked up first: opening one that is open under another id would be recorded as a
        rejection. Where opening fails all the same, the transfers will say why.
        """
        wanted = {
            account: line.transfer.asset
            for line in batch
            for account in (line.transfer.debit, line.transfer.credit)
            if account not in self._known
        }
        accounts = list(wanted)
        for start in range(0, len(accounts), ACCOUNTS_PER_READ_MAX):
            chunk = accounts[start : start + ACCOUNTS_PER_READ_MAX]
            for account in await self._find(chunk):
                del wanted[account]
        if wanted:
            await self._open(wanted)
        if len(self._known) > KNOWN_ACCOUNTS_MAX:
            self._known.clear()
        self._known.update(accounts)

    async def _find(self, accounts: list[str]) -> Iterable[str]:
        return await self._patience.call(
            lambda timeout_s: self._book.accounts(accounts, timeout_s=timeout_s)
        )

    async def _open(self, asset_of: dict[str, str]) -> None:
        commands = [OpenAccount(account, asset) for account, asset in asset_of.items()]
        outcomes = await self._patience.call(
            lambda timeout_s: self._book.execute(commands, timeout_s=timeout_s)
        )
        for command, outcome in zip(commands, outcomes, strict=True):
            if outcome.reason is Reason.ASSET_NOT_FOUND:
                # An earlier attempt, before the asset was open, has spent this id.
                await self._book.open_account(command.account, asset=command.asset)
            self.tally.accounts_opened += outcome.ok and not outcome.replayed


def _attempt_timeout_s(left_s: float, lasts_s: float) -> float:
    """Return how long an attempt may take: not beyond the patience, where there is any."""
    if not lasts_s:
        return ATTEMPT_TIMEOUT_S
    return min(ATTEMPT_TIMEOUT_S, max(ATTEMPT_TIMEOUT_MIN_S, left_s))


async def _one_done(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Wait for one of the tasks and return the others; raise what it raised."""
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return others
