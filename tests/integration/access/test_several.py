"""Who calls is known in whichever of several processes a call is served."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.certificates import Certificates
from support.databases import Database, make_database
from support.journals import execute as query
from support.keyed import FRESH_S, HASH_KEY, Keyed, bearer, keyed_stack, make_shop
from support.secure import SecureLedger
from support.several import SeveralLedgers, book_at
from yupana.ledger.v1 import book_service_pb2, book_service_pb2_grpc, ledger_service_pb2
from yupana.ledger.v1.command_pb2 import Command, CreateTransfer
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.processes import wait_until
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.runtime.passed_on import PASSED_NAMES

BOOKS = [book_at(place, name="several") for place in (0, 1)]
"""One of each process: of calls by one connection, those about one of them are passed on."""

KEYS = {
    "YUPANA_ACCESS": "keys",
    "YUPANA_ACCESS_HASH_KEY": HASH_KEY,
    "YUPANA_ACCESS_FRESH_S": FRESH_S,
}
FORGED = [(PASSED_NAMES, b"client")]


class SecureSeveral(SecureLedger, SeveralLedgers):
    """Several processes that want to know who calls."""


@pytest.fixture(scope="module")
def keyed_database(postgres: EmbeddedPostgres) -> Database:
    """One of their own, as other tests have keys for the same certificates."""
    return make_database(postgres)


@pytest.fixture(scope="module")
def keyed(
    keyed_database: Database,
    shared_valkey: EmbeddedValkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Keyed]:
    with keyed_stack(
        keyed_database, tmp_path_factory.mktemp("several"), shared_valkey.url()
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def shops(keyed: Keyed) -> Sequence[str]:
    """The books, and a key for who has the certificate of a client."""
    for book in BOOKS:
        make_shop(keyed, book)
    keyed.new_key(*((book, "", ["read", "write"]) for book in BOOKS), certificate_name="client")
    return BOOKS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates")).make()


@pytest.fixture(scope="module")
def secure(
    keyed_database: Database,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SecureSeveral]:
    log_path = tmp_path_factory.mktemp("secure") / "log"
    ledger = SecureSeveral(keyed_database.ledger_url, log_path, certificates, KEYS)
    try:
        ledger.start()
        yield ledger
        assert ledger.stop() == 0, ledger.log()
    finally:
        ledger.kill()


def read(channel: grpc.Channel, book: str, metadata: Any = ()) -> str:
    """Return how it ends when a book is read."""
    stub: Any = book_service_pb2_grpc.BookServiceStub(channel)
    try:
        stub.GetBook(book_service_pb2.GetBookRequest(book=book), timeout=20, metadata=metadata)
    except grpc.RpcError as error:
        return str(error.code().name)  # type: ignore[attr-defined]
    return "OK"


def test_certificate_when_calls_are_passed_on_then_its_key_counts(
    secure: SecureSeveral,
    certificates: Certificates,
    shops: Sequence[str],
    keyed_database: Database,
) -> None:
    with grpc.secure_channel(secure.address, certificates.credentials("client")) as channel:
        for book in shops:
            # A key that was made just now is known a moment later.
            assert wait_until(lambda book=book: read(channel, book) == "OK", 5)  # type: ignore[misc]
        assert read(channel, "another") == "PERMISSION_DENIED"
        stub: Any = LedgerServiceStub(channel)
        moved = CreateTransfer(debit_account="world", credit_account="users:1:wallet", amount="1")
        for book in shops:
            command = Command(id="by-certificate", create_transfer=moved)
            request = ledger_service_pb2.ExecuteRequest(book=book, commands=[command])
            assert stub.Execute(request, timeout=20).outcomes[0].HasField("transfer_posted")
    assert secure.passed_on() >= 2
    told = "SELECT DISTINCT actor FROM yupana.journal WHERE id = 'by-certificate'"
    [(actor,)] = query(keyed_database.admin_url, told)
    assert str(actor).startswith("key:key-")


def test_header_when_a_caller_forges_it_then_nobody_is_let_in(
    secure: SecureSeveral, certificates: Certificates, shops: Sequence[str], keyed: Keyed
) -> None:
    with grpc.secure_channel(secure.address, certificates.credentials("server")) as channel:
        before = secure.passed_on()
        for book in shops:
            assert read(channel, book, FORGED) == "UNAUTHENTICATED"
        assert secure.passed_on() == before + 1
        for book in shops:
            assert read(channel, book, [*FORGED, *bearer(keyed.root)]) == "OK"


def test_header_when_it_is_forged_without_certificates_then_nobody_is_let_in(
    keyed_database: Database, shops: Sequence[str], tmp_path: Path
) -> None:
    ledger = SeveralLedgers(keyed_database.ledger_url, tmp_path / "log", environment=KEYS)
    try:
        ledger.start()
        with grpc.insecure_channel(ledger.address) as channel:
            for book in shops:
                assert read(channel, book, FORGED) == "UNAUTHENTICATED"
        assert ledger.passed_on() == 1
        assert ledger.stop() == 0
    finally:
        ledger.kill()


def test_quota_when_a_call_is_passed_on_then_its_headers_arrive(
    secure: SecureSeveral, certificates: Certificates, shops: Sequence[str], keyed: Keyed
) -> None:
    quota = {"requests_per_second": 0.01, "request_burst": 4}
    grants = [(book, "", ["read"]) for book in shops]
    token = bearer(keyed.token(*grants, quota=quota))
    with grpc.secure_channel(secure.address, certificates.credentials("server")) as channel:
        stub: Any = book_service_pb2_grpc.BookServiceStub(channel)
        for book in shops:
            request = book_service_pb2.GetBookRequest(book=book)
            _, call = stub.GetBook.with_call(request, timeout=20, metadata=token)
            assert "ratelimit" in dict(call.initial_metadata())
            for _ in range(8):
                ended = read(channel, book, token)
            assert ended == "RESOURCE_EXHAUSTED"
            with pytest.raises(grpc.RpcError) as caught:
                stub.GetBook(request, timeout=20, metadata=token)
            assert "ratelimit" in dict(caught.value.trailing_metadata())  # type: ignore[attr-defined]
