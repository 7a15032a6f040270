"""Metrics as a collector receives them by OTLP, and as Prometheus scrapes them."""

import asyncio
import json
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from support.collector import MetricsCollector, attributes_of, kind_of, metrics_collector
from support.databases import Database
from support.feeds import read_entries, subscribers
from support.keyed import HASH_KEY
from support.processes import AccessProcess, FeedProcess, LedgerProcess, WorkerProcess
from support.webhooks import create_endpoint
from yupana import AsOf, CreateTransfer, Unauthenticated, Yupana, YupanaError
from yupana.book import BookClient
from yupana_server.dev.ports import pick_port
from yupana_server.dev.valkey import EmbeddedValkey

LISTED = Path(__file__).parent.parent.parent / "observability" / "metrics.yaml"


def kind_as_listed(metric: Metric) -> str:
    if kind_of(metric) == "sum":
        return "counter" if metric.sum.is_monotonic else "gauge"
    return kind_of(metric)


@pytest.fixture
def collector() -> Iterator[tuple[MetricsCollector, dict[str, str]]]:
    """Collects; with the environment of processes that send to it."""
    with metrics_collector() as (collector, endpoint):
        yield (
            collector,
            {
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": endpoint,
                "OTEL_METRIC_EXPORT_INTERVAL": "200",
            },
        )


@pytest.fixture
async def measured(
    collector: tuple[MetricsCollector, dict[str, str]],
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
    start_feed: Callable[..., FeedProcess],
    start_worker: Callable[..., WorkerProcess],
    start_access: Callable[..., AccessProcess],
    shared_valkey: EmbeddedValkey,
) -> AsyncIterator[tuple[MetricsCollector, BookClient]]:
    """All services, which send their metrics, and a book with some traffic behind it."""
    received, environment = collector
    environment["YUPANA_REDIS_URL"] = shared_valkey.url()
    # A replica of itself, which never lags.
    replicated = {"YUPANA_REPLICA_URL": database.ledger_url, **environment}
    process = start_ledger(database, environment=replicated)
    hooks = {"YUPANA_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8", "YUPANA_WEBHOOK_ALLOW_HTTP": "true"}
    feed = start_feed(database, environment=environment | hooks)
    start_worker(database, environment=environment)
    keys = {"YUPANA_ACCESS_HASH_KEY": HASH_KEY}
    access = start_access(database, environment=environment | keys)
    async with Yupana(access.address, access=[access.address]) as nobody:
        with pytest.raises(Unauthenticated):
            await nobody.keys.get("root")
    async with Yupana(process.address) as yupana, subscribers(feed.address) as subscribe:
        await yupana.create_book("shop")
        await create_endpoint(feed.address, "shop", "nobody", "http://127.0.0.1:1/")
        book = yupana.book("shop")
        subscriber = subscribe("shop", from_beginning=True)
        await subscriber.read()  # From here on it is told what comes as it comes.
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("wallet", asset="USD", min_balance=0)
        await subscriber.seq(3)
        await read_entries(feed.address, "shop")
        subscriber.cancel()
        yield received, book


async def test_metrics_when_services_run_then_they_are_those_that_are_listed(
    measured: tuple[MetricsCollector, BookClient],
) -> None:
    received, book = measured
    listed = yaml.safe_load(LISTED.read_text())
    assert len({each["name"] for each in listed}) == len(listed)
    expected = {
        (f"yupana-{process}", each["name"], each["kind"], each["unit"])
        for each in listed
        for process in each["processes"]
    }

    def sent() -> set[tuple[str, str, str, str]]:
        return {
            (service, name, kind_as_listed(metric), metric.unit)
            for (service, name), metric in received.metrics.items()
        }

    async def sell() -> None:
        while True:  # A view that begins after the last entry would have nothing to fold.
            await book.transfer("world", "wallet", 1)
            await asyncio.sleep(0.1)

    selling = asyncio.create_task(sell())
    try:
        await received.until(lambda: sent() >= expected)
    except TimeoutError:
        assert sent() == expected
    finally:
        selling.cancel()
    assert sent() == expected
    allowed = {each["name"]: set(each.get("attributes", [])) for each in listed}
    for service, name in received.metrics:
        for point in received.points(service, name):
            assert set(attributes_of(point)) <= allowed[name], name


