"""Workers as processes: killed, paused, several at once, within their share, told to stop."""

import asyncio
import signal
import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped, unused-ignore]

from support.collector import metrics_collector
from support.databases import Database
from support.journals import execute
from support.processes import WorkerProcess
from support.tampering import commands, opening
from support.writers import MakeWriter, send
from yupana_server.book.commands import CreateTransfer
from yupana_server.journal.audits import AuditStore
from yupana_server.ledger.writer import Writer

StartWorker = Callable[..., WorkerProcess]

EAGER = {"YUPANA_AUDIT_POLL_S": "0.05", "YUPANA_AUDIT_SHARE": "1"}


async def fill(writer: Writer, prefix: str, count: int) -> None:
    """Record plain transfers."""
    pairs = [("world", "b"), ("b", "world"), ("euros", "more")]
    transfers = [
        CreateTransfer(f"{prefix}{number}", *pairs[number % 3], 1) for number in range(count)
    ]
    for place in range(0, count, 1_000):
        await send(writer, *transfers[place : place + 1_000])


async def newest(store: AuditStore) -> int:
    """Return up to which entry book `b` is audited."""
    return (await store.rows("b"))[0].newest


async def audited(store: AuditStore, seq: int) -> None:
    """Wait until an entry is audited."""
    async with asyncio.timeout(60):
        while await newest(store) < seq:
            await asyncio.sleep(0.02)


async def tail(store: AuditStore) -> int:
    """Return the newest entry of book `b`."""
    return (await store.rows("b"))[0].tail


async def test_worker_when_killed_again_and_again_then_the_next_one_goes_on(
    database: Database, make_writer: MakeWriter, store: AuditStore, start_worker: StartWorker
) -> None:
    writer = make_writer()
    await send(writer, *opening())
    for round_ in range(2):
        await fill(writer, f"{round_}:", 3_000)
        worker = await asyncio.to_thread(start_worker, database, environment=EAGER)
        await audited(store, await newest(store) + 1)
        worker.kill()
    worker = await asyncio.to_thread(start_worker, database, environment=EAGER)
    await audited(store, await tail(store))
    assert await store.differences("b", limit=1) == []
    assert worker.serving("yupana.audit")
    assert worker.stop() == 0
    leased = "SELECT count(*) FROM yupana.audits WHERE leased_until > clock_timestamp()"
    assert execute(database.worker_url, leased) == [(0,)]


async def test_worker_when_another_is_paused_then_it_takes_over_and_nothing_goes_wrong(
    database: Database, make_writer: MakeWriter, store: AuditStore, start_worker: StartWorker
) -> None:
    writer = make_writer()
    await send(writer, *opening())
    workers = [await asyncio.to_thread(start_worker, database, environment=EAGER) for _ in range(2)]
    for round_ in range(2):
        await fill(writer, f"{round_}:", 1_000)
        await audited(store, await tail(store))
        workers[round_].pause()
        await fill(writer, f"{round_}: more ", 500)
        await audited(store, await tail(store))
        workers[round_].resume()
    await send(writer, *commands("end:"))
    await audited(store, await tail(store))
    assert await store.differences("b", limit=1) == []
    for worker in workers:
        assert worker.stop() == 0
        assert "audit_failed" not in worker.log()


async def test_worker_when_it_has_much_to_do_then_it_keeps_to_its_share_of_a_core(
    database: Database, make_writer: MakeWriter, store: AuditStore, start_worker: StartWorker
) -> None:
    writer = make_writer()
    await send(writer, *opening())
    await fill(writer, "t", 20_000)
    settings = {"YUPANA_AUDIT_SHARE": "0.05", "YUPANA_AUDIT_POLL_S": "0.05"}
    worker = await asyncio.to_thread(start_worker, database, environment=settings)
    await audited(store, 1)
    process = psutil.Process(worker.pid)
    began_at, spent = time.monotonic(), cpu_time(process)
    await audited(store, await newest(store) + 5_000)
    share = (cpu_time(process) - spent) / (time.monotonic() - began_at)
    assert await newest(store) < await tail(store)  # It was busy all the time.
    assert share < 0.1


def cpu_time(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def test_worker_when_a_difference_is_found_then_health_falls_until_acknowledged(
    database: Database, make_writer: MakeWriter, store: AuditStore, start_worker: StartWorker
) -> None:
    await send(make_writer(), *opening(), *commands(""))
    settings = {**EAGER, "YUPANA_AUDIT_LAG_MAX": "0"}
    worker = await asyncio.to_thread(start_worker, database, environment=settings)
    await audited(store, await tail(store))
    for name in ("yupana.audit", "yupana.audit.lag", "yupana.postgres"):
        await health(worker, name, good=True)
    execute(database.admin_url, "UPDATE yupana.journal SET amount = 987654 WHERE id = 't1'")
    await store.go_back(1, 0)
    await health(worker, "yupana.audit", good=False)
    assert worker.serving("")  # R13: that is no reason to take it out.
    assert worker.log().count("audit_difference") == 2
    assert "987654" not in worker.log()
    await audited(store, await tail(store))
    await store.acknowledge(1)
    await health(worker, "yupana.audit", good=True)


async def health(worker: WorkerProcess, name: str, *, good: bool) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(30):
        while await asyncio.to_thread(worker.serving, name) != good:
            await asyncio.sleep(0.05)


async def test_worker_when_metrics_are_exported_then_they_tell_what_it_did(
    database: Database, make_writer: MakeWriter, store: AuditStore, start_worker: StartWorker
) -> None:
    await send(make_writer(), *opening(), *commands(""))
    execute(database.admin_url, "UPDATE yupana.journal SET actor = 'mallory' WHERE id = 't1'")
    end = await tail(store)
    expected = {"lag": 0, "differences": 1, "books": 1, "failing": 0, "seq": end, "entries": end}
    with metrics_collector() as (collector, endpoint):
        settings = {
            **EAGER,
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
        }
        worker = await asyncio.to_thread(start_worker, database, environment=settings)

        def told() -> dict[str, list[int]]:
            return {
                name: [p.as_int for p in collector.points("yupana-worker", f"yupana.audit.{name}")]
                for name in expected
            }

        await collector.until(lambda: told() == {name: [n] for name, n in expected.items()})
        assert worker.stop() == 0


async def test_worker_when_postgres_is_away_then_it_waits_and_goes_on(
    database: Database, make_writer: MakeWriter, store: AuditStore, start_worker: StartWorker
) -> None:
    writer = make_writer()
    await send(writer, *opening())
    worker = await asyncio.to_thread(start_worker, database, environment=EAGER)
    await audited(store, await tail(store))
    for _ in range(3):
        execute(
            database.admin_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'yupana-worker' AND datname = current_database()",
        )
        await send(writer, *commands(f"{_}:"))
        await audited(store, await tail(store))
    worker.send(signal.SIGINT)
    assert worker.stop() == 0
