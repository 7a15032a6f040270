"""Certificates, and a ledger that wants to know who calls."""

from collections.abc import Iterator

import pytest

from support.certificates import Certificates
from support.databases import Database
from support.secure import SecureLedger


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates")).make()


@pytest.fixture(scope="module")
def secure(
    shared_database: Database, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureLedger]:
    """A ledger that wants to know who calls."""
    process = SecureLedger(
        shared_database.ledger_url, tmp_path_factory.mktemp("secure") / "ledger.log", certificates
    )
    try:
        yield process.start()
        assert process.stop() == 0, process.log()
    finally:
        process.kill()
