"""What the tests of rules look up in a journal directly."""

import psycopg

from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.verify import Findings, Verifier


async def verified(url: str, book_id: str) -> Findings:
    """Fold the journal anew and assert that nothing is wrong with it."""
    reader = JournalReader(url, connections_max=2)
    await reader.open()
    try:
        book = await reader.book(book_id)
        assert book is not None
        findings = await Verifier(reader, book, lambda _: None).run()
    finally:
        await reader.close()
    assert findings.good, findings.differences
    return findings


def execute(url: str, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    """Run SQL and return its rows, if it has some."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


def refuse_entries(admin_url: str, command_id: str) -> None:
    """Have Postgres refuse the entry that records an id, as nothing that passes validation is."""
    execute(
        admin_url,
        "CREATE FUNCTION yupana.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = '22000'; END $$",
    )
    execute(
        admin_url,
        "CREATE TRIGGER refuse BEFORE INSERT ON yupana.journal FOR EACH ROW "
        f"WHEN (NEW.id = '{command_id}') EXECUTE FUNCTION yupana.refuse()",
    )


def count_entries(url: str, book_id: str, command_id: str) -> int:
    """Count the entries that record an id: the promise says one."""
    rows = execute(
        url,
        "SELECT count(*) FROM yupana.journal j JOIN yupana.books b USING (book) "
        "WHERE b.id = %s AND j.id = %s",
        book_id,
        command_id,
    )
    return int(str(rows[0][0]))
