"""A stack that asks for keys."""

import itertools
from collections.abc import Iterator

import pytest

from support.databases import make_database
from support.keyed import Keyed, keyed_stack
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.valkey import EmbeddedValkey

_books = itertools.count(1)


@pytest.fixture(scope="session")
def keyed(
    postgres: EmbeddedPostgres,
    shared_valkey: EmbeddedValkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Keyed]:
    """A stack for tests that keep to books and keys of their own."""
    folder = tmp_path_factory.mktemp("keyed")
    with keyed_stack(make_database(postgres), folder, shared_valkey.url()) as stack:
        yield stack


@pytest.fixture
def shop(keyed: Keyed) -> str:
    """A book with USD, `world`, and a wallet of 100 with a floor; and `shop-…` for another."""
    return make_shop(keyed, f"keyed-{next(_books)}")


def make_shop(keyed: Keyed, book: str) -> str:
    """Make a book with USD, `world`, and two wallets of 100 with a floor."""
    rest, path = keyed.rest(), f"/v1/books/{book}"
    wallets = [
        {"account": account, "asset": "USD", "minBalance": "0"}
        for account in ("users:1:wallet", "users:2:wallet")
    ]
    bodies = [
        ("/v1/books", {"book": book}),
        (f"{path}/assets", {"id": "a", "asset": {"asset": "USD", "scale": 2}}),
        (f"{path}/accounts", {"id": "b", "account": {"account": "world", "asset": "USD"}}),
        *((f"{path}/accounts", {"id": w["account"], "account": w}) for w in wallets),
        *(
            (
                f"{path}/transfers",
                {
                    "id": f"to:{w['account']}",
                    "transfer": {
                        "debitAccount": "world",
                        "creditAccount": w["account"],
                        "amount": "100",
                    },
                },
            )
            for w in wallets
        ),
    ]
    for to, body in bodies:
        answer = rest.post(to, body)
        assert answer.status == 200, answer.body
    return book
