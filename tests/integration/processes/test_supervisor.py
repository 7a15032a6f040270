"""The parent of several processes: all are there, or none, and all end with it."""

import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from support.databases import Database
from support.processes import LedgerProcess
from support.several import SeveralLedgers, StartSeveral, is_there
from yupana_server.dev.processes import wait_until

SOON_S = 20.0


def listening(process: psutil.Process) -> set[int]:
    """Return the ports at which a process listens."""
    found = process.net_connections("tcp")
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


def run_to_its_end(ledger: LedgerProcess, **environment: str) -> tuple[int, str]:
    """Run what should not start; returns the exit code and what it said."""
    done = subprocess.run(
        ledger.command,
        env={**ledger.environment, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.decode()


def test_start_when_several_are_wanted_then_all_listen_and_the_parent_serves_nothing(
    database: Database, start_several: StartSeveral
) -> None:
    ledger = start_several(database, processes=3)
    children = ledger.children()
    assert len(children) == 3
    assert all(ledger.port in listening(each) for each in children)
    parent = psutil.Process(ledger.pid)
    assert listening(parent) == set()
    assert parent.num_threads() == 1
    assert ledger.log().count('"event": "serving"') == 3
    assert ledger.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_when_it_ends_them_then_all_drain_and_nothing_is_left(
    database: Database, start_several: StartSeveral, number: signal.Signals, tmp_path: Path
) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    ledger = start_several(database, environment={"TMPDIR": str(folder)})
    assert [each.stat().st_mode & 0o777 for each in folder.iterdir()] == [0o700]
    children = [each.pid for each in ledger.children()]
    ledger.send(number)
    assert ledger.stop() == 0, ledger.log()
    assert ledger.log().count('"event": "stopped"') == 2
    assert not any(is_there(pid) for pid in children)
    assert not list(folder.iterdir())


def test_interrupt_when_it_comes_twice_then_they_end_at_once(
    database: Database, start_several: StartSeveral
) -> None:
    ledger = start_several(database, environment={"YUPANA_DRAIN_WAIT_S": "60"})
    children = [each.pid for each in ledger.children()]
    ledger.send(signal.SIGINT)
    assert wait_until(lambda: ledger.log().count('"event": "draining"') == 2, SOON_S)
    ledger.send(signal.SIGINT)
    assert wait_until(lambda: not ledger.running, SOON_S)
    assert not any(is_there(pid) for pid in children)


def test_parent_when_it_is_killed_then_no_process_is_left_and_the_port_is_free(
    database: Database, start_several: StartSeveral
) -> None:
    ledger = start_several(database)
    children = [each.pid for each in ledger.children()]
    ledger.kill()
    assert wait_until(lambda: not any(is_there(pid) for pid in children), SOON_S)
    ledger.restart()
    assert ledger.stop() == 0


def test_process_when_it_is_killed_then_another_takes_its_place(
    database: Database, start_several: StartSeveral
) -> None:
    ledger = start_several(database)
    for _ in range(2):
        assert ledger.back(1, ledger.kill_child(1)), ledger.log()
    assert len(ledger.children()) == 2
    told = [line for line in ledger.log().splitlines() if "process_ended" in line]
    assert '"pause_s": 0.1' in told[0]
    assert '"pause_s": 0.2' in told[1]
    assert ledger.stop() == 0


def test_dump_when_it_is_asked_for_then_all_processes_tell_their_stacks(
    database: Database, start_several: StartSeveral
) -> None:
    ledger = start_several(database)
    ledger.send(signal.SIGUSR1)

    def told() -> set[str]:
        lines = [line for line in ledger.log().splitlines() if '"event": "stacks"' in line]
        return {name for name in ("ledger-0", "ledger-1") for line in lines if name in line}

    assert wait_until(lambda: told() == {"ledger-0", "ledger-1"}, SOON_S)
    assert ledger.stop() == 0


def test_start_when_others_share_the_port_readily_then_it_is_an_error_all_the_same(
    database: Database, tmp_path: Path
) -> None:
    ledger = SeveralLedgers(database.ledger_url, tmp_path / "log")
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        address = f"127.0.0.1:{stranger.getsockname()[1]}"
        code, said = run_to_its_end(ledger, YUPANA_LISTEN=address)
    assert (code, said) == (1, f"yupana: cannot listen at {address}: is the port in use?\n")


def test_start_when_others_of_us_are_there_then_it_is_an_error(
    database: Database, tmp_path: Path, start_several: StartSeveral
) -> None:
    first = start_several(database)
    second = SeveralLedgers(database.ledger_url, tmp_path / "log")
    for processes in "12":
        code, said = run_to_its_end(second, YUPANA_LISTEN=first.address, YUPANA_PROCESSES=processes)
        assert code == 1
        assert f"cannot listen at {first.address}: is the port in use?" in said
    assert first.stop() == 0


def test_start_when_the_processes_cannot_then_it_ends_and_says_why_once(
    database: Database, tmp_path: Path
) -> None:
    ledger = SeveralLedgers(database.ledger_url, tmp_path / "log")
    nowhere = str(tmp_path / "nowhere")
    files = {"YUPANA_TLS_CERTIFICATE": nowhere, "YUPANA_TLS_KEY": nowhere}
    code, said = run_to_its_end(ledger, **files)
    assert code == 1
    assert said.count("the certificates cannot be used") == 1


def test_start_when_the_port_is_free_to_choose_then_all_have_the_same(
    database: Database, tmp_path: Path
) -> None:
    ledger = SeveralLedgers(
        database.ledger_url, tmp_path / "log", environment={"YUPANA_LISTEN": "localhost:0"}
    )
    with subprocess.Popen(ledger.command, env=ledger.environment, stderr=subprocess.PIPE) as run:
        assert run.stderr is not None
        addresses = set()
        for line in run.stderr:
            if b'"event": "serving"' in line:
                addresses.add(line.split(b'"address": "')[1].split(b'"')[0])
            if b"all_serving" in line:
                break
        run.send_signal(signal.SIGTERM)
        run.stderr.read()
    assert run.returncode == 0
    assert len(addresses) == 1
    assert not addresses.pop().endswith(b":0")
