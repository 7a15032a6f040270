"""Traces as a collector receives them by OTLP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc.aio
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from support.databases import Database
from support.journals import execute
from support.processes import LedgerProcess
from support.spans import SpanCollector, attributes, span_collector
from support.writers import locked
from yupana import CallError, CreateTransfer, OpenAccount, Yupana
from yupana.book import BookClient
from yupana.ledger.v1 import command_pb2, ledger_service_pb2, ledger_service_pb2_grpc
from yupana_server.journal.append import TAIL_ENTRIES_MAX, WAITED_S
from yupana_server.journal.brief import ENTRIES_MAX

EXECUTE = "yupana.ledger.v1.LedgerService/Execute"
SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_SAMPLED = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@pytest.fixture
def collector() -> Iterator[tuple[SpanCollector, dict[str, str]]]:
    """Collects; with the environment of processes that send it everything."""
    with span_collector() as (collector, endpoint):
        yield (
            collector,
            {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "OTEL_TRACES_SAMPLER": "parentbased_always_on",
            },
        )


@pytest.fixture
async def traced(
    collector: tuple[SpanCollector, dict[str, str]],
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
) -> AsyncIterator[BookClient]:
    process = start_ledger(database, environment=collector[1])
    async with Yupana(process.address) as yupana:
        await yupana.create_book("b")
        book = yupana.book("b")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("users:1", asset="USD", min_balance=0)
        yield book
    assert process.stop() == 0
    assert '"level": "error"' not in process.log()
    assert "Traceback" not in process.log()


MANY = [f"many-{number}" for number in range(ENTRIES_MAX + 1)]
"""More than a brief append takes."""


def transfers(*ids: str, amount: int = 1) -> list[CreateTransfer]:
    return [CreateTransfer("world", "users:1", amount, id=id_) for id_ in ids]


def links(spans: list[Span]) -> set[tuple[bytes, bytes]]:
    """Return which spans are linked to which."""
    return {(span.span_id, link.span_id) for span in spans for link in span.links}


async def test_traces_when_requests_share_a_batch_then_linked_both_ways(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient
) -> None:
    spans = collector[0]
    await asyncio.gather(*(traced.execute(transfers(f"t{i}")) for i in range(20)))
    await spans.until(
        lambda: len(spans.named(EXECUTE)) >= 23 and len(links(spans.named("batch"))) >= 23
    )
    there, back = links(spans.named("batch")), links(spans.named(EXECUTE))
    assert {(request, batch) for batch, request in there} == back
    assert {request for _, request in there} == {span.span_id for span in spans.named(EXECUTE)}
    assert len(spans.named("batch")) < 23
    assert all(not batch.parent_span_id for batch in spans.named("batch"))


async def test_traces_when_a_request_waited_then_that_is_a_span_below_it(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient
) -> None:
    spans = collector[0]
    await traced.execute(transfers("t"))
    await spans.until(lambda: len(spans.named(EXECUTE)) >= 4 and len(spans.named("queue")) >= 4)
    requests = {span.span_id: span for span in spans.named(EXECUTE)}
    assert {queue.parent_span_id for queue in spans.named("queue")} == set(requests)
    for queue in spans.named("queue"):
        request = requests[queue.parent_span_id]
        assert request.trace_id == queue.trace_id
        assert request.end_time_unix_nano >= queue.end_time_unix_nano
        assert queue.end_time_unix_nano >= queue.start_time_unix_nano


async def test_traces_when_a_batch_is_recorded_then_its_sql_is_below_it(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient
) -> None:
    spans = collector[0]
    await traced.execute(transfers(*MANY))
    await spans.until(lambda: len(spans.named("batch")) >= 4)
    batches = {span.span_id for span in spans.named("batch")}
    # The first one on a new connection and the one of many entries, and those of one each.
    copies, inserts = spans.named("COPY yupana.journal"), spans.named("INSERT yupana.journal")
    assert (len(copies), len(inserts)) == (2, 2)
    assert batches == {span.parent_span_id for span in [*copies, *inserts]}
    for span in (copies[0], inserts[0]):
        assert attributes(span)["db.system.name"] == "postgresql"
        assert span.kind == Span.SPAN_KIND_CLIENT


async def test_traces_when_a_batch_waited_for_its_book_then_that_is_a_span_below_it(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    async with locked(database):
        waiting = asyncio.create_task(traced.execute(transfers(*MANY)))
        await asyncio.sleep(0.1)
    await waiting
    await spans.until(lambda: len(spans.named("batch")) >= 4)
    selects = spans.named("SELECT yupana.journal")
    took_ns = [span.end_time_unix_nano - span.start_time_unix_nano for span in selects]
    assert max(took_ns) > 50_000_000
    assert min(took_ns) >= WAITED_S * 1e9  # None of a look at the journal that did not wait.
    assert {s.parent_span_id for s in selects} <= {s.span_id for s in spans.named("batch")}


async def test_traces_when_commands_were_answered_then_spans_say_what_became_of_them(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient
) -> None:
    spans = collector[0]
    await traced.execute([*transfers("t1", "t2"), CreateTransfer("users:1", "world", 9, id="t3")])
    await traced.execute(transfers("t1", "t2"))

    def found(name: str, outcome: str) -> list[dict[str, Any]]:
        all_ = [attributes(span) for span in spans.named(name)]
        return [each for each in all_ if each.get("yupana.replays" if outcome else "") == 2]

    await spans.until(lambda: found(EXECUTE, "replayed") and found("batch", "replayed"))
    mixed = next(a for s in spans.named(EXECUTE) if (a := attributes(s))["yupana.rejections"])
    assert mixed["rpc.system.name"] == "grpc"
    assert mixed["rpc.method"] == EXECUTE
    assert mixed["rpc.response.status_code"] == "OK"
    assert mixed["network.peer.address"] == "127.0.0.1"
    assert mixed["yupana.book"] == "b"
    assert (mixed["yupana.commands"], mixed["yupana.outcome"]) == (3, "mixed")
    assert (mixed["yupana.rejections"], mixed["yupana.replays"]) == (1, 0)
    assert mixed["yupana.reason"] == "BELOW_MIN_BALANCE"
    assert found(EXECUTE, "replayed")[0]["yupana.outcome"] == "replayed"
    replayed = found("batch", "replayed")[0]
    assert (replayed["yupana.batch.entries"], replayed["yupana.batch.requests"]) == (0, 1)
    recorded = next(a for s in spans.named("batch") if (a := attributes(s))["yupana.rejections"])
    assert (recorded["yupana.book"], recorded["yupana.batch.entries"]) == ("b", 3)
    assert recorded["yupana.batch.result"] == "recorded"
    assert recorded["yupana.reason"] == "BELOW_MIN_BALANCE"


async def test_errors_when_the_caller_is_at_fault_then_no_error_of_the_servers_span(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient
) -> None:
    spans = collector[0]
    with pytest.raises(CallError):
        await traced.execute([CreateTransfer("world", "no id", 1, id="t")])

    def refused() -> list[Span]:
        code = "INVALID_ARGUMENT"
        named = spans.named(EXECUTE)
        return [s for s in named if attributes(s)["rpc.response.status_code"] == code]

    await spans.until(refused)
    (span,) = refused()
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert attributes(span)["yupana.reason"] == "MALFORMED_REQUEST"
    assert "error.type" not in attributes(span)


async def test_errors_when_the_server_is_at_fault_then_recorded_without_what_was_asked(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    async with locked(database):
        with pytest.raises(CallError):
            await traced.execute(transfers("secret-id"), timeout_s=2)

    def failed(name: str) -> list[Span]:
        return [s for s in spans.named(name) if s.status.code == Status.STATUS_CODE_ERROR]

    await spans.until(lambda: failed(EXECUTE) and failed("batch"))
    (call,) = failed(EXECUTE)
    assert attributes(call)["error.type"] == "DEADLINE_EXCEEDED"
    assert call.status.message == "DEADLINE_EXCEEDED"
    assert attributes(failed("batch")[0])["error.type"] == "StuckError"
    assert attributes(failed("batch")[0])["yupana.batch.result"] == "failed"
    (insert, *_) = failed("INSERT yupana.journal")
    assert attributes(insert)["db.response.status_code"] == "55P03"
    assert not any("secret-id" in str(span) for span in spans.spans)


async def test_conflicts_when_another_server_was_first_then_the_batch_says_so_and_is_no_error(
    collector: tuple[SpanCollector, dict[str, str]],
    traced: BookClient,
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
) -> None:
    spans = collector[0]
    async with Yupana(start_ledger(database).address) as other:
        # More than the first server reads in one message.
        for part in range(TAIL_ENTRIES_MAX // 3_000 + 1):
            ids = [f"o{part}-{i}" for i in range(3_000)]
            await other.book("b").execute(transfers(*ids), timeout_s=60)
    await traced.execute(transfers("t"), timeout_s=60)

    def tries() -> list[tuple[str, int]]:
        all_ = [attributes(span) for span in spans.named("batch")]
        return [(a["yupana.batch.result"], a["yupana.batch.conflicts"]) for a in all_]

    await spans.until(lambda: ("recorded", 1) in tries())
    assert ("conflict", 0) in tries()
    assert all(s.status.code == Status.STATUS_CODE_UNSET for s in spans.named("batch"))


@pytest.mark.parametrize(("parent", "recorded"), [(SAMPLED, True), (NOT_SAMPLED, False)])
async def test_sampling_when_the_caller_has_decided_then_that_holds_for_call_and_batch(
    collector: tuple[SpanCollector, dict[str, str]],
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
    parent: str,
    recorded: bool,
) -> None:
    spans, environment = collector
    ratio = {"OTEL_TRACES_SAMPLER": "", "OTEL_TRACES_SAMPLER_ARG": "0" if recorded else "1"}
    process = start_ledger(database, environment=environment | ratio)
    async with grpc.aio.insecure_channel(process.address) as channel, Yupana(process.address) as y:
        await y.create_book("b")
        stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        usd = command_pb2.Command(id="usd", open_asset={"asset": "USD"})
        request = ledger_service_pb2.ExecuteRequest(book="b", commands=[usd])
        await stub.Execute(request, timeout=30, metadata=[("traceparent", parent)])
    assert process.stop() == 0  # Which sends what is left.
    names = {span.name for span in spans.spans}
    assert names.issuperset({EXECUTE, "batch", "COPY yupana.journal"}) == recorded
    if recorded:
        (call,) = spans.named(EXECUTE)
        assert call.trace_id.hex() == parent.split("-")[1]
        assert call.parent_span_id.hex() == parent.split("-")[2]
    rows = execute(database.ledger_url, "SELECT trace_id FROM yupana.journal WHERE id = 'usd'")
    assert bytes(rows[0][0]).hex() == parent.split("-")[1]  # type: ignore[call-overload]


async def test_sampling_when_a_call_without_a_trace_is_left_out_then_its_entry_names_none(
    collector: tuple[SpanCollector, dict[str, str]],
    database: Database,
    start_ledger: Callable[..., LedgerProcess],
) -> None:
    spans, environment = collector
    ratio = {"OTEL_TRACES_SAMPLER": "", "OTEL_TRACES_SAMPLER_ARG": "0"}
    process = start_ledger(database, environment=environment | ratio)
    async with Yupana(process.address) as yupana:
        await yupana.create_book("b")
        await yupana.book("b").open_asset("USD", scale=2)
        opening = [OpenAccount("a", "USD"), OpenAccount("b", "USD")]
        assert [done.ok async for done in yupana.book("b").execute_stream(opening)] == [True, True]
    assert process.stop() == 0
    assert spans.spans == []
    assert execute(database.ledger_url, "SELECT DISTINCT trace_id FROM yupana.journal") == [(None,)]


async def test_traces_when_recorded_then_the_entry_carries_the_trace_id(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    await traced.execute(transfers("t"))
    rows = execute(database.ledger_url, "SELECT trace_id FROM yupana.journal WHERE id = 't'")
    await spans.until(lambda: len(spans.named(EXECUTE)) >= 4)
    assert rows[0][0] in {span.trace_id for span in spans.named(EXECUTE)}


async def test_traces_when_health_is_watched_then_no_span_and_no_error(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient
) -> None:
    spans = collector[0]
    await traced.execute(transfers("t"))
    await spans.until(lambda: len(spans.named("batch")) >= 4)
    assert not [span for span in spans.spans if "Health" in span.name]


async def test_traces_when_requests_come_in_a_stream_then_each_is_a_span_of_its_own(
    collector: tuple[SpanCollector, dict[str, str]], traced: BookClient, database: Database
) -> None:
    spans = collector[0]
    commands = transfers(*(f"t{number}" for number in range(2_500)))
    assert len([outcome async for outcome in traced.execute_stream(commands)]) == 2_500
    name = "yupana.ledger.v1.LedgerService/ExecuteStream request"
    await spans.until(lambda: len(spans.named(name)) >= 3 and len(links(spans.named("batch"))) >= 6)
    requests = {span.span_id for span in spans.named(name)}
    assert requests <= {request for _, request in links(spans.named("batch"))}
    assert requests == {request for request, _ in links(spans.named(name))}
    assert {attributes(span)["yupana.outcome"] for span in spans.named(name)} == {"done"}
    rows = execute(database.ledger_url, "SELECT trace_id FROM yupana.journal WHERE id = 't0'")
    assert rows[0][0] in {span.trace_id for span in spans.named(name)}
