"""The `ledger` process: wires journal, writers and servicers to a server."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from yupana.ledger.v1 import (
    book_service_pb2,
    book_service_pb2_grpc,
    command_service_pb2,
    command_service_pb2_grpc,
    history_service_pb2,
    history_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
)
from yupana_server.authorization.access import Access
from yupana_server.book.entries import Entry
from yupana_server.journal import upkeep
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.pool import closing_on_failure
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.schema import newest_revision
from yupana_server.journal.view_rows import ViewJournal
from yupana_server.ledger import measures, view_measures
from yupana_server.ledger.announcer import Announcer, nobody
from yupana_server.ledger.book_servicer import BookServicer
from yupana_server.ledger.books import Books
from yupana_server.ledger.clock import Clock, wall_clock
from yupana_server.ledger.command_servicer import CommandServicer
from yupana_server.ledger.expected import EXPECTED
from yupana_server.ledger.history_servicer import HistoryServicer
from yupana_server.ledger.ledger_servicer import LedgerServicer
from yupana_server.ledger.pools import observe_pools
from yupana_server.ledger.reads import Reading
from yupana_server.ledger.replicas import LAG, Replicas
from yupana_server.ledger.sweeper import Sweeper
from yupana_server.ledger.view_reads import ViewReads
from yupana_server.runtime import telemetry
from yupana_server.runtime.admin import add_admin, dump_on_signal
from yupana_server.runtime.admission import Admission
from yupana_server.runtime.config import ConfigError, LedgerConfig
from yupana_server.runtime.garbage import set_up_collector
from yupana_server.runtime.interceptors import CallInterceptor
from yupana_server.runtime.metrics import (
    Gauge,
    observe,
    observe_count,
    set_up_metrics,
    watch_event_loop,
)
from yupana_server.runtime.passing import NONE_PASSED_ON, PASSED_ON, Passing
from yupana_server.runtime.place import Place
from yupana_server.runtime.redis import Redis
from yupana_server.runtime.server import Server, until_signal
from yupana_server.runtime.tasks import end_tasks
from yupana_server.view.store import ViewStore

WATCH_EVERY_S = 5.0
"""How often the database is asked how it is."""

ASK_TIMEOUT_S = 4.0

LOAD_CONNECTIONS = 4
"""How many connections the writers' look-ups share."""

REDIS_CONNECTIONS = 16
"""How many scripts may run at a time; each book has one that reads, which all its readers share."""

POSTGRES_HEALTH = "yupana.postgres"
"""Health name: whether the database answers and has the schema of this release."""

GUARANTEES_HEALTH = "yupana.guarantees"
"""Health name: R12, whether the database is set up so that the promise holds."""

IN_FLIGHT = Gauge("yupana.rpc.in_flight", "{call}", "Calls in flight.")

SERVICES = (
    ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name,
    command_service_pb2.DESCRIPTOR.services_by_name["CommandService"].full_name,
    book_service_pb2.DESCRIPTOR.services_by_name["BookService"].full_name,
    history_service_pb2.DESCRIPTOR.services_by_name["HistoryService"].full_name,
)

log = structlog.get_logger("yupana.ledger")


