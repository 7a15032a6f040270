"""A stack whose services ask for keys, and callers of it."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from support.databases import Database
from support.processes import AccessProcess, FeedProcess, LedgerProcess
from support.rest import Answer, Rest
from yupana.access.v1 import access_service_pb2, access_service_pb2_grpc, key_pb2, scope_pb2
from yupana_server.access.bootstrap import bootstrap
from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.journal.reads import JournalReader

HASH_KEY = "0123456789abcdef0123456789abcdef"
FRESH_S = "0.1"
"""How long the services remember what keys may do: less than in production, so that tests wait
less."""

_ids = itertools.count(1)


@dataclass(frozen=True)
class Keyed:
    """Ledger, feed and access, which all ask for keys, and an edge in front of them."""

    ledger: LedgerProcess
    feed: FeedProcess
    access: AccessProcess
    edge: EmbeddedEnvoy
    root: str
    """The token of a key that may do everything."""

    def rest(self, token: str | None = None) -> "KeyedRest":
        """Return a caller of the edge; without a token that of the root."""
        return KeyedRest(self.edge.address, self.root if token is None else token)

    def new_key(
        self,
        *grants: tuple[str, str, Sequence[str]],
        quota: Mapping[str, float] = {},
        **settings: Any,
    ) -> key_pb2.Key:
        """Make a key of grants (book, prefix, actions)."""
        key = key_pb2.Key(id=f"key-{next(_ids)}", quota=key_pb2.Quota(**quota), **settings)
        for book, prefix, actions in grants:
            numbers = [scope_pb2.Action.Value(f"ACTION_{each.upper()}") for each in actions]
            key.grants.add(book=book, account_prefix=prefix, actions=numbers)
        return self.manage("CreateKey", access_service_pb2.CreateKeyRequest(key=key))

    def token(self, *grants: tuple[str, str, Sequence[str]], **settings: Any) -> str:
        """Make a key and return its token."""
        return self.new_key(*grants, **settings).tokens[0].token

    def manage(self, method: str, request: Any, token: str | None = None) -> Any:
        """Call a method of AccessService; without a token by that of the root."""
        with grpc.insecure_channel(self.access.address) as channel:
            stub: Any = access_service_pb2_grpc.AccessServiceStub(channel)
            sent = bearer(self.root if token is None else token)
            return getattr(stub, method)(request, timeout=20, metadata=sent)


@dataclass(frozen=True)
class KeyedRest(Rest):
    """Calls the edge with a token; empty for none."""

    token: str = ""

    def call(
        self, verb: str, path: str, body: Any = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send a request with the token."""
        return super().call(verb, path, body, {**dict(bearer(self.token)), **headers})


def bearer(token: str) -> list[tuple[str, str]]:
    """Return what carries a token; nothing for an empty one."""
    return [("authorization", f"Bearer {token}")] if token else []


def root_key(database: Database) -> str:
    """Make a key that may do everything; return its token."""

    async def make() -> str:
        reader = JournalReader(database.access_url, connections_max=1)
        await reader.open(wait_s=10)
        try:
            token = await bootstrap(reader, HASH_KEY.encode(), "root")
        finally:
            await reader.close()
        assert token is not None
        return token

    return asyncio.run(make())


@contextmanager
def keyed_stack(database: Database, folder: Path, redis_url: str) -> Iterator[Keyed]:
    """Run ledger, feed, access and edge on a database."""
    environment = {
        "YUPANA_ACCESS": "keys",
        "YUPANA_ACCESS_HASH_KEY": HASH_KEY,
        "YUPANA_ACCESS_FRESH_S": FRESH_S,
        "YUPANA_REDIS_URL": redis_url,
    }
    root = root_key(database)
    with ExitStack() as started:
        processes = [
            LedgerProcess(database.ledger_url, folder / "ledger.log", environment=environment),
            FeedProcess(database.feed_url, folder / "feed.log", environment=environment),
            AccessProcess(database.access_url, folder / "access.log", environment=environment),
        ]
        for each in processes:
            started.callback(each.kill)
        with ThreadPoolExecutor() as pool:  # Each takes a second or two to start.
            list(pool.map(lambda each: each.start(), processes))
        ledger, feed, access = processes
        behind = {"ledger": ledger.address, "feed": feed.address, "access": access.address}
        edge = started.enter_context(EmbeddedEnvoy(folder / "edge", behind))
        yield Keyed(ledger, feed, access, edge, root)
        for each in processes:
            assert each.stop() == 0, each.log()


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
