"""`yupana migrate` on databases that it cannot bring up to date."""

import pytest

from support.cli import make_run
from support.databases import Database
from support.journals import execute
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.journal.migrate import migrate


def test_migrate_when_the_database_does_not_hold_unicode_then_says_so_and_changes_nothing(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(
        postgres.url("postgres"),
        "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'",
    )
    run = make_run("nowhere:1", monkeypatch, capsys)
    answer = run("migrate", "--database-url", postgres.url("ascii"))
    assert answer.code == 1
    assert answer.errors.startswith(
        "yupana: the database cannot be migrated: its encoding is SQL_ASCII, not UTF8"
    )
    [found] = execute(postgres.url("ascii"), "SELECT to_regnamespace('yupana') IS NULL")
    assert found == (True,)


def test_migrate_when_an_index_was_not_finished_then_it_is_made_anew(database: Database) -> None:
    index = "'yupana.journal_p0_landmarks'::regclass"
    unfinished = f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {index}"
    execute(database.admin_url, unfinished)
    execute(database.admin_url, "UPDATE yupana.migrations SET version_num = '0009'")
    migrate(database.admin_url)
    valid = f"SELECT indisvalid FROM pg_index WHERE indexrelid = {index}"
    assert execute(database.admin_url, valid) == [(True,)]
