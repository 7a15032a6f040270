"""`yupana trace`: from a command's id to its entry and its trace."""

import asyncio
from collections.abc import Callable

import pytest

from support.cli import Run, make_run
from support.databases import Database
from support.journals import execute
from support.processes import LedgerProcess
from yupana import Yupana
from yupana_server.dev.ports import pick_port


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return make_run("nowhere:1", monkeypatch, capsys)


async def record(process: LedgerProcess) -> None:
    """Have a transfer t recorded, and one that is rejected."""
    async with Yupana(process.address) as yupana:
        await yupana.create_book("shop")
        book = yupana.book("shop")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("wallet", asset="USD", min_balance=0)
        await book.transfer("world", "wallet", 5, id="t")
        with pytest.raises(Exception, match="BELOW_MIN_BALANCE"):
            await book.transfer("wallet", "world", 50, id="no")


def test_trace_when_it_was_exported_then_tells_where_to_open_it(
    run: Run, database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    # Nobody has to listen: what counts is that the server made traces.
    process = start_ledger(
        database,
        environment={
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{pick_port()}",
            "OTEL_TRACES_SAMPLER_ARG": "1",
        },
    )
    asyncio.run(record(process))
    shown = run("trace", "shop", "t", "--database-url", database.ledger_url, "--json").json
    rows = execute(
        database.ledger_url,
        "SELECT seq, encode(trace_id, 'hex') FROM yupana.journal WHERE id = 't'",
    )
    assert rows == [(int(shown["seq"]), shown["trace"])]
    assert shown["open"] == f"http://localhost:16686/trace/{shown['trace']}"
    assert (shown["command"], shown["outcome"]) == ("transfer", "done")
    elsewhere = run(
        *("trace", "shop", "t", "--database-url", database.ledger_url),
        *("--trace-url", "https://jaeger.example/trace/{trace_id}"),
    )
    assert f"https://jaeger.example/trace/{shown['trace']}" in elsewhere.output


def test_trace_when_the_server_made_none_then_says_so(
    run: Run, database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    asyncio.run(record(start_ledger(database)))
    shown = run("trace", "shop", "no", "--database-url", database.ledger_url, "--json").json
    assert shown["outcome"] == "rejected: BELOW_MIN_BALANCE"
    assert "not traced" in shown["trace"]
    assert shown["open"] == ""


def test_trace_when_what_is_asked_for_is_not_there_then_one_line(
    run: Run, database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    asyncio.run(record(start_ledger(database)))
    url = ("--database-url", database.ledger_url)
    for arguments, what in (
        (("elsewhere", "t"), "there is no book elsewhere"),
        (("shop", "unknown"), "no command unknown is recorded in the book shop"),
        (("shop", "t", "--trace-url", "http://jaeger"), "{trace_id} is missing"),
    ):
        answer = run("trace", *arguments, *url)
        assert answer.code == 1
        assert what in answer.errors
        assert answer.errors.count("\n") == 1
