"""What logs and traces tell of who calls: the id of the key, never its token."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from support.databases import Database
from support.keyed import HASH_KEY, root_key
from support.processes import LedgerProcess
from support.spans import SpanCollector, attributes, span_collector
from yupana import CallError, OpenAsset, Yupana

SERVICES = "yupana.ledger.v1"


class Watched(NamedTuple):
    """A ledger that asks for keys, and what it tells."""

    ledger: LedgerProcess
    token: str
    spans: SpanCollector

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of calls."""
        lines = [json.loads(line) for line in self.ledger.log().splitlines()]
        return [line for line in lines if line["event"] == "rpc"]


@pytest.fixture
def watched(database: Database, start_ledger: Callable[..., LedgerProcess]) -> Iterator[Watched]:
    token = root_key(database)
    with span_collector() as (spans, endpoint):
        environment = {
            "YUPANA_ACCESS": "keys",
            "YUPANA_ACCESS_HASH_KEY": HASH_KEY,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
            "OTEL_TRACES_SAMPLER": "always_on",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        yield Watched(start_ledger(database, environment=environment), token, spans)


async def test_calls_when_keys_are_asked_for_then_lines_and_spans_name_the_key(
    watched: Watched,
) -> None:
    async with Yupana(watched.ledger.address, key=watched.token) as yupana:
        await yupana.create_book("shop")
        async for _ in yupana.book("shop").execute_stream([OpenAsset("USD", scale=2)]):
            pass
    with pytest.raises(CallError):
        async with Yupana(watched.ledger.address, key="yupana_root_guessed") as yupana:
            await yupana.get_book("shop")
    created = f"{SERVICES}.BookService/CreateBook"
    refused = f"{SERVICES}.BookService/GetBook"
    request = f"{SERVICES}.LedgerService/ExecuteStream request"
    await watched.spans.until(
        lambda: all(watched.spans.named(name) for name in (created, refused, request))
    )
    for name, key in ((created, "root"), (request, "root"), (refused, None)):
        [span] = watched.spans.named(name)
        assert attributes(span).get("enduser.id") == key, name
    assert watched.ledger.stop() == 0
    keys = {line["method"]: line.get("key") for line in watched.lines()}
    assert keys[created] == keys[request.removesuffix(" request")] == "root"
    assert keys[refused] is None
    secret = watched.token.split("_", 2)[2]
    assert secret not in watched.ledger.log()
    assert secret not in repr(watched.spans.spans)
