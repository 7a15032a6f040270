"""`yupana audit`."""

import json
import subprocess
import sys

from support.auditors import MakeAuditor, catch_up
from support.databases import Database
from support.journals import execute
from support.tampering import commands, opening, seq_of
from support.writers import MakeWriter, send


def run(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "yupana_server.cli.main", "audit", *arguments]
    return subprocess.run(
        [*command, "--database-url", database.worker_url],
        check=False,
        capture_output=True,
        text=True,
    )


async def test_audit_command_when_differences_were_found_then_shows_and_acknowledges_them(
    database: Database, make_writer: MakeWriter, make_auditor: MakeAuditor
) -> None:
    await send(make_writer(), *opening(), *commands(""))
    fresh = run(database, "show", "--json")
    assert fresh.returncode == 0, fresh.stderr
    execute(database.admin_url, "UPDATE yupana.journal SET actor = 'mallory' WHERE id = 't1'")
    auditor = make_auditor()
    await catch_up(auditor)
    seq = seq_of(database, "t1")

    shown = run(database, "show", "b")
    assert shown.returncode == 1
    assert f"entry {seq} does not have the hash" in shown.stdout
    found = json.loads(run(database, "show", "--json").stdout)
    assert [row["differences"] for row in found["books"]] == [1]
    assert [(each["seq"], each["what"]) for each in found["differences"]] == [(seq, "hash")]

    done = run(database, "reset", "b")
    assert done.stdout == "b: 1 differences acknowledged\n"
    shown = run(database, "show", "b")
    assert shown.returncode == 0
    assert "does not have the hash" in shown.stdout
    again = json.loads(run(database, "reset", "b", "--from", str(seq), "--json").stdout)
    assert again == {"book": "b", "acknowledged": 0, "from_seq": seq}
    await catch_up(auditor)
    assert run(database, "show").returncode == 1


def test_audit_command_when_there_is_no_such_book_then_says_so(database: Database) -> None:
    for arguments in (["show", "nowhere"], ["reset", "nowhere"]):
        failed = run(database, *arguments)
        assert failed.returncode == 1
        assert "there is no book nowhere" in failed.stderr
    assert "there are no books" in run(database, "show").stdout
