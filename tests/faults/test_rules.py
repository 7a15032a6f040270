"""The rules that keep the promise, each broken into from outside: real ledgers, a real Postgres.

Every scenario ends in the verification of the whole journal.
"""

import asyncio
import signal
import time

import psycopg
import pytest

from support.databases import Database, make_database
from support.journals import count_entries, execute, refuse_entries, verified
from support.proxy import Proxy
from support.started import Start, StartLedger, open_accounts
from yupana import CreateTransfer, InternalError, Outcome, OutcomeUnknown, Yupana
from yupana.book import BookClient
from yupana_server.book import commands
from yupana_server.book.entries import Entry
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.journal.append import Appender
from yupana_server.journal.connect import LOCK_TIMEOUT_MS
from yupana_server.journal.encoding import encode_batch
from yupana_server.journal.errors import ConflictError
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import genesis


async def test_r1_history_when_tail_was_lost_then_state_is_loaded_again(
    database: Database, start: Start
) -> None:
    _, book = await start()
    await open_accounts(book)
    await book.transfer("world", "users:1", 100, id="kept")
    await book.transfer("world", "users:1", 50, id="lost")
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE id = 'lost'")

    # What is in memory says 150 available; the journal says 100.
    refused = await book.execute([CreateTransfer("users:1", "world", 120, id="t")])
    assert refused[0].rejected
    assert refused[0].facts["available"] == "100"
    again = await book.transfer("world", "users:1", 50, id="lost")
    assert not again.replayed
    assert (await verified(database.ledger_url, "b")).posted == 5


async def test_r1_history_when_tail_was_replaced_then_hash_tells(
    database: Database, start: Start
) -> None:
    _, first = await start()
    _, second = await start()
    await open_accounts(first)
    await first.transfer("world", "users:1", 100, id="lost")
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE id = 'lost'")
    # Another server writes an entry of the same seq that the first one never saw.
    await second.transfer("world", "users:1", 7, id="other")

    await first.transfer("world", "users:1", 1, id="next")
    account = await first.account("users:1")
    assert account.balance == 8
    assert (await verified(database.ledger_url, "b")).posted == 5


async def test_r4_conflict_when_two_servers_get_the_same_ids_then_one_outcome(
    database: Database, start: Start
) -> None:
    _, first = await start()
    _, second = await start()
    await open_accounts(first)
    await first.transfer("world", "users:1", 150, id="fund")

    async def send(book: BookClient) -> list[Outcome]:
        return [
            (await book.execute([CreateTransfer("users:1", "world", 1, id=f"t{number}")]))[0]
            for number in range(200)
        ]

    ones, others = await asyncio.gather(send(first), send(second))
    for one, other in zip(ones, others, strict=True):
        assert (one.kind, one.position, one.reason) == (other.kind, other.position, other.reason)
        assert one.replayed + other.replayed == 1
    assert sum(one.ok for one in ones) == 150
    assert (await first.account("users:1")).balance == 0
    await verified(database.ledger_url, "b")


async def test_r4_conflict_when_two_servers_write_then_both_make_progress(
    database: Database, start: Start
) -> None:
    _, first = await start()
    _, second = await start()
    await open_accounts(first)
    written = [0, 0]
    until = time.monotonic() + 3

    async def write(place: int, book: BookClient) -> None:
        while time.monotonic() < until:
            await book.execute([CreateTransfer("world", "users:1", 1) for _ in range(50)])
            written[place] += 50

    await asyncio.gather(write(0, first), write(1, second))
    assert min(written) * 3 >= max(written), written
    assert (await second.account("users:1")).balance == sum(written)
    await verified(database.ledger_url, "b")


async def test_r5_stuck_when_writer_hangs_inside_copy_then_others_go_on(
    database: Database, proxy: Proxy, start: Start
) -> None:
    _, stuck = await start(url=proxy.url)
    _, other = await start()
    await open_accounts(stuck)
    proxy.strike("stall inside copy")
    # More than a brief append takes, which has no COPY to hang in.
    commands = [CreateTransfer("world", "users:1", 1, id=f"hanging-{i}") for i in range(10)]
    hanging = asyncio.create_task(stuck.execute(commands))
    await asyncio.wait_for(proxy.struck.wait(), 5)

    began = time.monotonic()
    outcome = await other.transfer("world", "users:1", 3, id="t")
    assert outcome.ok
    assert time.monotonic() - began < 5 + LOCK_TIMEOUT_MS / 1000
    proxy.release()
    assert all(outcome.ok for outcome in await hanging)
    assert count_entries(database.ledger_url, "b", "hanging-9") == 1
    assert (await other.account("users:1")).balance == 13
    await verified(database.ledger_url, "b")


async def test_r5_stuck_when_server_is_paused_then_others_go_on(
    database: Database, start: Start
) -> None:
    paused_process, paused = await start()
    _, other = await start()
    await open_accounts(paused)

    async def write(count: int) -> None:
        for number in range(count):
            await paused.execute(
                [CreateTransfer("world", "users:1", 1, id=f"p{number}-{i}") for i in range(500)]
            )

    writing = asyncio.create_task(write(20))
    for number in range(4):
        await asyncio.sleep(0.1)
        paused_process.pause()
        assert (await other.transfer("world", "users:1", 1, id=f"o{number}")).ok
        paused_process.resume()
    await writing
    assert (await other.account("users:1")).balance == 20 * 500 + 4
    await verified(database.ledger_url, "b")


