"""Where audits stand: they resume, share, step back, begin again, and are acknowledged."""

import psycopg
import pytest
import structlog

from support.auditors import MakeAuditor, catch_up
from support.databases import Database
from support.journals import execute
from support.tampering import commands, opening, rehash, seq_of
from support.writers import MakeWriter, send
from yupana_server.journal.audit_rows import Difference
from yupana_server.journal.audits import AuditStore
from yupana_server.journal.rows import Link
from yupana_server.worker.auditor import Auditor


def end_leases(database: Database) -> None:
    """Have the time go by after which another worker may audit a book."""
    execute(database.worker_url, "UPDATE yupana.audits SET leased_until = clock_timestamp()")


def cut_tail(database: Database, after: int) -> None:
    """Lose entries, as a failover to a standby that lags would."""
    for table in ("journal", "ids", "labels"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > %s", after)


def raise_epoch(database: Database, common_seq: int) -> None:
    """Say that the history was cut after an entry."""
    execute(database.admin_url, "UPDATE yupana.books SET epoch = epoch + 1")
    execute(
        database.admin_url,
        "INSERT INTO yupana.epochs (book, epoch, common_seq) SELECT book, epoch, %s "
        "FROM yupana.books",
        common_seq,
    )


async def test_audit_when_another_goes_on_then_every_entry_is_audited_once(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    writer = make_writer()
    await send(writer, *opening(), *commands("0:"))
    first, second = make_auditor(page_entries=7), make_auditor(page_entries=7)
    await catch_up(first)
    await send(writer, *commands("1:"))
    await catch_up(second)
    [row] = await store.rows("b")
    assert row.newest < row.tail  # The first one has the lease.
    end_leases(database)
    await catch_up(second)
    [row] = await store.rows("b")
    assert row.newest == row.tail
    # The first one holds an earlier stand in memory, which it must not go on from.
    await send(writer, *commands("2:"))
    end_leases(database)
    await catch_up(first)
    [row] = await store.rows("b")
    assert row.newest == row.tail == first.entries + second.entries
    assert row.differences == 0


async def test_audit_when_the_lease_is_lost_meanwhile_then_what_it_did_does_not_count(
    make_writer: MakeWriter, store: AuditStore, database: Database
) -> None:
    await send(make_writer(), *opening())
    [job] = await store.behind()
    stand = await store.claim(job)
    assert stand is not None
    other = AuditStore(store.reader, "another")
    assert await other.claim(job) is None
    [seen] = await other.behind()
    assert seen.leased
    end_leases(database)
    assert await other.claim(job) == stand
    at = seq_of(database, "open-a")
    digest = execute(database.admin_url, "SELECT hash FROM yupana.journal WHERE seq = %s", at)[0][0]
    assert isinstance(digest, bytes)
    start, end = Link(0, b""), Link(at, digest)
    found = [Difference(at, "fold", "it differs")]
    assert await store.advance(job, start, end, 1, found) is None
    assert await other.advance(job, start, end, 1, found) == found
    assert await other.advance(job, start, end, 1, found) is None  # It stands there already.
    assert await other.advance(job, end, Link(at + 1, b"x"), 1, []) is None  # No such entry.


async def test_audit_when_an_epoch_began_then_it_steps_back_to_what_both_have_in_common(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands("0:"))
    common = seq_of(database, "0:w2")
    auditor = make_auditor(page_entries=5)
    await catch_up(auditor)
    audited = auditor.entries
    cut_tail(database, common)
    raise_epoch(database, common)
    await catch_up(auditor)
    assert [row.newest for row in await store.rows("b")] == [common]
    await send(make_writer(), *commands("1:"), *commands("2:"))
    await catch_up(auditor)
    [row] = await store.rows("b")
    assert row.newest == row.tail == common + auditor.entries - audited
    assert auditor.good


async def test_audit_when_a_tail_is_lost_and_no_epoch_says_so_then_it_is_a_difference(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands("0:"))
    patient, auditor = make_auditor(patience_s=3600), make_auditor()
    await catch_up(auditor)
    tail = (await store.rows("b"))[0].tail
    cut_tail(database, tail - 3)
    end_leases(database)
    await catch_up(patient)
    assert patient.good  # The epoch may come yet.
    end_leases(database)
    await catch_up(auditor)
    [found] = await store.differences("b", limit=10)
    assert (found.seq, found.what) == (tail, "history")
    [row] = await store.rows("b")
    assert row.newest == row.tail == tail - 3
    cut_tail(database, 0)
    await catch_up(auditor)
    assert [each.seq for each in await store.differences("b", limit=10)] == [tail - 3, tail]


async def test_audit_when_the_past_is_changed_later_then_the_next_lap_finds_it(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    writer = make_writer()
    await send(writer, *opening(), *commands("0:"))
    auditor = make_auditor(again_s=0.001, page_entries=5)
    await lap(auditor, store)
    execute(database.admin_url, "UPDATE yupana.journal SET amount = 11 WHERE id = '0:t1'")
    await catch_up(make_auditor())
    assert await store.differences("b", limit=10) == []
    for round_ in range(2):
        await send(writer, *commands(f"{round_ + 1}:"))
        await lap(auditor, store)
        found = await store.differences("b", limit=10)
        assert {each.what for each in found} == {"hash", "fold"}
    cut_tail(database, 5)
    raise_epoch(database, 5)
    await lap(auditor, store)
    [row] = await store.rows("b")
    assert row.newest == row.again == row.tail == 5


async def test_audit_when_the_end_of_a_lap_is_lost_then_the_lap_ends_at_the_tail(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands("0:"), *commands("1:"))
    auditor = make_auditor(again_s=0.001, page_entries=3)
    [row] = await store.rows("b")
    while not 0 < row.again < row.again_until:
        await auditor.turn()
        [row] = await store.rows("b")
    cut_tail(database, row.again + 1)
    raise_epoch(database, row.again + 1)
    for _ in range(5):
        await auditor.turn()
        [row] = await store.rows("b")
        if row.again == row.again_until == row.tail:
            return
    raise AssertionError(row)


async def lap(auditor: Auditor, store: AuditStore) -> None:
    """Have everything that there is by now audited again."""
    begun = (await store.rows("b"))[0].lap_at
    while True:
        await auditor.turn()
        [row] = await store.rows("b")
        if row.lap_at != begun and row.again == row.again_until == row.newest == row.tail:
            return


async def test_audit_when_everything_was_audited_just_now_then_not_again(
    make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands("0:"))
    auditor = make_auditor(again_s=3600)
    await catch_up(auditor)
    await catch_up(auditor)
    assert auditor.entries == (await store.rows("b"))[0].tail


async def test_differences_when_found_again_then_logged_once_and_without_amounts(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    writer = make_writer()
    await send(writer, *opening(), *commands("0:"))
    execute(database.admin_url, "UPDATE yupana.journal SET amount = 987654 WHERE id = '0:t1'")
    seq = seq_of(database, "0:t1")
    auditor = make_auditor(again_s=0.001)
    with structlog.testing.capture_logs() as logs:
        await lap(auditor, store)
        await store.acknowledge(1)
        await lap(auditor, store)
    expected = [{"book": "b", "seq": seq, "what": what} for what in ("hash", "fold")]
    assert [
        {name: line[name] for name in line if name not in ("event", "log_level")}
        for line in logs
        if line["event"] == "audit_difference"
    ] == expected
    assert "987654" not in str(logs)
    assert auditor.good
    assert any("987654" in each.detail for each in await store.differences("b", limit=9))


async def test_differences_when_told_to_audit_again_from_an_entry_then_found_anew(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands("0:"))
    changed = "UPDATE yupana.journal SET amount = amount + %s WHERE id = '0:t1'"
    execute(database.admin_url, changed, 1)
    execute(database.admin_url, "DELETE FROM yupana.ids WHERE id = 'open-a'")
    await rehash(database)
    auditor = make_auditor()
    await catch_up(auditor)
    seqs = [seq_of(database, "open-a"), seq_of(database, "0:t1")]
    assert sorted({each.seq for each in await store.differences("b", limit=9)}) == seqs
    assert await store.acknowledge(1) == 2
    await store.go_back(1, seqs[1] - 1)
    await catch_up(auditor)
    assert auditor.counts.differences == 1
    execute(database.admin_url, changed, -1)
    await rehash(database)
    await store.go_back(1, seqs[1] - 1)
    await catch_up(auditor)
    assert auditor.good
    assert [each.seq for each in await store.differences("b", limit=9)] == seqs[:1]


async def test_audit_when_many_books_are_audited_then_memory_is_bounded_over_all(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands("0:"))
    auditor = make_auditor(facts_max=6)
    await catch_up(auditor)
    assert 0 < auditor.books.facts <= 6
    execute(database.admin_url, "INSERT INTO yupana.books (id) VALUES ('other')")
    copied = "CREATE TEMP TABLE copied AS SELECT * FROM yupana.journal; UPDATE copied SET book = 2;"
    execute(database.admin_url, f"{copied} INSERT INTO yupana.journal SELECT * FROM copied")
    await catch_up(auditor)
    assert 0 < auditor.books.facts <= 6


async def test_worker_role_when_it_would_change_what_it_audits_then_refused(
    database: Database,
) -> None:
    refused = [
        (database.worker_url, "INSERT INTO yupana.ids (book, id, seq) VALUES (1, 'x', 1)"),
        (database.worker_url, "DELETE FROM yupana.journal"),
        (database.worker_url, "UPDATE yupana.journal SET amount = 0"),
        (database.worker_url, "UPDATE yupana.books SET heartbeat = 1"),
        (database.worker_url, "DELETE FROM yupana.labels"),
        (database.ledger_url, "UPDATE yupana.audits SET seq = 0"),
        (database.ledger_url, "DELETE FROM yupana.audit_differences"),
        (database.feed_url, "DELETE FROM yupana.audit_differences"),
    ]
    for url, statement in refused:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(url, statement)
