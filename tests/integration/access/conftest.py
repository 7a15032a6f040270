"""A stack that asks for keys."""

import itertools
from collections.abc import Iterator

import pytest

from support.databases import Database, make_database
from support.keyed import Keyed, keyed_stack, make_shop
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.valkey import EmbeddedValkey

_books = itertools.count(1)


@pytest.fixture(scope="session")
def keyed_database(postgres: EmbeddedPostgres) -> Database:
    """The stack's database."""
    return make_database(postgres)


@pytest.fixture(scope="session")
def keyed(
    keyed_database: Database,
    shared_valkey: EmbeddedValkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Keyed]:
    """A stack for tests that keep to books and keys of their own."""
    folder = tmp_path_factory.mktemp("keyed")
    with keyed_stack(keyed_database, folder, shared_valkey.url()) as stack:
        yield stack


@pytest.fixture
def shop(keyed: Keyed) -> str:
    """A book with USD, `world`, and a wallet of 100 with a floor; and `shop-…` for another."""
    return make_shop(keyed, f"keyed-{next(_books)}")
