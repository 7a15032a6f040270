"""Debian's Postgres and Redis, which speak TLS and nothing else, as child processes.

Those of the embedded stack are built without it.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import redis

from support.certificates import Certificates
from yupana_server.dev.cluster import hand_over
from yupana_server.dev.ports import LOOPBACK
from yupana_server.dev.processes import Account, spawn
from yupana_server.dev.server import ChildServer

PASSWORD = "pass-of-everybody"  # pragma: allowlist secret
OTHER_NAME = "127.0.0.2"
"""Leads to the same servers, and is in no certificate."""

# The worker shows a certificate instead of a password, and ledgers may come without TLS.
HBA = """\
hostssl all yupana_worker all cert map=yupana
host all yupana_ledger all scram-sha-256
hostssl all all all scram-sha-256
"""
IDENT = "yupana client yupana_worker\n"


class TlsPostgres(ChildServer):
    """A Postgres that asks for passwords and certificates, by TLS."""

    name = "Postgres"
    death_signal = signal.SIGQUIT

    def __init__(self, data_dir: Path, certificates: Certificates):
        super().__init__(data_dir, None)
        self._certificates = certificates
        self._account: Account | None = None

    def url(self, user: str, *, host: str = "localhost", **options: str) -> str:
        """Return where to log in; `options` replace those that check everything."""
        tls = {"sslmode": "verify-full", "sslrootcert": self._certificates.file("ca.pem")}
        where = f"{user}:{PASSWORD}@{host}:{self.port}/postgres"
        return f"postgresql://{where}?{urlencode(tls | options)}"

    def wear(self, certificates: Certificates) -> None:
        """Show, and ask for, certificates of this authority from now on."""
        for name in ("server.pem", "server.key", "ca.pem"):
            self._put(name, certificates.file(name).read_text())
        if self.running:
            os.kill(self.pid, signal.SIGHUP)

    def _prepare(self) -> Account | None:
        self.data_dir.mkdir(parents=True)
        self._account = hand_over(self.data_dir) if os.geteuid() == 0 else None
        words = self.data_dir.with_name("password")
        words.write_text(PASSWORD)
        words.chmod(0o644)
        given = ["--pgdata", self.data_dir, "--username", "postgres", "--pwfile", words]
        command = [_postgres("initdb"), *given, "--auth=scram-sha-256", "--encoding=UTF8"]
        command += ["--no-locale", "--no-sync"]
        begun = spawn(
            list(map(str, command)),
            folder=self.data_dir,
            log_path=self.log_path,
            death_signal=signal.SIGTERM,
            account=self._account,
        )
        assert begun.wait(60) == 0, self.last_lines
        self._put("pg_hba.conf", HBA)
        self._put("pg_ident.conf", IDENT)
        self.wear(self._certificates)
        return self._account

    def _put(self, name: str, text: str) -> None:
        path = self.data_dir / name
        path.write_text(text)
        path.chmod(0o600)
        if self._account is not None:
            os.chown(path, self._account.user_id, self._account.group_id)

    def _arguments(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": f"{LOOPBACK},{OTHER_NAME}",
            "port": self.port,
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": "server.pem",
            "ssl_key_file": "server.key",
            "ssl_ca_file": "ca.pem",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [_postgres("postgres"), "-D", self.data_dir, *options]

    def _answers(self) -> bool:
        return self.is_trusted()

    def is_trusted(self) -> bool:
        """Tell whether it takes a connection that checks everything."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


class TlsRedis(ChildServer):
    """A Redis that wants a certificate and a password, by TLS."""

    name = "Redis"
    death_signal = signal.SIGTERM

    def __init__(self, data_dir: Path, certificates: Certificates):
        super().__init__(data_dir, None)
        data_dir.mkdir(parents=True)
        self._certificates = certificates

    def url(self, *, scheme: str = "rediss", host: str = "localhost", **options: str) -> str:
        """Return where to connect to; `options` replace those that check everything."""
        tls = {
            "ssl_ca_certs": self._certificates.file("ca.pem"),
            "ssl_certfile": self._certificates.file("client.pem"),
            "ssl_keyfile": self._certificates.file("client.key"),
        }
        asked = f"?{urlencode(tls | options)}" if scheme == "rediss" else ""
        return f"{scheme}://:{PASSWORD}@{host}:{self.port}/0{asked}"

    def client(self) -> redis.Redis:
        """Connect as the services do."""
        return redis.Redis.from_url(self.url(), socket_timeout=2)

    def wear(self, certificates: Certificates) -> None:
        """Show, and ask for, certificates of this authority from now on."""
        with self.client() as client:
            client.config_set(*(word for pair in _files(certificates).items() for word in pair))

    def _arguments(self) -> Sequence[str | Path]:
        settings = {
            "port": "0",
            "tls-port": str(self.port),
            "bind": f"{LOOPBACK} {OTHER_NAME}",
            "requirepass": PASSWORD,
            "save": "",
            "dir": str(self.data_dir),
            **_files(self._certificates),
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [_installed("redis-server", "redis-server"), *options]

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _files(certificates: Certificates) -> dict[str, str]:
    return {
        "tls-cert-file": str(certificates.file("server.pem")),
        "tls-key-file": str(certificates.file("server.key")),
        "tls-ca-cert-file": str(certificates.file("ca.pem")),
    }


def _postgres(name: str) -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return _installed(name, "postgresql", *folders)


def _installed(name: str, package: str, *folders: Path) -> Path:
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    assert found, f"{name} is not installed: apt-get install {package} (no service needs to run)"
    return Path(found)
