"""What an audit finds, and that it finds nothing where nothing is wrong."""

import pytest

from support.auditors import MakeAuditor, catch_up
from support.databases import Database
from support.journals import execute, verified
from support.random_book import RandomBook
from support.tampering import Saved, commands, opening, rehash, seq_of
from support.writers import MakeWriter, send
from yupana_server.journal.audits import AuditStore


@pytest.mark.parametrize(
    ("seed", "options"), list(enumerate([{}, {"facts_max": 3}, {"facts_max": 0}]))
)
async def test_audit_when_nothing_is_wrong_then_it_stands_at_the_tail(
    database: Database,
    make_writer: MakeWriter,
    make_auditor: MakeAuditor,
    store: AuditStore,
    seed: int,
    options: dict[str, int],
) -> None:
    book, writer, auditor = RandomBook(seed), make_writer(), make_auditor(**options)
    await catch_up(auditor)  # Of a book without entries.
    await send(writer, *book.opening(), *opening()[2:], *commands("0:"))
    for round_ in range(5):
        await send(writer, *book.commands(60), *commands(f"{round_ + 1}:"))
        await catch_up(auditor)
    await auditor.turn()
    assert auditor.good
    assert auditor.lag_max == 0
    assert await store.differences(None, limit=10) == []
    [row] = await store.rows(None)
    assert row.newest == row.tail == (await verified(database.ledger_url, "b")).entries


CHANGES = [
    ("t1", "amount = amount + 1", "fold"),
    ("t1", "debit_debits_posted = debit_debits_posted + 1", "fold"),
    ("t1", "credit_debits_pending = credit_debits_pending + 1", "fold"),
    ("t1", "credit_account = 'c'", "fold"),
    ("t1", "debit_account = NULL", "fold"),
    ("t1", "credit_account = 'nobody'", "content"),
    ("t1", "credit_account = debit_account", "content"),
    ("t1", "asset = 'EUR'", "content"),
    ("t1", "kind = 5", "fold"),
    ("t1", "recorded_at = recorded_at - interval '1 hour'", "time"),
    ("t1", "epoch = 0", "epoch"),
    ("t1", "id = 'in'", "ids"),
    ("poor", "reason = NULL", "fold"),
    ("poor", "debit_debits_posted = 0, debit_credits_posted = 0, debit_debits_pending = 0, "
     "debit_credits_pending = 0", "content"),
    ("h1", "hold_remaining = 8, hold_change = 8", "fold"),
    ("c1", "hold_remaining = hold_remaining + 1", "fold"),
    ("c1", "hold_captured = 2", "fold"),
    ("c1", "hold = 'h0'", "content"),
    ("c1", "kind = 4", "content"),
    ("r1", "debit_account = credit_account, credit_account = debit_account", "content"),
    ("v2", "reversed_amount = 5", "content"),
    ("w2", "debit_usage = '[]'", "fold"),
    ("w2", "debit_usage = jsonb_set(debit_usage, '{0,0,1}', '1')", "fold"),
    ("open-c", "asset = 'GBP'", "content"),
    ("open-c", "content = '{}'", "fold"),
    ("eur", "id = 'x', asset = 'USD'", "fold"),
]  # fmt: skip


async def test_audit_when_an_entry_is_changed_and_all_hashes_with_it_then_found(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands(""))
    saved = Saved(database)
    for command_id, change, what in CHANGES:
        seq = seq_of(database, command_id)
        execute(database.admin_url, f"UPDATE yupana.journal SET {change} WHERE seq = %s", seq)
        await rehash(database)
        found = await verdict(make_auditor, store)
        assert (seq, what) in found, change
        assert "hash" not in {each for _, each in found}, change
        saved.put_back()
    assert await verdict(make_auditor, store) == []


async def verdict(
    make_auditor: MakeAuditor, store: AuditStore, **options: int
) -> list[tuple[int, str]]:
    """Audit book `b` from its first entry and return what is found, at which entry."""
    await store.go_back(1, 0)
    auditor = make_auditor(**options)
    await catch_up(auditor)
    found = await store.differences("b", limit=100)
    [row] = await store.rows("b")
    assert row.newest == row.tail
    assert row.differences == len(found)
    assert auditor.good == (not found)
    return [(each.seq, each.what) for each in found]


DAMAGES = [
    ("UPDATE yupana.journal SET hash = sha256('x') WHERE id = 't1'", {"hash"}),
    ("UPDATE yupana.journal SET amount = 9 WHERE id = 't1'", {"hash", "fold"}),
    ("UPDATE yupana.journal SET actor = 'mallory' WHERE id = 't1'", {"hash"}),
    ("DELETE FROM yupana.journal WHERE id = 'poor'", {"gap"}),
    ("DELETE FROM yupana.journal WHERE id = 't1'", {"gap", "fold"}),
    ("DELETE FROM yupana.journal WHERE seq = 1", {"gap", "content"}),
    ("DELETE FROM yupana.ids WHERE id = 't1'", {"ids"}),
    ("UPDATE yupana.ids SET seq = 3 WHERE id = 't1'", {"ids"}),
    (
        "UPDATE yupana.ids i SET seq = o.seq FROM yupana.ids o "
        "WHERE i.id IN ('t1', 't2') AND o.id IN ('t1', 't2') AND o.id <> i.id",
        {"ids"},
    ),
    (
        "UPDATE yupana.journal SET credit_credits_posted = NULL WHERE id = 't1'",
        {"unreadable", "content", "fold"},
    ),
    ("UPDATE yupana.labels SET description = 'another'", {"words"}),
    ("UPDATE yupana.labels SET labels = '{}'", {"words"}),
]


async def test_audit_when_the_journal_is_damaged_then_found_however_little_is_in_memory(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands(""))
    saved = Saved(database)
    for damage, whats in DAMAGES:
        execute(database.admin_url, damage)
        found = await verdict(make_auditor, store)
        assert {what for _, what in found} == whats, damage
        for facts_max, page_entries in ((0, 1_000), (2, 3), (1_000, 1)):
            options = {"facts_max": facts_max, "page_entries": page_entries}
            assert await verdict(make_auditor, store, **options) == found, (damage, options)
        saved.put_back()


async def test_audit_when_an_entry_is_of_a_later_release_then_only_its_book_waits(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor, store: AuditStore
) -> None:
    await send(make_writer(), *opening(), *commands(""))
    copy_book(database)
    execute(database.admin_url, "UPDATE yupana.journal SET rules = 99 WHERE book = 1 AND seq = 9")
    auditor = make_auditor()
    await catch_up(auditor)
    assert auditor.failing == 1
    assert not auditor.good
    assert [(row.newest, row.differences) for row in await store.rows("b")] == [(0, 0)]
    [row] = await store.rows("other")
    assert row.newest == row.tail


def copy_book(database: Database) -> None:
    """Make the book `other` of the entries of `b`; their hashes do not fit there."""
    execute(database.admin_url, "INSERT INTO yupana.books (id) VALUES ('other')")
    for table in ("journal", "ids", "labels"):
        execute(
            database.admin_url,
            f"CREATE TEMP TABLE copied AS SELECT * FROM yupana.{table}; "
            f"UPDATE copied SET book = 2; INSERT INTO yupana.{table} SELECT * FROM copied",
        )
