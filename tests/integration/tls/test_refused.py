"""Databases that cannot prove who they are, or want more proof: no connection, and a plain word."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.certificates import Certificates
from support.cli import Run, make_run
from support.processes import LedgerProcess
from support.tls_servers import OTHER_NAME, PASSWORD, TlsPostgres, TlsRedis
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.processes import wait_until
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.runtime.config import ConfigError
from yupana_server.runtime.redis import Redis, RedisAwayError

WAIT_S = 30.0

Options = dict[str, str]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Those of an authority that is not trusted."""
    return Certificates(tmp_path_factory.mktemp("other")).make()


@pytest.fixture(scope="module")
def tls_postgres(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsPostgres]:
    with TlsPostgres(tmp_path_factory.mktemp("tls") / "postgres", certificates) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            for role in ("yupana_ledger", "yupana_worker"):
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        yield server


@pytest.fixture(scope="module")
def tls_redis(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsRedis]:
    with TlsRedis(tmp_path_factory.mktemp("tls") / "redis", certificates) as server:
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return make_run("", monkeypatch, capsys)


def _refused(run: Run, url: str) -> str:
    answer = run("migrate", "--database-url", url)
    assert answer.code == 1
    assert PASSWORD not in answer.output + answer.errors
    assert "Traceback" not in answer.errors
    return answer.errors


@pytest.mark.parametrize(
    ("user", "options", "said"),
    [
        ("postgres", {"host": OTHER_NAME}, f'does not match host name "{OTHER_NAME}"'),
        ("postgres", {"sslmode": "disable"}, "no encryption"),
        ("postgres", {"sslrootcert": "/nothing.pem"}, '"/nothing.pem" does not exist'),
        ("yupana_worker", {}, "connection requires a valid client certificate"),
    ],
    ids=["other-name", "plain-text", "no-authority", "no-certificate"],
)
def test_postgres_when_a_proof_is_missing_then_it_is_named(
    run: Run, tls_postgres: TlsPostgres, user: str, options: Options, said: str
) -> None:
    assert said in _refused(run, tls_postgres.url(user, **options))


def test_postgres_when_another_authority_is_trusted_then_it_is_not_talked_to(
    run: Run, tls_postgres: TlsPostgres, other: Certificates
) -> None:
    url = tls_postgres.url("postgres", sslrootcert=str(other.file("ca.pem")))
    assert "certificate verify failed" in _refused(run, url)


def test_postgres_when_it_has_no_tls_then_it_is_not_talked_to(
    run: Run, postgres: EmbeddedPostgres
) -> None:
    said = _refused(run, f"{postgres.url()}?sslmode=verify-full&sslrootcert=system")
    assert "server does not support SSL" in said


@pytest.mark.parametrize("where", ["100%sure@db/yupana", "sure@[::1/yupana"])
def test_postgres_when_the_url_cannot_be_read_then_its_password_is_not_shown(
    run: Run, where: str
) -> None:
    answer = run("migrate", "--database-url", f"postgresql://postgres:{where}")
    assert answer.code == 1
    assert "libpq cannot read this URL" in answer.errors
    assert "sure" not in answer.errors


def test_a_service_when_the_authority_is_another_then_it_says_so_and_does_without_plain_text(
    tls_postgres: TlsPostgres, other: Certificates, tmp_path: Path
) -> None:
    # This role may come without TLS, so nothing but the ledger itself keeps it from doing so.
    url = tls_postgres.url("yupana_ledger", sslrootcert=str(other.file("ca.pem")))
    ledger = LedgerProcess(url, tmp_path / "ledger.log")
    try:
        ledger.start()
        assert wait_until(lambda: "certificate verify failed" in ledger.log(), WAIT_S)
        assert not ledger.serving("yupana.postgres")
        assert "database_refused" in ledger.log()
        assert PASSWORD not in ledger.log()
        with psycopg.connect(tls_postgres.url("postgres")) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'yupana_ledger'"
            ).fetchone()
        assert found == (0,)
    finally:
        ledger.kill()
    with psycopg.connect(tls_postgres.url("yupana_ledger", sslmode="disable")):
        pass  # It could have.


async def _away(url: str, answer_timeout_s: float = 5.0) -> str:
    redis = Redis(url, connections_max=1, answer_timeout_s=answer_timeout_s)
    try:
        with pytest.raises(RedisAwayError) as refused:
            await redis.call("PING")
    finally:
        await redis.close()
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": OTHER_NAME}, f"certificate is not valid for '{OTHER_NAME}'"),
        ({"ssl_certfile": "", "ssl_keyfile": ""}, "certificate required"),
        ({"scheme": "redis"}, "Connection"),
    ],
    ids=["other-name", "no-certificate", "plain-text"],
)
async def test_redis_when_a_proof_is_missing_then_it_is_named(
    tls_redis: TlsRedis, options: Options, said: str
) -> None:
    # By TLS 1.3 what is said of a missing certificate comes after the handshake: the end of the
    # connection, which comes next, may overtake it. Refused it is every time.
    async with asyncio.timeout(WAIT_S):
        while said not in await _away(tls_redis.url(**options)):
            pass


async def test_redis_when_another_authority_is_trusted_then_it_is_not_talked_to(
    tls_redis: TlsRedis, other: Certificates
) -> None:
    said = await _away(tls_redis.url(ssl_ca_certs=str(other.file("ca.pem"))))
    assert "certificate verify failed" in said


async def test_redis_when_it_has_no_tls_then_it_is_not_talked_to(
    tls_redis: TlsRedis, shared_valkey: EmbeddedValkey
) -> None:
    url = tls_redis.url().replace(str(tls_redis.port), str(shared_valkey.port))
    await _away(url, answer_timeout_s=0.5)  # It waits for the end of what it takes for a command.


async def test_databases_when_certificates_have_expired_then_they_are_not_talked_to(
    run: Run,
    tls_postgres: TlsPostgres,
    tls_redis: TlsRedis,
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    servers: list[Any] = [tls_postgres, tls_redis]
    old = Certificates(tmp_path / "old").make_expired(certificates)
    try:
        for server in servers:
            server.wear(old)
        assert wait_until(lambda: not tls_postgres.is_trusted(), WAIT_S)
        assert "certificate verify failed" in _refused(run, tls_postgres.url("postgres"))
        assert "certificate has expired" in await _away(tls_redis.url())
    finally:
        tls_redis.stop()
        tls_redis.start()
        tls_postgres.wear(certificates)
        assert wait_until(tls_postgres.is_trusted, WAIT_S)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ssl_ca_certs": "/nothing.pem"}, "certificates cannot be used"),
        ({"ssl_cert_reqs": "some"}, "Invalid SSL Certificate Requirements Flag: some"),
        ({"ssl_min_version": "old"}, "Invalid value for 'ssl_min_version'"),
        ({"ssl_certs": "x"}, "unexpected keyword argument 'ssl_certs'"),
    ],
)
def test_redis_when_the_url_cannot_be_meant_then_the_process_does_not_start(
    tls_redis: TlsRedis, options: Options, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        Redis(tls_redis.url(**options), connections_max=1)
    assert said in str(refused.value)
    assert PASSWORD not in str(refused.value)
