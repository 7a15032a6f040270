"""Keys for development: the first one, which may do everything, and what tokens are hashed by."""

import asyncio
import os
import secrets
from pathlib import Path

from yupana_server.access.bootstrap import bootstrap
from yupana_server.journal.reads import JournalReader

ROOT = "root"
CONNECT_WAIT_S = 10.0


def hash_key_of(folder: Path) -> str:
    """Return what the tokens of the stack in a folder are hashed by; made when it is missing."""
    return _kept(folder / "access-hash-key", secrets.token_hex(32))


def root_token_of(folder: Path, database_url: str) -> str:
    """Return the token of the first key of the stack in a folder; made when it is missing."""
    hash_key = hash_key_of(folder)

    async def make() -> str | None:
        reader = JournalReader(database_url, connections_max=1)
        await reader.open(wait_s=CONNECT_WAIT_S)
        try:
            return await bootstrap(reader, hash_key.encode(), ROOT)
        finally:
            await reader.close()

    made = asyncio.run(make())
    return _kept(folder / "root-token", made or "")


def _kept(path: Path, made: str) -> str:
    """Return what stands in a file that its owner alone may read; `made` when it is not there."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(made)
    return path.read_text()
