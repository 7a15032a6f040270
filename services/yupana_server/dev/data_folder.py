"""The folder that a stack keeps its data in: ours, and used by one stack at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yupana_server.dev.server import DevServerError

LOCK_NAME = "yupana-dev.lock"
POSTGRES_NAME = "postgres"


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Give the folder, made when it is missing, and keep other stacks out of it meanwhile.

    The lock is the kernel's: it is gone with this process, whatever ends it.

    Raises:
        DevServerError: It holds something else, or another stack uses it.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    _require_ours(folder)
    with (folder / LOCK_NAME).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise DevServerError(
                f"{folder} is in use by another `yupana dev` (process {lock.read() or 'unknown'}): "
                "stop it or choose another folder"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield folder


def _require_ours(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()} - {LOCK_NAME}
    if names and not (folder / POSTGRES_NAME).is_dir():
        raise DevServerError(
            f"{folder} is not empty and no data folder of `yupana dev`: choose an empty or a new "
            "folder"
        )
