"""The client's certificates, as their files change."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

import yupana
from support.certificates import Certificates
from support.secure import SecureLedger
from yupana import Command, OpenAccount, OpenAsset, Outcome, Yupana
from yupana.certificates import LOOK_EVERY_S

WAIT_S = 30


def of_files(certificates: Certificates, key: str = "client.key") -> yupana.Certificates:
    ca, chain = certificates.file("ca.pem"), certificates.file("client.pem")
    return yupana.Certificates(ca, chain, certificates.file(key))


async def test_client_when_all_certificates_change_then_it_connects_by_the_new_ones(
    secure: SecureLedger, certificates: Certificates, tmp_path: Path
) -> None:
    old = certificates.credentials("client")
    async with Yupana(secure.address, credentials=of_files(certificates)) as client:
        await client.create_book("tls-before")
        certificates.become(Certificates(tmp_path / "new").make())
        await asyncio.to_thread(secure.stop)
        await asyncio.to_thread(secure.start)
        async with asyncio.timeout(WAIT_S):
            assert (await client.create_book("tls-after", timeout_s=WAIT_S)).id == "tls-after"
    async with Yupana(secure.address, credentials=old) as client:
        with pytest.raises((yupana.Unavailable, yupana.DeadlineExceeded)):
            await client.create_book("tls-old", timeout_s=2)


async def test_client_when_certificates_change_then_calls_under_way_go_on(
    secure: SecureLedger, certificates: Certificates, tmp_path: Path
) -> None:
    async with Yupana(secure.address, credentials=of_files(certificates)) as client:
        await client.create_book("tls-client")
        commands: asyncio.Queue[Command] = asyncio.Queue()
        async with aclosing(client.book("tls-client").execute_stream(_from(commands))) as outcomes:
            assert (await _next(outcomes, commands, OpenAsset("USD", scale=2))).ok
            assert _connections(secure.port) == 1
            certificates.become(Certificates(tmp_path / "new").make())
            await asyncio.sleep(LOOK_EVERY_S)
            assert (await client.get_book("tls-client")).id == "tls-client"
            assert _connections(secure.port) == 2
            assert (await _next(outcomes, commands, OpenAccount("world", asset="USD"))).ok


def _connections(port: int) -> int:
    """Return how many connections of this process lead there."""
    found = psutil.Process().net_connections("tcp")
    return sum(each.status == "ESTABLISHED" and each.raddr[1] == port for each in found)


async def _from(commands: asyncio.Queue[Command]) -> AsyncIterator[Command]:
    while True:
        yield await commands.get()


async def _next(
    outcomes: AsyncIterator[Outcome], commands: asyncio.Queue[Command], command: Command
) -> Outcome:
    commands.put_nowait(command)
    async with asyncio.timeout(WAIT_S):
        return await anext(outcomes)


async def test_client_when_a_file_is_half_written_then_it_goes_on_with_what_it_has(
    secure: SecureLedger, certificates: Certificates, tmp_path: Path
) -> None:
    mine = Certificates(shutil.copytree(certificates.folder, tmp_path / "mine"))
    async with Yupana(secure.address, credentials=of_files(mine)) as client:
        await client.create_book("tls-client")
        whole = mine.file("client.pem").read_bytes()
        mine.file("client.pem").write_bytes(whole[:100])
        await asyncio.sleep(LOOK_EVERY_S)
        assert (await client.get_book("tls-client")).id == "tls-client"
        mine.file("client.pem").unlink()
        await asyncio.sleep(LOOK_EVERY_S)
        assert (await client.get_book("tls-client")).id == "tls-client"


@pytest.mark.parametrize("key", ["server.key", "nothing.key"])
async def test_client_when_files_cannot_be_used_then_it_cannot_be_made(
    certificates: Certificates, key: str
) -> None:
    files = of_files(certificates, key)
    with pytest.raises((ssl.SSLError, FileNotFoundError)):
        Yupana("127.0.0.1:1", credentials=files)


async def test_client_when_its_key_is_encrypted_then_it_does_not_ask_for_a_password(
    certificates: Certificates, tmp_path: Path
) -> None:
    encrypted = tmp_path / "encrypted.key"
    plain = load_pem_private_key(certificates.file("client.key").read_bytes(), None)
    encrypted.write_bytes(
        plain.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")
        )
    )
    files = yupana.Certificates(
        certificates.file("ca.pem"), certificates.file("client.pem"), encrypted
    )
    with pytest.raises(ssl.SSLError):
        Yupana("127.0.0.1:1", credentials=files)
