"""`make audit`, asking a server that answers as OSV does."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from yupana_server.dev.ports import pick_port

ROOT = Path(__file__).parents[2]
PIP_AUDIT = Path(sys.executable).with_name("pip-audit")

Audit = Callable[..., subprocess.CompletedProcess[str]]


class Osv(BaseHTTPRequestHandler):
    """Knows of one vulnerability, in all versions of what `vulnerable` names."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vulnerable = ""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = asked["package"]
        found = {
            "id": "PYSEC-2026-1",
            "summary": "Everybody may read everything.",
            "affected": [{"package": package, "versions": [asked["version"]]}],
        }
        is_found = package["name"] == self.vulnerable
        body = json.dumps({"vulns": [found]} if is_found else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def ask() -> Iterator[Audit]:
    """Runs the audit against an OSV that knows what is vulnerable."""
    servers: list[ThreadingHTTPServer] = []

    def ask(vulnerable: str) -> subprocess.CompletedProcess[str]:
        handler = type("Handler", (Osv,), {"vulnerable": vulnerable})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return audit(f"http://127.0.0.1:{server.server_port}/v1/query")

    yield ask
    for server in servers:
        server.shutdown()
        server.server_close()


def audit(url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "services" / "audit.sh", PIP_AUDIT],
        env={**os.environ, "OSV_URL": url, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_audit_when_nothing_is_known_then_it_says_so(ask: Audit) -> None:
    done = ask("")
    assert (done.returncode, done.stdout) == (0, "no known vulnerabilities in what is locked\n")


def test_audit_when_something_is_known_then_it_fails_and_names_it(ask: Audit) -> None:
    done = ask("grpcio")
    assert done.returncode == 1
    assert "grpcio" in done.stdout
    assert "PYSEC-2026-1" in done.stdout
    assert "psycopg" not in done.stdout
    assert "NOT AUDITED" not in done.stdout


@pytest.mark.parametrize(("strict", "code"), [("", 0), ("1", 1)])
def test_audit_when_nobody_is_there_then_it_says_so_and_fails_if_told_to(
    strict: str, code: int
) -> None:
    done = audit(f"http://127.0.0.1:{pick_port()}/v1/query", STRICT=strict)
    assert done.returncode == code
    assert done.stdout.startswith("NOT AUDITED: ")
    assert "no known vulnerabilities" not in done.stdout


def test_audit_when_nobody_answers_then_it_does_not_wait_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = audit(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/query", STRICT="1")
    assert done.returncode == 1
    assert "Read timed out" in done.stdout
