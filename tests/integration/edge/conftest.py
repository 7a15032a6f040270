"""A real Envoy in front of the shared ledger."""

import itertools
from collections.abc import Iterator

import pytest

from support.processes import FeedProcess, LedgerProcess
from support.rest import Rest
from yupana_server.dev.envoy import EmbeddedEnvoy

_books = itertools.count(1)


@pytest.fixture(scope="session")
def edge(
    ledger: LedgerProcess, feed: FeedProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedEnvoy]:
    """An edge for tests that keep to a book of their own."""
    behind = {"ledger": ledger.address, "feed": feed.address}
    with EmbeddedEnvoy(tmp_path_factory.mktemp("edge") / "edge", behind) as one:
        yield one


@pytest.fixture(scope="session")
def rest(edge: EmbeddedEnvoy) -> Rest:
    """Calls the edge."""
    return Rest(edge.address)


@pytest.fixture
def shop(rest: Rest) -> str:
    """The path of a book with USD, `world`, and a wallet of 100 with a floor."""
    book = f"rest-{next(_books)}"
    path = f"/v1/books/{book}"
    wallet = {"account": "users:1:wallet", "asset": "USD", "minBalance": "0"}
    first = {"debitAccount": "world", "creditAccount": "users:1:wallet", "amount": "100"}
    for to, body in (
        ("/v1/books", {"book": book}),
        (f"{path}/assets", {"id": "a", "asset": {"asset": "USD", "scale": 2}}),
        (f"{path}/accounts", {"id": "b", "account": {"account": "world", "asset": "USD"}}),
        (f"{path}/accounts", {"id": "c", "account": wallet}),
        (f"{path}/transfers", {"id": "first", "transfer": first}),
    ):
        answer = rest.post(to, body)
        assert answer.status == 200, answer.body
    return path
