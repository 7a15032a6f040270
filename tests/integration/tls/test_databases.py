"""All services by TLS with a Postgres and a Redis that ask for certificates, as they change."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from support.certificates import Certificates
from support.processes import FeedProcess, LedgerProcess, WorkerProcess
from support.tls_servers import PASSWORD, TlsPostgres, TlsRedis
from yupana import Yupana
from yupana.book import BookClient
from yupana_server.journal.migrate import migrate

WAIT_S = 30


class Stack(NamedTuple):
    """The services, and what they rest on."""

    certificates: Certificates
    postgres: TlsPostgres
    redis: TlsRedis
    services: dict[str, LedgerProcess]

    def sessions(self) -> dict[str, set[tuple[bool, str | None]]]:
        """Tell of each role whether its sessions are encrypted, and the certificate they show."""
        found: dict[str, set[tuple[bool, str | None]]] = {}
        with psycopg.connect(self.postgres.url("postgres")) as connection:
            for role, *how in connection.execute(
                "SELECT usename, ssl, client_dn FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)"
                " WHERE usename LIKE 'yupana_%'"
            ):
                found.setdefault(role, set()).add((how[0], how[1]))
        return found

    def cut_off(self) -> None:
        """End all connections."""
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename LIKE 'yupana_%'"
            )
        with self.redis.client() as client:
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)


@pytest.fixture(scope="module")
def stack(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with (
        TlsPostgres(folder / "postgres", certificates) as postgres,
        TlsRedis(folder / "redis", certificates) as redis,
    ):
        roles = ("yupana_ledger", "yupana_feed")
        migrate(postgres.url("postgres"), passwords=dict.fromkeys(roles, PASSWORD))
        services = _services(folder, postgres, redis, certificates)
        try:
            for service in services.values():
                service.start()
            yield Stack(certificates, postgres, redis, services)
            assert [service.stop() for service in services.values()] == [0, 0, 0]
        finally:
            for service in services.values():
                service.kill()


def _services(
    folder: Path, postgres: TlsPostgres, redis: TlsRedis, certificates: Certificates
) -> dict[str, LedgerProcess]:
    shown = {
        "sslcert": str(certificates.file("client.pem")),
        "sslkey": str(certificates.file("client.key")),
    }
    urls = {
        LedgerProcess: postgres.url("yupana_ledger"),
        FeedProcess: postgres.url("yupana_feed"),
        WorkerProcess: postgres.url("yupana_worker", **shown),
    }
    environment = {"YUPANA_REDIS_URL": redis.url()}
    return {
        process.service: process(url, folder / f"{process.service}.log", environment=environment)
        for process, url in urls.items()
    }


@pytest.fixture
async def book(stack: Stack) -> AsyncIterator[BookClient]:
    ledger, feed = stack.services["ledger"].address, stack.services["feed"].address
    async with Yupana(ledger, feed=[feed]) as yupana:
        await yupana.create_book("b")
        book = yupana.book("b")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        yield book


async def _trade(stack: Stack, book: BookClient, wallet: str) -> None:
    """Open an account and move money to it; hear of that, and find it in the view."""
    await book.open_account(wallet, asset="USD")
    moved = await book.transfer("world", wallet, 5)
    async with asyncio.timeout(WAIT_S):
        async for event in book.subscribe(from_beginning=True):
            if event.subject == moved.id:
                break
        await _in_view(stack, book, wallet)


async def _in_view(stack: Stack, book: BookClient, wallet: str) -> None:
    with stack.redis.client() as client:
        while not any(client.hexists(key, "f") for key in client.keys(f"*:{wallet}")):
            await book.snapshot([wallet], eventual=True)
            await asyncio.sleep(0.02)
    assert (await book.snapshot([wallet], eventual=True)).accounts[wallet].balance == 5


async def test_services_when_all_is_by_tls_then_they_trade_tell_and_show(
    stack: Stack, book: BookClient
) -> None:
    await _trade(stack, book, "before")
    assert stack.sessions() == {
        "yupana_ledger": {(True, None)},
        "yupana_feed": {(True, None)},
        "yupana_worker": {(True, "/CN=client")},
    }


async def test_services_when_all_certificates_change_then_new_connections_use_the_new_ones(
    stack: Stack, book: BookClient, tmp_path: Path
) -> None:
    new = Certificates(tmp_path / "new").make()
    stack.postgres.wear(new)
    stack.redis.wear(new)
    stack.certificates.become(new)
    stack.cut_off()
    await _trade(stack, book, "after")
    async with asyncio.timeout(WAIT_S):
        while stack.sessions().get("yupana_worker") != {(True, "/CN=client")}:
            await asyncio.sleep(0.1)
