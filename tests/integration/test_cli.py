"""The `yupana` command against a running ledger."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from support.cli import Run, make_run, make_shop
from support.databases import Database
from support.processes import LedgerProcess
from yupana import Yupana
from yupana_server.cli.import_sender import ATTEMPT_TIMEOUT_S
from yupana_server.cli.main import USING, app
from yupana_server.dev.ports import pick_port

YUPANA = (sys.executable, "-m", "yupana_server.cli.main")


@pytest.fixture
def run(
    ledger: LedgerProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    return make_run(ledger.address, monkeypatch, capsys)


@pytest.fixture
def shop(run: Run) -> str:
    return make_shop(run)


def test_book_when_created_then_it_is_got_and_listed(run: Run, shop: str) -> None:
    created = run("book", "create", shop, "--json").json
    assert created["id"] == shop
    assert created["create_time"].endswith("Z")
    assert run("book", "get", shop, "--json").json["create_time"] == created["create_time"]
    assert shop in [book["id"] for book in run("book", "list", "--json").json]
    assert shop in run("book", "list").output
    assert shop in run("book", "get", shop).output


def test_book_when_it_does_not_exist_then_exit_1_and_one_line(run: Run) -> None:
    answer = run("book", "get", "nowhere")
    assert answer.code == 1
    assert answer.errors == "yupana: there is no book nowhere: create it first\n"


def test_assets_when_opened_then_listed_and_replayed(run: Run, shop: str) -> None:
    assets = run("book", "assets", shop, "--json").json
    assert [(asset["id"], asset["scale"]) for asset in assets] == [("EUR", 2), ("USD", 2)]
    assert "USD" in run("book", "assets", shop).output
    again = run("book", "open-asset", shop, "USD", "--scale", 2, "--json").json
    assert (again["outcome"], again["replayed"]) == ("opened", True)
    other = run("book", "open-asset", shop, "USD", "--scale", 3)
    assert other.code == 1
    assert "USD is open already, with scale 2" in other.errors


def test_account_when_opened_then_shown_in_smallest_units_and_by_scale(run: Run, shop: str) -> None:
    run("transfer", "create", shop, "world", "users:1:wallet", 123456)
    account = run("account", "get", shop, "users:1:wallet", "--json").json
    assert account["balance"] == account["available"] == "123456"
    assert (account["min_balance"], account["max_balance"]) == ("0", None)
    shown = run("account", "get", shop, "users:1:wallet").output
    assert "123456" in shown
    assert "1,234.56 USD" in shown
    other = run("account", "open", shop, "users:1:wallet", "--asset", "EUR")
    assert "with asset USD, side credit, floor 0, no ceiling" in other.errors

    accounts = run("account", "list", shop, "--json").json
    assert [(each["id"], each["normal_side"]) for each in accounts] == [
        ("users:1:wallet", "credit"),
        ("world", "debit"),
    ]
    users = run("account", "list", shop, "--prefix", "users:").output
    assert "users:1:wallet" in users
    assert "world" not in users
    cut = run("account", "list", shop, "--limit", 1, "--json")
    assert len(cut.json) == 1
    assert "--limit" in cut.errors


def test_account_when_its_asset_is_not_open_then_exit_1_with_the_reason(
    run: Run, shop: str
) -> None:
    answer = run("account", "open", shop, "btc", "--asset", "BTC")
    assert answer.code == 1
    assert answer.errors.startswith("yupana: ASSET_NOT_FOUND")
    assert "open the asset, then run this again" in answer.errors
    assert run("account", "get", shop, "btc").code == 1


def test_transfer_when_sent_twice_then_the_second_is_a_replay(run: Run, shop: str) -> None:
    create = ("transfer", "create", shop, "world", "users:1:wallet", 500, "--id", "order-1")
    options = ("--asset", "USD", "--effective-time", "2026-01-02", "--label", "kind=a=b")
    first = run(*create, *options, "--json")
    assert first.code == 0
    assert (first.json["outcome"], first.json["replayed"]) == ("posted", False)
    second = run(*create, *options)
    assert second.code == 0
    assert "posted (replayed)" in second.output

    found = run("transfer", "get", shop, "order-1", "--json").json
    assert (found["debit"], found["credit"], found["amount"]) == ("world", "users:1:wallet", "500")
    assert found["effective_time"] == "2026-01-02T00:00:00Z"
    assert found["labels"] == {"kind": "a=b"}
    assert found["outcome"]["position"] == first.json["position"]
    assert "kind=a=b" in run("transfer", "get", shop, "order-1").output

    reused = run("transfer", "create", shop, "world", "users:1:wallet", 7, "--id", "order-1")
    assert reused.code == 1
    assert "refused: ID_REUSED" in reused.output


def test_transfer_when_rejected_then_exit_1_with_reason_and_listed(run: Run, shop: str) -> None:
    create = ("transfer", "create", shop, "users:1:wallet", "world", 500)
    rejected = run(*create, "--id", "too-much", "--json")
    assert rejected.code == 1
    assert (rejected.json["outcome"], rejected.json["reason"]) == ("rejected", "BELOW_MIN_BALANCE")
    assert rejected.json["facts"]["available"] == "0"
    shown = run(*create, "--id", "too-much").output
    assert "rejected: BELOW_MIN_BALANCE (replayed)" in shown
    assert "0 available, 500 asked" in shown

    run("transfer", "create", shop, "world", "users:1:wallet", 5, "--id", "fits")
    listed = run("transfer", "list", shop, "--json").json
    assert [(each["id"], each["outcome"]["outcome"]) for each in listed] == [
        ("fits", "posted"),
        ("too-much", "rejected"),
    ]
    of_account = run("transfer", "list", shop, "--account", "users:1:wallet").output
    assert "fits" in of_account
    assert "too-much" not in of_account


def test_transfer_when_only_validated_then_nothing_is_recorded(run: Run, shop: str) -> None:
    create = ("transfer", "create", shop, "world", "users:1:wallet", 5, "--id", "maybe")
    answer = run(*create, "--validate-only")
    assert answer.code == 0
    assert "nothing was recorded" in answer.errors
    missing = run("transfer", "get", shop, "maybe")
    assert missing.code == 1
    assert "maybe" in missing.errors


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--effective-time", "soon"), 2, "'--effective-time': 'soon' is not a time"),
        (("--label", "novalue"), 2, "--label: novalue is not KEY=VALUE"),
        (("--label", "foo=a", "--label", "foo=b"), 2, "--label: foo is there twice"),
        (("--label", "a b=c"), 2, "--label: labels: the key 'a b' is not"),
        (("--id", ""), 2, "'--id': it is empty"),
        (("--up-to", "all"), 2, "'all' is not one of 'debit_limits'"),
        (("--if", "debit.available > 5"), 2, "write 'debit.available >= 500'"),
        (("--what",), 2, "--what"),
        (("--server", "localhost"), 1, "host:port"),
        (("--id", "_x"), 1, "is not an id"),
    ],
)
def test_transfer_when_an_option_is_wrong_then_it_is_told(
    run: Run, shop: str, options: Sequence[str], code: int, told: str
) -> None:
    answer = run("transfer", "create", shop, "world", "users:1:wallet", 5, *options)
    assert answer.code == code
    assert told in answer.wrong
    assert "Traceback" not in answer.errors


def test_transfer_when_no_ledger_answers_then_the_id_is_told(run: Run) -> None:
    server = f"127.0.0.1:{pick_port()}"
    answer = run("transfer", "create", "shop", "a", "b", 5, "--id", "t-1", "--server", server)
    assert answer.code == 1
    assert "the transfer's id is t-1: give it as --id" in answer.errors
    assert answer.errors.count(f"waiting for {server} …\n") == 1
    assert "is it running? start one with `yupana dev`" in answer.errors


def test_transfer_when_the_error_is_definite_then_the_id_is_not_told(run: Run) -> None:
    answer = run("transfer", "create", "nowhere", "a", "b", 5)
    assert answer.code == 1
    assert answer.errors == "yupana: there is no book nowhere: create it first\n"


def test_transfer_when_amount_has_decimals_then_whole_units_are_suggested(run: Run) -> None:
    answer = run("transfer", "create", "shop", "a", "b", "12.5")
    assert answer.code == 2
    assert "whole smallest units: 1250" in answer.wrong


def test_error_when_json_is_asked_for_then_it_is_one_object_on_stderr(run: Run, shop: str) -> None:
    def error(*arguments: object) -> Any:
        answer = run(*arguments, "--json")
        assert (answer.code, answer.output) == (1, "")
        return json.loads(answer.errors.splitlines()[-1])["error"]

    missing = error("book", "get", "nowhere")
    assert missing["reason"] == "BOOK_NOT_FOUND"
    assert missing["message"] == "there is no book nowhere: create it first"
    reused = error("book", "open-asset", shop, "USD", "--scale", 3)
    assert reused["reason"] == "ID_REUSED"
    assert reused["message"] == "USD is open already, with scale 2"
    malformed = error("transfer", "create", shop, "a", "b", 5, "--id", "_x")
    assert [each["field"] for each in malformed["violations"]] == ["commands[0].id"]
    silent = f"127.0.0.1:{pick_port()}"
    assert error("health", "--server", silent) == {
        "reason": "UNAVAILABLE",
        "message": f"no answer from {silent}",
    }


def test_health_when_asked_then_each_fact_is_told(run: Run) -> None:
    assert "database answers: yes" in run("health").output
    assert run("health", "--json").json["ready"] == "yes"


def test_health_when_nobody_answers_then_one_line_and_exit_1(run: Run) -> None:
    server = f"127.0.0.1:{pick_port()}"
    answer = run("health", "--server", server)
    assert (answer.code, answer.output) == (1, "")
    assert answer.errors == f"yupana: no answer from {server}\n"
    assert "host:port" in run("health", "--server", "localhost").errors


def test_entry_when_interrupted_while_it_imports_then_exit_130_and_silence(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(
        # What runs in the background may have been started with the signal ignored.
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(30)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "yupana_server.cli.entry", "book", "list"],
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_verify_when_book_is_whole_then_exit_0(
    run: Run, shop: str, shared_database: Database
) -> None:
    run("transfer", "create", shop, "world", "users:1:wallet", 5)
    answer = run("verify", shop, "--database-url", shared_database.ledger_url, "--json")
    assert answer.code == 0
    assert answer.json["good"] is True
    assert answer.json["posted"] == 5


def test_import_when_lines_are_wrong_then_the_others_are_posted(
    run: Run, shop: str, tmp_path: Path
) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(
        "id,debit,credit,amount,label.kind\n"
        "s1,world,users:1:wallet,10.50,sale\n"
        "s2,world,users:1:wallet,10.505,sale\n"
        "s3,users:1:wallet,world,11.00,sale\n"
        "s4,users:1:wallet,world,10.50,sale\n"
        "s1,world,users:1:wallet,9.00,sale\n"
        "s5,nobody,world,1.00,sale\n"
    )
    command = ("import", sales, "--book", shop, "--decimal", "--asset", "USD", "--json")
    answer = run(*command)
    assert answer.code == 1
    expected = {"lines": 6, "posted": 2, "replayed": 0, "rejected": 2, "refused": 1, "bad": 1}
    assert {name: answer.json[name] for name in expected} == expected
    rejects = [json.loads(line) for line in Path(answer.json["rejects"]).read_text().splitlines()]
    assert sorted((each["line"], each["reason"]) for each in rejects) == [
        (3, "INVALID_AMOUNT"),
        (4, "BELOW_MIN_BALANCE"),
        (6, "ID_REUSED"),
        (7, "ACCOUNT_NOT_FOUND"),
    ]
    assert rejects[0]["fields"] == {
        "id": "s2",
        "debit": "world",
        "credit": "users:1:wallet",
        "amount": "10.505",
        "label.kind": "sale",
    }
    assert run("transfer", "get", shop, "s1", "--json").json["labels"] == {"kind": "sale"}

    again = run(*command).json
    expected = {"posted": 0, "replayed": 2, "rejected": 2, "refused": 1, "bad": 1}
    assert {name: again[name] for name in expected} == expected


def test_import_when_floors_depend_on_the_order_then_the_order_is_kept(
    run: Run, shop: str, tmp_path: Path
) -> None:
    lines = [
        {"id": f"o{n}", "debit": debit, "credit": credit, "amount": 100}
        for n, (debit, credit) in enumerate(
            [("world", "users:1:wallet"), ("users:1:wallet", "world")] * 300
        )
    ]
    file = tmp_path / "order.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    answer = run("import", file, "--book", shop, "--batch", 7)
    assert answer.code == 0, answer.output
    assert "600" in answer.output
    assert not file.with_name("order.jsonl.rejects.jsonl").exists()


def test_import_when_accounts_are_to_be_opened_then_unknown_ones_are(
    run: Run, shop: str, tmp_path: Path
) -> None:
    file = tmp_path / "new.csv"
    file.write_text("id,debit,credit,amount,asset\nn1,users:1:wallet,new:a,0,USD\nn2,b,c,5,YEN\n")
    options = ("--open-accounts", "--unordered", "--in-flight", 2, "--batch", 1)
    answer = run("import", file, "--book", shop, "--open-asset", "YEN:0", *options, "--json")
    assert answer.code == 0, answer.errors
    assert (answer.json["posted"], answer.json["accounts_opened"]) == (2, 3)
    assert run("account", "get", shop, "c", "--json").json["balance"] == "5"
    assert run("account", "get", shop, "users:1:wallet", "--json").json["min_balance"] == "0"


def test_import_when_an_opening_was_rejected_before_then_it_is_opened_all_the_same(
    run: Run, shop: str, tmp_path: Path
) -> None:
    assert run("account", "open", shop, "late", "--asset", "SEAT").code == 1
    file = tmp_path / "late.csv"
    file.write_text("id,debit,credit,amount,asset\nl1,late,later,1,SEAT\n")
    answer = run("import", file, "--book", shop, "--open-asset", "SEAT:0", "--open-accounts")
    assert answer.code == 0, answer.output + answer.errors


def test_import_when_it_reads_standard_input_then_the_format_is_given(
    ledger: LedgerProcess, shop: str, tmp_path: Path
) -> None:
    def pipe(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*YUPANA, "import", "-", "--book", shop, *options],
            check=False,
            input="id,debit,credit,amount\np1,world,users:1:wallet,5\n",
            env={**os.environ, "YUPANA_SERVER": ledger.address},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    assert "--format" in pipe().stderr
    piped = pipe("--format", "csv", "--json")
    assert piped.returncode == 0, piped.stderr
    assert json.loads(piped.stdout)["posted"] == 1


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ("id,debit,credit\n", (), "no column amount"),
        ("id,debit,credit,amount\n", ("--open-asset", "USD"), "ASSET:SCALE"),
        ("id,debit,credit,amount\n", ("--open-asset", "USD:5"), "open already, with scale 2"),
        ("id,debit,credit,amount\n", ("--rejects", "{file}"), "overwrite"),
    ],
)
def test_import_when_it_cannot_begin_then_exit_1_and_the_reason(
    run: Run, shop: str, tmp_path: Path, content: str, options: Sequence[str], told: str
) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(content)
    given = [option.format(file=file) for option in options]
    answer = run("import", file, "--book", shop, *given)
    assert answer.code == 1
    assert told in answer.errors
    assert file.read_text() == content


def test_import_when_the_book_does_not_exist_then_exit_1(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,debit,credit,amount\na,b,c,1\n")
    answer = run("import", file, "--book", "nowhere")
    assert answer.code == 1
    assert "there is no book nowhere" in answer.errors


def test_import_when_there_is_no_such_file_then_it_is_told(run: Run, tmp_path: Path) -> None:
    answer = run("import", tmp_path / "no.csv", "--book", "b")
    assert (answer.code, answer.errors) == (
        1,
        f"yupana: there is no {tmp_path}/no.csv: check the path\n",
    )


def test_import_when_nobody_watches_then_no_empty_line(run: Run, shop: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,debit,credit,amount\ne1,world,users:1:wallet,1\n")
    answer = run("import", file, "--book", shop)
    assert (answer.code, answer.errors) == (0, "")


def test_import_when_patience_is_short_then_it_stops_in_time(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,debit,credit,amount\na,b,c,1\n")
    server = f"127.0.0.1:{pick_port()}"
    answer = run("import", file, "--book", "b", "--server", server, "--patience", 1)
    assert answer.code == 1
    assert "stopped, after 1 s" in answer.errors
    assert "is it running?" in answer.errors


@pytest.mark.slow
def test_import_when_patience_ends_then_it_says_to_run_it_again(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,debit,credit,amount\na,b,c,1\n")
    server = f"127.0.0.1:{pick_port()}"
    patience = ATTEMPT_TIMEOUT_S + 1
    answer = run("import", file, "--book", "b", "--server", server, "--patience", patience)
    assert answer.code == 1
    assert "trying again" in answer.errors
    assert "run the same import again" in answer.errors


def test_help_when_asked_of_every_command_then_it_teaches_by_an_example() -> None:
    runner = CliRunner()
    for words in using_commands():
        shown = runner.invoke(app, [*words, "--help"])
        assert shown.exit_code == 0
        assert f"Example: yupana {' '.join(words)}" in " ".join(shown.output.split())


def using_commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that uses a ledger."""
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        if command.rich_help_panel == USING:
            members = getattr(command, "commands", None)
            yield from [(name, member) for member in members] if members else [(name,)]


def test_cli_when_written_by_the_command_then_the_client_reads_the_same(
    run: Run, shop: str, ledger: LedgerProcess
) -> None:
    run("transfer", "create", shop, "world", "users:1:wallet", 2**100)

    async def balance() -> int:
        async with Yupana(ledger.address) as yupana:
            return (await yupana.book(shop).account("users:1:wallet")).balance

    assert asyncio.run(balance()) == 2**100
