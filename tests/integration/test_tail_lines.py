"""Entries as one text each are what they are column by column."""

import asyncio
import json

import psycopg
import pytest

from support.databases import Database
from support.random_commands import ACCOUNTS, RandomCommands
from support.writers import MakeWriter, open_accounts, send
from yupana_server.book.commands import CreateTransfer
from yupana_server.book.entries import Entry
from yupana_server.journal.errors import HistoryChangedError
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import COLUMNS, TEXTS, decode, encode
from yupana_server.journal.tail_lines import LINE, read_line
from yupana_server.ledger.submission import Submission
from yupana_server.ledger.writer import Writer

OTHER = {
    "smallint": "1",
    "integer": "7",
    "bigint": "7",
    "numeric": "7",
    "text": "'other'",
    "bytea": "'\\x07'",
    "jsonb": "'{}'",
    "timestamp with time zone": "'2020-02-02 02:02:02.000002+00'",
}
"""Values by the types of columns."""


async def submit(writer: Writer, transfer: CreateTransfer, actor: str | None) -> Entry:
    deadline = asyncio.get_running_loop().time() + 20
    answer = await writer.submit(Submission([(transfer,)], deadline, actor=actor))
    [outcome] = answer.outcomes
    assert isinstance(outcome, Entry)
    return outcome


async def test_lines_when_entries_are_of_all_kinds_then_as_read_by_columns(
    database: Database, make_writer: MakeWriter
) -> None:
    writer, commands = make_writer(), RandomCommands(7)
    await open_accounts(writer, len(ACCOUNTS))
    for _ in range(20):
        deadline = asyncio.get_running_loop().time() + 20
        await writer.submit(Submission([commands.unit() for _ in range(20)], deadline))
    reader = JournalReader(database.ledger_url, connections_max=1)
    await reader.open()
    try:
        lines = [read_line(each) for each in await reader.lines(1, after=0, limit=10_000)]
        stored = await reader.entries(1, after=0, limit=10_000)
    finally:
        await reader.close()
    assert len(stored) > 100
    assert [(each.entry, each.hash) for each in lines] == stored
    assert [each.text for each in lines] == [encode(each.entry) for each in stored]


@pytest.mark.parametrize(
    "actor", [None, "shop", "a b:ä'\"", "tab\there", "new\nline", "back\\", "["]
)
async def test_lines_when_somebody_sent_a_transfer_then_the_line_says_who(
    database: Database, make_writer: MakeWriter, actor: str | None
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    plain = CreateTransfer("plain", "a0", "a1", 5)
    full = plain._replace(id="full", code="sale", effective_at=1_700_000_000_000_001)
    entries = [await submit(writer, each, actor) for each in (plain, full)]
    # Another writer folds them from lines: if one were not as it was hashed, it would say so.
    other = make_writer()
    await send(other, CreateTransfer("warm", "a0", "a1", 1))
    await submit(writer, plain._replace(id="last"), actor)
    await send(other, CreateTransfer("after", "a0", "a1", 1))
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute(
            f"SELECT {LINE}, seq FROM yupana.journal WHERE id IN ('plain', 'full') ORDER BY seq"
        ).fetchall()
    assert [read_line(line).entry for line, _ in rows] == entries


async def test_lines_when_any_column_is_otherwise_then_the_line_says_it_too(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    await send(writer, CreateTransfer("plain", "a0", "a1", 5))
    with psycopg.connect(database.admin_url) as connection:
        # Without its constraints: whatever a row says is read, and so hashed, in full.
        connection.execute("CREATE TEMP TABLE copies (LIKE yupana.journal)")
        types = connection.execute(
            "SELECT attname, format_type(atttypid, NULL), attnotnull FROM pg_attribute "
            "WHERE attrelid = 'copies'::regclass AND attname = ANY(%s)",
            [[*COLUMNS.split(", "), "hash"]],
        ).fetchall()
        assert len(types) == len(TEXTS)
        for column, type_, never_null in types:
            connection.execute("TRUNCATE copies")
            connection.execute("INSERT INTO copies SELECT * FROM yupana.journal WHERE id = 'plain'")
            values = [OTHER[type_]]
            values += ["''"] if column in ("actor", "code", "trace_id") else []
            values += [] if never_null else ["NULL"]
            for value in values:
                connection.execute(f"UPDATE copies SET {column} = {value}")
                [[line, row]] = connection.execute(
                    f"SELECT {LINE}, ARRAY[{', '.join(TEXTS)}] FROM copies"
                ).fetchall()
                if line.startswith("["):
                    assert json.loads(line) == row, column
                else:
                    entry, digest = decode(row)
                    assert read_line(line) == (entry, encode(entry), digest), column


@pytest.mark.parametrize("name", ["id", "debit_account", "asset", "code"])
@pytest.mark.parametrize("more", [r"\t", r"\n"])
async def test_lines_when_a_name_was_tampered_with_then_history_has_changed(
    database: Database, make_writer: MakeWriter, name: str, more: str
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    await send(writer, CreateTransfer("plain", "a0", "a1", 5, code="sale"))
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("CREATE TEMP TABLE copies (LIKE yupana.journal)")
        connection.execute("INSERT INTO copies SELECT * FROM yupana.journal WHERE id = 'plain'")
        connection.execute(f"UPDATE copies SET {name} = {name} || E'{more}' || {name}")
        [[line]] = connection.execute(f"SELECT {LINE} FROM copies").fetchall()
    history = writer._memory.history
    with pytest.raises(HistoryChangedError):
        writer._memory.read([line])
    assert writer._memory.history == history + 1