async def test_outcomes_when_commands_are_answered_then_counted_by_what_became_of_them(
    measured: tuple[MetricsCollector, BookClient],
) -> None:
    received, book = measured
    await book.execute([CreateTransfer("world", "wallet", 1, id=f"t{i}") for i in range(10)])
    await book.execute([CreateTransfer("world", "wallet", 1, id="t3")])
    await book.execute([CreateTransfer("world", "wallet", 2, id="t3")])
    await book.execute([CreateTransfer("wallet", "world", 99, id="too-much")])

    def counted() -> dict[tuple[str, str, str], int]:
        found: dict[tuple[str, str, str], int] = {}
        for point in received.points("yupana-ledger", "yupana.outcomes"):
            a = attributes_of(point)
            assert a["yupana.book"] == "shop"
            key = (a.get("yupana.command", ""), a["yupana.outcome"], a.get("yupana.reason", ""))
            found[key] = point.as_int
        return found

    await received.until(lambda: sum(counted().values()) == 16)
    assert counted() == {
        ("open_asset", "done", ""): 1,
        ("open_account", "done", ""): 2,
        ("transfer", "done", ""): 10,
        ("transfer", "replayed", ""): 1,
        ("", "refused", "ID_REUSED"): 1,
        ("transfer", "rejected", "BELOW_MIN_BALANCE"): 1,
    }


async def test_calls_when_some_fail_then_measured_by_method_and_status(
    measured: tuple[MetricsCollector, BookClient],
) -> None:
    received, book = measured
    await book.account("wallet")
    with pytest.raises(YupanaError):
        await book.account("wallet", as_of=AsOf(position="garbage"))

    def counted() -> dict[tuple[str, str], int]:
        points = received.points("yupana-ledger", "rpc.server.call.duration")
        return {
            (a["rpc.method"].rpartition("/")[2], a["rpc.response.status_code"]): point.count
            for point in points
            for a in [attributes_of(point)]
        }

    await received.until(lambda: ("BatchGetAccounts", "INVALID_ARGUMENT") in counted())
    assert counted()["BatchGetAccounts", "OK"] == 1
    assert counted()["BatchGetAccounts", "INVALID_ARGUMENT"] == 1
    assert counted()["Execute", "OK"] == 3


def total(received: MetricsCollector, name: str) -> int:
    return sum(point.as_int for point in received.points("yupana-ledger", name))


async def test_conflicts_when_another_server_was_first_then_counted(
    measured: tuple[MetricsCollector, BookClient],
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
) -> None:
    received, book = measured
    await received.until(lambda: total(received, "yupana.journal.entries") == 3)
    assert received.points("yupana-ledger", "yupana.batch.conflicts")
    assert total(received, "yupana.batch.conflicts") == 0
    async with Yupana(start_ledger(database).address) as other:
        await other.book("shop").transfer("world", "wallet", 1)
    await book.transfer("world", "wallet", 1)
    await received.until(lambda: total(received, "yupana.batch.conflicts") == 1)


async def test_holds_when_they_expire_then_counted_once(
    measured: tuple[MetricsCollector, BookClient],
) -> None:
    received, book = measured
    await book.hold("world", "wallet", 1, expires_after=timedelta(milliseconds=1))
    await book.hold("world", "wallet", 1)
    await book.transfer("world", "wallet", 1)
    await received.until(lambda: total(received, "yupana.journal.entries") == 7)
    assert total(received, "yupana.holds.expired") == 1


async def test_metrics_when_an_address_is_given_then_prometheus_can_scrape_them(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    address = f"127.0.0.1:{pick_port()}"
    process = start_ledger(database, environment={"YUPANA_METRICS_LISTEN": address})

    def scrape() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            text: Any = answer.read()
        return str(text.decode())

    async with Yupana(process.address) as yupana:
        await yupana.create_book("shop")
        await yupana.book("shop").open_asset("USD", scale=2)
    text = await asyncio.to_thread(scrape)
    assert 'yupana_outcomes_total{yupana_book="shop",yupana_command="open_asset"' in text
    assert "rpc_server_call_duration_seconds_bucket" in text
    assert process.stop() == 0


async def test_top_when_a_ledger_works_then_it_shows_what_it_does(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    address = f"127.0.0.1:{pick_port()}"
    process = start_ledger(database, environment={"YUPANA_METRICS_LISTEN": address})
    async with Yupana(process.address) as yupana:
        await yupana.create_book("shop")
        book = yupana.book("shop")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("wallet", asset="USD", min_balance=0)
        top = asyncio.create_task(run_top(address, "--json", "--every", "2"))
        while not top.done():
            await book.execute([CreateTransfer("world", "wallet", 1)])
            await book.execute([CreateTransfer("wallet", "world", 1_000_000)])
            await asyncio.sleep(0.02)
    code, output = await top
    assert code == 0, output
    figures = json.loads(output)
    assert figures["outcomes"]["done"] > 0
    assert figures["reasons"]["BELOW_MIN_BALANCE"] > 0
    assert figures["books"][0]["book"] == "shop"
    assert figures["calls"][0]["method"] == "Execute"
    assert figures["calls"][0]["took"]["p99"] > 0
    assert figures["memory_bytes"] > 10_000_000


async def test_top_when_nobody_answers_then_says_what_to_do() -> None:
    code, output = await run_top(f"127.0.0.1:{pick_port()}", "--once")
    assert code == 1
    assert "YUPANA_METRICS_LISTEN" in output


async def run_top(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "yupana_server.cli.main", "top", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
