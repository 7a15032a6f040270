"""`yupana feed tail`."""

import json
import subprocess
import sys

import pytest

from support.cli import Run, make_run, make_shop
from support.processes import FeedProcess, LedgerProcess


@pytest.fixture
def run(
    ledger: LedgerProcess,
    feed: FeedProcess,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("YUPANA_FEED", feed.address)
    return make_run(ledger.address, monkeypatch, capsys)


def test_tail_when_not_following_then_tells_what_there_is_and_ends(run: Run) -> None:
    shop = make_shop(run)
    run("transfer", "create", shop, "world", "users:1:wallet", 5, "--id", "t1", "--code", "gift")
    run("transfer", "create", shop, "users:1:wallet", "world", 9, "--id", "t2")
    told = run("feed", "tail", shop, "--beginning", "--no-follow")
    lines = told.output.splitlines()
    assert (told.code, len(lines)) == (0, 6)
    assert "transfer.posted" in lines[4]
    assert "t1 world -> users:1:wallet 5 USD" in lines[4]
    assert "BELOW_MIN_BALANCE" in lines[5]
    as_json = run("feed", "tail", shop, "--no-follow", "--json", "--code", "gift")
    [event] = map(json.loads, as_json.output.splitlines())
    assert (event["seq"], event["transfer"]["id"]) == ("5", "t1")
    later = run("feed", "tail", shop, "--from", event["position"], "--no-follow", "--rejected")
    assert "t2" in later.output
    assert len(later.output.splitlines()) == 1


def test_tail_when_following_then_tells_what_comes(run: Run) -> None:
    shop = make_shop(run)
    command = [sys.executable, "-m", "yupana_server.cli.main", "feed", "tail", shop, "--json"]
    with subprocess.Popen([*command, "--beginning"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for seq in range(1, 5):
            assert json.loads(process.stdout.readline())["seq"] == str(seq)
        run("transfer", "create", shop, "world", "users:1:wallet", 5, "--id", "t1")
        assert json.loads(process.stdout.readline())["subject"] == "t1"
        process.terminate()


def test_tail_when_asked_wrongly_then_says_what_to_do(run: Run) -> None:
    shop = make_shop(run)
    twice = run("feed", "tail", shop, "--beginning", "--since", "2026-01-01")
    assert (twice.code, "give one of them" in twice.wrong) == (2, True)
    nonsense = run("feed", "tail", shop, "--from", "nonsense", "--no-follow")
    assert nonsense.code == 1
    assert "not a position" in nonsense.errors
    assert run("feed", "tail", "no-such-book").code == 1