async def test_r6_poison_when_database_refuses_a_row_then_only_the_culprit_fails(
    database: Database, start: Start
) -> None:
    _, book = await start()
    await open_accounts(book)
    refuse_entries(database.admin_url, "poison")
    # Two commands a call: a client does not gather those, so each is a request of its own.
    firsts = [f"t{number}" for number in range(30)]
    firsts.insert(17, "poison")
    results = await asyncio.gather(
        *(
            book.execute(
                [CreateTransfer("world", "users:1", 1, id=id_) for id_ in (first, f"{first}:2")]
            )
            for first in firsts
        ),
        return_exceptions=True,
    )
    failed = [
        id_ for id_, result in zip(firsts, results, strict=True) if not isinstance(result, list)
    ]
    assert failed == ["poison"]
    assert isinstance(results[17], InternalError | OutcomeUnknown)
    assert "poison" not in str(results[17]).lower().replace("id", "")
    execute(database.admin_url, "DROP TRIGGER refuse ON yupana.journal")
    assert (await book.transfer("world", "users:1", 1, id="poison")).ok
    assert (await book.account("users:1")).balance == 61
    await verified(database.ledger_url, "b")


async def test_r7_ids_when_server_restarts_then_old_ids_are_replayed(
    database: Database, start: Start
) -> None:
    process, book = await start()
    await open_accounts(book)
    first = await book.transfer("world", "users:1", 5, id="t")
    process.kill()
    await asyncio.to_thread(process.restart)
    again = await book.transfer("world", "users:1", 5, id="t")
    assert (again.position, again.recorded_at, again.replayed) == (
        first.position,
        first.recorded_at,
        True,
    )
    await verified(database.ledger_url, "b")


async def test_r12_role_when_ledger_changes_the_journal_then_postgres_refuses(
    database: Database, start: Start
) -> None:
    process, book = await start()
    await open_accounts(book)
    for statement in (
        "UPDATE yupana.journal SET amount = 0",
        "DELETE FROM yupana.journal",
        "TRUNCATE yupana.journal",
        "UPDATE yupana.journal_p0 SET amount = 0",
        "DELETE FROM yupana.ids",
        "UPDATE yupana.books SET epoch = 2",
        "DROP TABLE yupana.journal",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(database.ledger_url, statement)
    assert process.serving("yupana.guarantees")


async def test_r12_conditions_when_role_may_do_more_then_server_says_so(
    database: Database, start: Start
) -> None:
    process, _ = await start(url=database.admin_url)
    assert process.serving("")
    assert not process.serving("yupana.guarantees")
    assert "journal_append_only" in process.log()


async def test_r13_health_when_postgres_restarts_then_callers_wait_and_readiness_stays(
    own_postgres: EmbeddedPostgres, start_ledger: StartLedger
) -> None:
    database = make_database(own_postgres)
    process = start_ledger(database)
    async with Yupana(process.address) as yupana:
        await yupana.create_book("b")
        book = yupana.book("b")
        await open_accounts(book)
        own_postgres.stop("immediate")
        waiting = asyncio.create_task(book.transfer("world", "users:1", 5, id="t"))
        async with asyncio.timeout(15):
            while process.serving("yupana.postgres"):
                await asyncio.sleep(0.2)
        assert process.serving("")
        own_postgres.start()
        assert (await waiting).ok
        assert (await book.account("users:1")).balance == 5
    await verified(database.ledger_url, "b")


async def test_r13_health_when_asked_to_stop_then_it_falls_before_calls_end(
    database: Database, start: Start
) -> None:
    process, book = await start(environment={"YUPANA_DRAIN_WAIT_S": "1"})
    await open_accounts(book)
    process.send(signal.SIGTERM)
    async with asyncio.timeout(5):
        while process.serving(""):
            await asyncio.sleep(0.02)
    assert (await book.transfer("world", "users:1", 5, id="t")).ok
    assert await asyncio.to_thread(process.stop) == 0
    await verified(database.ledger_url, "b")


async def test_writer_when_killed_again_and_again_then_nothing_acknowledged_is_lost(
    database: Database, start: Start
) -> None:
    process, book = await start()
    await open_accounts(book)
    acknowledged: dict[str, Outcome] = {}

    async def write(caller: int) -> None:
        for number in range(40):
            commands = [
                CreateTransfer("world", "users:1", 1, id=f"c{caller}-{number}-{i}")
                for i in range(20)
            ]
            for outcome in await book.execute(commands, timeout_s=30):
                acknowledged[outcome.id] = outcome

    writing = asyncio.gather(*(write(caller) for caller in range(4)))
    for _ in range(3):
        await asyncio.sleep(0.25)
        process.kill()
        await asyncio.to_thread(process.restart)
    await writing
    assert len(acknowledged) == 4 * 40 * 20
    assert (await book.account("users:1")).balance == len(acknowledged)
    replays = await book.execute(
        [CreateTransfer("world", "users:1", 1, id=id_) for id_ in acknowledged]
    )
    for replay in replays:
        assert replay.replayed
        assert replay.position == acknowledged[replay.id].position
    await verified(database.ledger_url, "b")


async def test_r4_conflict_when_ids_row_is_there_already_then_nothing_is_recorded(
    database: Database,
) -> None:
    """The ids' primary key stands behind everything else, if all else failed."""
    reader = JournalReader(database.ledger_url, connections_max=2)
    await reader.open()
    await reader.create_book("b")
    book = await reader.book("b")
    assert book is not None
    execute(database.admin_url, "INSERT INTO yupana.ids VALUES (%s, 't', 1)", book.number)
    appender = await Appender.open(database.ledger_url, book.number)
    try:
        entry = Entry(1, 1, commands.Kind.OPEN_ASSET, "t", asset="USD", content={"scale": 2})
        await appender.begin(0, 5)
        with pytest.raises(ConflictError):
            await appender.commit(encode_batch(book.number, genesis("b"), [entry]), 5)
        assert await reader.entries(book.number, after=0, limit=10) == []
    finally:
        await appender.close()
        await reader.close()