class LedgerService:
    """A running ledger."""

    def __init__(
        self, config: LedgerConfig, *, clock: Clock = wall_clock, place: Place | None = None
    ):
        """`place` is that of one of several processes that serve at one port."""
        url = config.database_url.get_secret_value()
        self._config = config
        self._reader = JournalReader(url, connections_max=config.read_connections)
        # Writers look up on connections of their own, so that a flood of reads cannot hold them up.
        self._loader = JournalReader(url, connections_max=LOAD_CONNECTIONS)
        self._redis = _redis(config)
        self._announcer = None if self._redis is None else Announcer(self._redis)
        announce = nobody if self._announcer is None else self._announcer.note
        self._books = Books(self._loader, url, clock=clock, announce=announce)
        self._replicas = Replicas(config.replica_urls, connections_max=config.read_connections)
        self._reading = Reading(self._books, self._reader, self._replicas, self._view())
        self._ledger = LedgerServicer(self._books, self._reader, self._reading)
        self._access = Access(
            config, accounts_of=self._accounts_of, takes_passed_on=place is not None
        )
        self._admission = Admission(config.rpcs_max)
        self._passing = None if place is None else _passing(place, config)
        self._server = Server(
            [
                CallInterceptor(
                    default_deadline_s=config.default_deadline_s,
                    admission=self._admission,
                    expected=EXPECTED,
                    passing=self._passing,
                ),
                *self._access.interceptors,
            ],
            place=place,
        )
        owns = None if self._passing is None else self._passing.owns
        self._sweeper = Sweeper(self._books, self._loader, owns=owns)
        self._tasks: list[asyncio.Task[None]] = []
        self._partition = 1  # The newest one that the first migration makes.

    async def start(self) -> str:
        """Begin to serve; returns the address. Does not wait for a database that is away.

        Raises:
            ConfigError: The database is there but has not been migrated.
            OSError: The address cannot be bound.
        """
        await self._reader.open()
        await self._loader.open()
        await self._replicas.open()
        await self._access.start()
        await self._watch_once(first=True)
        ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(self._ledger, self._server.grpc)
        command_service_pb2_grpc.add_CommandServiceServicer_to_server(
            CommandServicer(self._ledger.execute), self._server.grpc
        )
        book_service_pb2_grpc.add_BookServiceServicer_to_server(
            BookServicer(self._books, self._reader, self._reading), self._server.grpc
        )
        history_service_pb2_grpc.add_HistoryServiceServicer_to_server(
            HistoryServicer(self._reading), self._server.grpc
        )
        add_admin(self._server.grpc, "ledger", newest_revision(), self._config)
        address = await self._server.start(self._config, SERVICES)
        self._observe()
        self._tasks = [
            asyncio.create_task(watch_event_loop()),
            asyncio.create_task(self._watch()),
            asyncio.create_task(self._sweeper.run()),
        ]
        if self._announcer is not None:
            self._tasks.append(asyncio.create_task(self._announcer.run()))
        log.info("serving", address=address)
        return address

    async def stop(self) -> None:
        """Drain: end the calls in flight, finish what was submitted, close all connections."""
        await self._server.drain(
            wait_s=self._config.drain_wait_s,
            grace_s=self._config.drain_grace_s,
            end_calls=self._end_calls,
        )
        await end_tasks(self._tasks)
        await self._books.drain()
        if self._passing is not None:
            await self._passing.stop()
        await self._access.stop()
        await self._replicas.close()
        await self._loader.close()
        await self._reader.close()
        if self._redis is not None:
            await self._redis.close()
        log.info("stopped")

    async def _accounts_of(
        self, book_id: str, commands: Sequence[str]
    ) -> Mapping[str, Sequence[str]]:
        """Return the accounts of commands that were recorded, for who may name them."""
        book = await self._books.row(book_id)
        found = (await self._reader.outcomes(book.number, dict.fromkeys(commands))).facts
        return {id_: _accounts_in(entry) for id_, entry in found.items() if entry is not None}

    def _view(self) -> ViewReads | None:
        if self._redis is None:
            return None
        return ViewReads(ViewJournal(self._reader), ViewStore(self._redis))

    def _observe(self) -> None:
        """Have gauges show how this server stands."""
        observe(IN_FLIGHT, lambda: {(): self._admission.in_flight})
        passed_on = NONE_PASSED_ON if self._passing is None else self._passing.counts
        observe_count(PASSED_ON, lambda: passed_on)
        self._books.observe()
        measures.begin()
        if self._redis is not None:
            view_measures.begin()
        observe(LAG, self._replicas.lags)
        observe_pools({"reads": self._reader, "loads": self._loader})

    async def _end_calls(self) -> None:
        self._admission.close()
        self._ledger.end_streams()
        if self._passing is not None:
            self._passing.close()
            await self._passing.idle()
        await self._admission.idle()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            try:
                await self._watch_once()
                self._books.let_go_of_idle()
                await self._books.look_at_histories()
            except Exception:
                log.exception("watch_failed")

    async def _watch_once(self, *, first: bool = False) -> None:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                settings = await upkeep.settings(self._reader)
        except (UnavailableError, TimeoutError):
            await self._server.report(POSTGRES_HEALTH, good=False)
            return
        schema = settings.get("schema", "none")
        if first and schema < newest_revision():
            raise ConfigError(
                f"the database has schema {schema}, this release needs {newest_revision()}: "
                "run `yupana migrate`"
            )
        await self._server.report(POSTGRES_HEALTH, good=not self._books.database_trouble)
        await self._report_guarantees(settings)
        await self._extend_journal()
        await self._replicas.look(self._reader)

    async def _extend_journal(self) -> None:
        """Have the next partition made long before the journal reaches it."""
        number = self._books.newest_seq // upkeep.PARTITION_ENTRIES + 1
        if number > self._partition:
            await upkeep.add_partition(self._reader, number)
            self._partition = number

    async def _report_guarantees(self, settings: Mapping[str, str]) -> None:
        wrong = broken_guarantees(settings)
        if wrong:
            log.warning("guarantees_broken", settings=wrong)
        await self._server.report(GUARANTEES_HEALTH, good=not wrong)


def _passing(place: Place, config: LedgerConfig) -> Passing:
    return Passing(place, calls_max=config.rpcs_max, default_deadline_s=config.default_deadline_s)


def _redis(config: LedgerConfig) -> Redis | None:
    """Return what announcements and reads of the view go through; None without Redis."""
    url = config.redis_url
    return None if url is None else Redis(url.get_secret_value(), connections_max=REDIS_CONNECTIONS)


def _accounts_in(entry: Entry) -> Sequence[str]:
    named = (entry.debit_account, entry.credit_account, entry.account)
    return [account for account in named if account is not None]


def broken_guarantees(settings: Mapping[str, str]) -> dict[str, str]:
    """R12: return the settings under which the promise does not hold."""
    good = {
        "fsync": {"on"},
        "full_page_writes": {"on"},
        "synchronous_commit": {"on", "remote_apply"},
        "journal_append_only": {"on"},
    }
    return {name: settings[name] for name in good if settings.get(name) not in good[name]}


async def serve(
    config: LedgerConfig, *, clock: Clock = wall_clock, place: Place | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, then drain. `clock` is the machine's, but for tests.

    `place` is that of one of several processes that serve at one port.
    """
    part = "" if place is None else str(place.index)
    stop_traces = telemetry.set_up_traces("yupana-ledger", part)
    stop_metrics = set_up_metrics("yupana-ledger", config.metrics_listen, part)
    service = LedgerService(config, clock=clock, place=place)
    async with closing_on_failure():
        await service.start()
    set_up_collector()
    dump_on_signal()
    if place is not None:
        place.tell_serving()
    await until_signal()
    await service.stop()
    stop_metrics()
    stop_traces()
