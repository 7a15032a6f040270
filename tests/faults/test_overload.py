"""More than a ledger can take: what it lets in is answered in time, the rest is refused at once.

`pytest -o log_cli=true -o log_cli_level=INFO tests/faults/test_overload.py` shows the numbers;
`tests/load/overload.py` measures them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest

from support.databases import Database
from support.flood import Flood, Phase, Tally, flood
from support.journals import execute as query
from support.journals import verified
from support.processes import LedgerProcess
from yupana import Yupana
from yupana_server.bench.accounts import account
from yupana_server.bench.clients import Clients, Job
from yupana_server.bench.environment import resident_bytes
from yupana_server.bench.load_job import run_load
from yupana_server.bench.loads import Books, Load, Place
from yupana_server.bench.opening import book_ids, open_books
from yupana_server.ledger.waiting import QUEUE_WAIT_MAX_S

BOOKS = Books("flood", accounts=2_000)
TIMES = 5.0
FLOOD_S = 6.0
PEAK_S = 2.5
RECOVERY_S = 5.0

# Of a machine that does other things too: what is measured on a quiet one stands in the docs.
GOODPUT_MIN = 0.5
ANSWER_MAX_S = QUEUE_WAIT_MAX_S + 6.0
REFUSAL_MEDIAN_MAX_S = 1.5
MEMORY_GROWTH_BYTES_MAX = 300_000_000
DECISION_MARGIN_S = 0.05
"""Within a batch times grow by a microsecond an entry; clocks are read one after the other."""

log = logging.getLogger("overload")


@pytest.fixture
def clients() -> Iterator[Clients]:
    """Processes that send."""
    with Clients(1) as clients:
        yield clients


@pytest.fixture
async def server(
    database: Database, start_ledger: Callable[..., LedgerProcess], clients: Clients
) -> AsyncIterator[LedgerProcess]:
    """A ledger with a book that has accounts."""
    quiet = {"YUPANA_LOG_LEVEL": "info"}
    process = await asyncio.to_thread(start_ledger, database, environment=quiet)
    await asyncio.to_thread(clients.each, [partial(open_books, "b", BOOKS, process.address)])
    yield process
    assert await asyncio.to_thread(process.stop) == 0


# It sends for twenty seconds, and starts and verifies around that.
@pytest.mark.timeout(300)
async def test_overload_when_five_times_too_much_comes_then_goodput_stays_and_all_is_bounded(
    database: Database, server: LedgerProcess, clients: Clients
) -> None:
    place = Place(server.address, book_ids("b", BOOKS), BOOKS.accounts, 0)

    async def run(job: Job, warmup_s: float, duration_s: float):
        [found] = await asyncio.to_thread(clients.together, [job], warmup_s, duration_s)
        return found

    load = Load(size=500, callers=16)
    peak = partial(run_load, load, place, 1)
    before = (await run(peak, 1.0, PEAK_S)).commands_per_s
    # The first seconds of a new book may go faster than it can go on.
    sustained = min(before, (await run(peak, 0.5, PEAK_S)).commands_per_s)
    calls_per_s = sustained / load.size
    # While there is too much, half of the callers wait only for a short time.
    phases = [
        Phase(calls_per_s * TIMES, FLOOD_S, timeouts_s=(10.0, 1.0)),
        Phase(calls_per_s / 3, RECOVERY_S, timeouts_s=(10.0,)),
        Phase(calls_per_s / 3, 3.0, timeouts_s=(10.0,)),
    ]
    spec = Flood(load, place, phases)
    async with Reader(place, server) as reader:
        flooded, _, later = await run(partial(flood, spec), 0.0, FLOOD_S)
    after = (await run(peak, 0.5, PEAK_S)).commands_per_s
    log.info("peak %.0f/s before, %.0f/s after", before, after)
    log.info("sustained %.0f/s; %s", sustained, reader.summary())
    log.info("flooded: %s", flooded.summary())
    log.info("5 s later: %s", later.summary())

    refused_at_once(flooded)
    assert flooded.goodput >= GOODPUT_MIN * min(before, after)
    assert max(flooded.answered_s) < ANSWER_MAX_S
    assert set(later.codes) == {"OK"}, later.summary()
    assert reader.failures == []
    assert max(reader.memory_bytes) - reader.memory_bytes[0] < MEMORY_GROWTH_BYTES_MAX
    decided_in_time(database, flooded)
    await verified(database.ledger_url, place.books[0])


def refused_at_once(flooded: Tally) -> None:
    """Callers were told at once to come back, and next to none waited in vain."""
    refused = flooded.codes["RESOURCE_EXHAUSTED"]
    assert refused > flooded.codes["OK"]
    assert flooded.without_retry_info == 0
    assert sorted(flooded.refused_s)[refused // 2] < REFUSAL_MEDIAN_MAX_S
    in_vain = flooded.codes.total() - refused - flooded.codes["OK"]
    assert in_vain <= 0.1 * flooded.codes.total(), flooded.summary()


def decided_in_time(database: Database, flooded: Tally) -> None:
    """Nothing was decided after the deadline of its call."""
    rows = query(
        database.ledger_url,
        "SELECT left(id, 13), extract(epoch FROM max(recorded_at))::float8 FROM yupana.journal "
        "GROUP BY 1",
    )
    recorded = {str(call): float(str(at)) for call, at in rows if call in flooded.deadlines}
    late_s = {call: at - flooded.deadlines[call] for call, at in recorded.items()}
    assert len(recorded) >= flooded.codes["OK"]
    assert max(late_s.values()) < DECISION_MARGIN_S


class Reader:
    """Reads accounts again and again beside a flood, and looks at the server's memory."""

    def __init__(self, place: Place, server: LedgerProcess):
        self._place = place
        self._server = server
        self.memory_bytes: list[int] = []
        self.failures: list[Exception] = []
        self.latencies_s: list[float] = []

    async def __aenter__(self) -> "Reader":
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        assert self.latencies_s

    async def _read(self) -> None:
        accounts = [account(number) for number in range(20)]
        async with Yupana(self._place.address, read_timeout_s=20) as client:
            book = client.book(self._place.books[0])
            while True:
                self.memory_bytes.append(resident_bytes(self._server.pid) or 0)
                began_s = time.monotonic()
                try:
                    await book.accounts(accounts)
                except Exception as error:
                    self.failures.append(error)
                self.latencies_s.append(time.monotonic() - began_s)
                await asyncio.sleep(0.05)

    def summary(self) -> str:
        """Say how long reads took."""
        ordered = sorted(self.latencies_s)
        median_s, p99_s = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        most_mb = max(self.memory_bytes) / 1e6
        reads = f"{len(ordered)} reads, p50 {1000 * median_s:.0f} ms, p99 {1000 * p99_s:.0f} ms"
        return f"{reads}; memory {self.memory_bytes[0] / 1e6:.0f} MB, at most {most_mb:.0f} MB"
