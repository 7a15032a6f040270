"""Services that are known by the certificates of their connections."""

from pathlib import Path

import pytest

from support.certificates import Certificates
from support.databases import Database
from support.keyed import FRESH_S, HASH_KEY, Keyed
from support.secure import SecureLedger
from yupana import PermissionDenied, Unauthenticated, Yupana


async def test_service_when_its_certificate_names_a_key_then_it_may_what_that_allows(
    keyed: Keyed, keyed_database: Database, shop: str, tmp_path: Path
) -> None:
    certificates = Certificates(tmp_path / "certificates").make()
    keys = {
        "YUPANA_ACCESS": "keys",
        "YUPANA_ACCESS_HASH_KEY": HASH_KEY,
        "YUPANA_ACCESS_FRESH_S": FRESH_S,
    }
    ledger = SecureLedger(keyed_database.ledger_url, tmp_path / "log", certificates, keys)
    client, server = (certificates.credentials(name) for name in ("client", "server"))
    try:
        ledger.start()
        async with Yupana(ledger.address, credentials=client) as nobody:
            with pytest.raises(Unauthenticated):
                await nobody.get_book(shop)
        keyed.new_key((shop, "", ["read"]), certificate_name="client")
        async with Yupana(ledger.address, credentials=client) as service:
            assert await _until_known(service, shop) == shop
            with pytest.raises(PermissionDenied):
                await service.create_book("other")
        # The edge's certificate is good for the connection, and says nothing of who calls.
        async with Yupana(ledger.address, credentials=server) as edge:
            with pytest.raises(Unauthenticated):
                await edge.get_book(shop)
        # A token counts, whatever certificate comes with it.
        async with Yupana(ledger.address, credentials=client, key="yupana_no_token") as wrong:
            with pytest.raises(Unauthenticated):
                await wrong.get_book(shop)
        async with Yupana(ledger.address, credentials=server, key=keyed.root) as root:
            assert (await root.get_book(shop)).id == shop
        assert ledger.stop() == 0, ledger.log()
    finally:
        ledger.kill()


async def _until_known(service: Yupana, book: str) -> str:
    """Read a book; a key that was made just now is known a moment later."""
    for _ in range(100):
        try:
            return (await service.get_book(book)).id
        except Unauthenticated:
            continue
    return ""
