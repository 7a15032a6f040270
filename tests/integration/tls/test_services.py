"""TLS between a ledger and its callers."""

import asyncio
import os
import ssl
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from support.certificates import Certificates
from support.databases import Database
from support.processes import LedgerProcess
from yupana import DeadlineExceeded, Unavailable, Yupana

TIMEOUT_S = 3.0


async def test_mutual_tls_when_the_caller_is_known_then_served(
    secure: LedgerProcess, certificates: Certificates
) -> None:
    credentials = certificates.credentials("client")
    async with Yupana(secure.address, credentials=credentials) as client:
        assert (await client.create_book("tls")).id == "tls"


@pytest.mark.parametrize("who", ["nobody", "in plain text", "somebody else's"])
async def test_mutual_tls_when_the_caller_is_not_known_then_not_served(
    secure: LedgerProcess, certificates: Certificates, who: str, tmp_path: Path
) -> None:
    credentials = {
        "nobody": lambda: certificates.credentials(None),
        "in plain text": lambda: None,
        "somebody else's": lambda: _stranger(certificates, tmp_path),
    }[who]()
    async with Yupana(secure.address, credentials=credentials, write_timeout_s=TIMEOUT_S) as client:
        with pytest.raises((Unavailable, DeadlineExceeded)):
            await client.create_book("tls-unknown")


def _stranger(certificates: Certificates, folder: Path) -> grpc.ChannelCredentials:
    """Return credentials by another authority, which trust the server's."""
    other = Certificates(folder / "other").make()
    return grpc.ssl_channel_credentials(
        certificates.file("ca.pem").read_bytes(),
        other.file("client.key").read_bytes(),
        other.file("client.pem").read_bytes(),
    )


async def test_certificates_when_replaced_then_shown_without_a_restart(
    secure: LedgerProcess, certificates: Certificates
) -> None:
    before = await _shown(secure, certificates)
    certificates.make()
    async with asyncio.timeout(20):
        while await _shown(secure, certificates) == before:
            await asyncio.sleep(0.1)
    async with Yupana(secure.address, credentials=certificates.credentials("client")) as client:
        assert (await client.create_book("tls-renewed")).id == "tls-renewed"
    assert "certificates_changed" in secure.log()


async def test_certificates_when_half_written_then_the_old_ones_are_shown(
    secure: LedgerProcess, certificates: Certificates
) -> None:
    before = await _shown(secure, certificates)
    whole = certificates.file("server.pem").read_bytes()
    certificates.file("server.pem").write_bytes(whole[:100])
    try:
        assert await _shown(secure, certificates) == before
        assert "certificates_unusable" in secure.log()
    finally:
        certificates.file("server.pem").write_bytes(whole)


async def _shown(ledger: LedgerProcess, certificates: Certificates) -> bytes:
    """Return the certificate that the ledger shows at a handshake."""
    context = ssl.create_default_context(cafile=str(certificates.file("ca.pem")))
    context.load_cert_chain(certificates.file("client.pem"), certificates.file("client.key"))
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("127.0.0.1", ledger.port, ssl=context)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()  # To close it would wait for the other side, beyond the test's end.
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"YUPANA_TLS_CERTIFICATE": "server.pem"}, "tls_certificate and tls_key belong together"),
        ({"YUPANA_TLS_CLIENTS": "known"}, "tls_clients=known needs"),
        (
            {"YUPANA_TLS_CERTIFICATE": "server.pem", "YUPANA_TLS_KEY": "client.key"},
            "the certificates cannot be used",
        ),
        (
            {"YUPANA_TLS_CERTIFICATE": "nothing.pem", "YUPANA_TLS_KEY": "client.key"},
            "the certificates cannot be used",
        ),
    ],
)
def test_start_when_certificates_are_wrong_then_a_line_says_so(
    shared_database: Database, certificates: Certificates, environment: dict[str, str], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "yupana_server.cli.main", "serve", "ledger"],
        env={
            **os.environ,
            "YUPANA_DATABASE_URL": shared_database.ledger_url,
            "YUPANA_LISTEN": "127.0.0.1:0",
            **environment,
        },
        cwd=certificates.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
