"""Child processes that write to a log and never outlive us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

KILL_TIMEOUT_S = 10.0
# Children of a killed Postgres notice it at once when they wait, but not while they compute.
ORPHAN_GRACE_S = 1.0
POLL_INTERVAL_S = 0.02
QUOTED_LOG_LINES = 20
# The end of the log is read, not all of it: a demo's log may be large.
QUOTED_LOG_BYTES = 8192

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account a server runs as when we are root."""

    user_id: int
    group_id: int


def spawn(
    arguments: Sequence[str | Path],
    *,
    folder: Path,
    log_path: Path,
    death_signal: signal.Signals,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a direct child that writes to `log_path` and gets `death_signal` when we end.

    The child leads its own session, so that Ctrl-C in our terminal reaches only us and the
    servers are stopped in our order.
    """
    user = [str(account.user_id), str(account.group_id)] if account else ["-", "-"]
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid())]
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [*launcher, str(int(death_signal)), *user, *map(str, arguments)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and wait until its children are gone as well, by force after a grace."""
    # A stopped process starts no further children between the listing and its end.
    process.send_signal(signal.SIGSTOP)
    if process.returncode is not None:
        return
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(KILL_TIMEOUT_S)
    if wait_until(lambda: not any(is_alive(child) for child in children), ORPHAN_GRACE_S):
        return
    for child in filter(is_alive, children):
        child.kill()
    if not wait_until(lambda: not any(is_alive(child) for child in children), KILL_TIMEOUT_S):
        raise RuntimeError(f"children of killed process {process.pid} do not end: {children}")


def wait_until(fact: Callable[[], bool], timeout_s: float) -> bool:
    """Poll until the fact holds, and tell whether it did within the timeout."""
    deadline = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL_S)
    return True


def is_alive(process: psutil.Process) -> bool:
    """Tell whether the process still runs; one that only waits to be reaped does not.

    In a container the first process may never reap what it inherits.
    """
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def shown_status(status: int) -> str:
    """Return how a process ended, by its return code as `subprocess` gives it."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def last_log_lines(log_path: Path) -> str:
    """Return the last QUOTED_LOG_LINES lines of a log, for an error message."""
    if not log_path.exists():
        return "(no log)"
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - QUOTED_LOG_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-QUOTED_LOG_LINES:])
