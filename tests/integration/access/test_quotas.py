"""Quotas: of keys and of books, with Redis and without."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from support.databases import make_database
from support.keyed import Keyed, KeyedRest, bearer, keyed_stack, make_shop
from yupana.access.v1 import access_service_pb2, key_pb2
from yupana.ledger.v1 import command_pb2, ledger_service_pb2, ledger_service_pb2_grpc
from yupana_server.authorization.quotas import Limit, Quotas, Rate
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.processes import wait_until
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.runtime.redis import Redis

BURST = 5
SLOW = {"requests_per_second": 0.1, "request_burst": BURST}
"""So slow that nothing comes back while a test runs."""


@pytest.fixture
async def quotas(valkey: EmbeddedValkey) -> AsyncIterator[Quotas]:
    """Quotas of one of several servers."""
    redis = Redis(valkey.url(), connections_max=4)
    yield Quotas(redis)
    await redis.close()


def test_key_when_its_burst_is_used_up_then_429_and_when_to_come_back(
    keyed: Keyed, shop: str
) -> None:
    rest = keyed.rest(keyed.token((shop, "", ["read"]), quota=SLOW))
    path = f"/v1/books/{shop}/accounts/world"
    first = rest.get(path)
    assert first.status == 200
    assert first.headers["ratelimit-policy"] == f'"key-requests";q={BURST};w=50'
    assert first.headers["ratelimit"] == f'"key-requests";r={BURST - 1};t=10'
    answers = [rest.get(path) for _ in range(BURST)]
    assert [each.status for each in answers] == [200] * (BURST - 1) + [429]
    refused = answers[-1]
    assert refused.reason == "QUOTA_EXCEEDED"
    assert 9 <= int(refused.headers["retry-after"]) <= 10
    assert refused.headers["ratelimit"].startswith('"key-requests";r=0;t=')
    assert refused.json["details"][0]["metadata"]["per_second"] == "0.1"
    other = keyed.rest(keyed.token((shop, "", ["read"]), quota=SLOW))
    assert other.get(path).status == 200


def test_call_when_a_quota_is_exceeded_then_retry_info_and_nothing_is_decided(
    keyed: Keyed, shop: str
) -> None:
    quota = {"transfers_per_second": 0.1, "transfer_burst": 10}
    token = keyed.token((shop, "", ["write"]), quota=quota)
    assert execute(keyed, token, batch(shop, "one", 6)) is None
    error = execute(keyed, token, batch(shop, "two", 6))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    details = {each.DESCRIPTOR.name: each for each in details_of(error)}
    assert details["ErrorInfo"].metadata["quota"] == "key-transfers"
    # 2 commands too many, each worth 10 s; up to twice as long is said, at random.
    assert 15 <= details["RetryInfo"].retry_delay.ToSeconds() <= 40
    assert "key-transfers" in details["QuotaFailure"].violations[0].subject
    assert execute(keyed, token, batch(shop, "three", 4)) is None
    found = [keyed.rest().get(f"/v1/books/{shop}/transfers/{n}-0").status for n in ("one", "two")]
    assert found == [200, 404]


def test_call_when_it_is_larger_than_the_burst_then_refused_for_ever(
    keyed: Keyed, shop: str
) -> None:
    quota = {"transfers_per_second": 100, "transfer_burst": 5}
    token = keyed.token((shop, "", ["write"]), quota=quota)
    error = execute(keyed, token, batch(shop, "large", 6))
    assert "send fewer" in error.details()
    assert execute(keyed, token, batch(shop, "small", 5)) is None


def test_replays_and_rejections_when_sent_then_they_count(keyed: Keyed, shop: str) -> None:
    quota = {"transfers_per_second": 0.1, "transfer_burst": 3}
    token = keyed.token((shop, "", ["write"]), quota=quota)
    too_much = batch(shop, "rejected", 1)
    too_much.commands[0].create_transfer.amount = "1000000"
    for request in (batch(shop, "same", 1), batch(shop, "same", 1), too_much):
        assert execute(keyed, token, request) is None
    assert execute(keyed, token, batch(shop, "new", 1)) is not None


def test_book_when_it_has_a_quota_then_all_keys_together(keyed: Keyed, shop: str) -> None:
    quota = key_pb2.Quota(**SLOW)  # type: ignore[arg-type]
    request = access_service_pb2.SetBookQuotaRequest(book=shop, quota=quota)
    path = f"/v1/books/{shop}/accounts/world"
    keys = [keyed.rest(keyed.token((shop, "", ["read"]))) for _ in range(2)]
    assert [rest.get(path).status for rest in keys * BURST] == [200] * 2 * BURST
    assert keyed.manage("SetBookQuota", request).request_burst == BURST
    assert wait_until(lambda: "ratelimit" in keys[0].get(path).headers, 5)
    statuses = [rest.get(path).status for rest in keys * BURST]
    assert 0 < statuses.count(200) < BURST
    assert set(statuses) == {200, 429}
    keyed.manage("SetBookQuota", access_service_pb2.SetBookQuotaRequest(book=shop))
    assert wait_until(lambda: "ratelimit" not in keys[0].get(path).headers, 5)
    assert keys[0].get(path).status == 200


def test_stream_when_it_is_faster_than_its_quota_then_slowed_down_and_not_cut(
    keyed: Keyed, shop: str
) -> None:
    quota = {"transfers_per_second": 20, "transfer_burst": 10}
    token = keyed.token((shop, "", ["write"]), quota=quota)
    requests = [
        ledger_service_pb2.ExecuteStreamRequest(request=batch(shop, f"s{n}", 10)) for n in range(3)
    ]
    began_at = time.monotonic()
    with grpc.insecure_channel(keyed.ledger.address) as channel:
        stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        answers = list(stub.ExecuteStream(iter(requests), metadata=bearer(token), timeout=20))
    assert len(answers) == 3
    # 30 commands: 10 at once, 20 at 20 a second.
    assert time.monotonic() - began_at > 0.9


async def test_limit_when_many_take_at_once_then_exactly_the_burst(quotas: Quotas) -> None:
    limit = Limit("key-requests", "till", Rate(0.1, 10), 1)
    taken = await asyncio.gather(*(quotas.take([limit]) for _ in range(30)))
    assert sum(each.wait_s == 0 for [each] in taken) == 10


async def test_limits_when_one_refuses_then_nothing_is_taken_from_the_others(
    quotas: Quotas,
) -> None:
    one, other = (Limit(name, "x", Rate(0.1, burst), 1) for name, burst in (("a", 10), ("b", 1)))
    assert not any(each.wait_s for each in await quotas.take([one, other]))
    assert [each.wait_s > 0 for each in await quotas.take([one, other])] == [False, True]
    [left] = await quotas.take([one])
    assert left.remaining == 8


async def test_limit_when_it_becomes_smaller_then_no_old_debt_beyond_its_burst(
    quotas: Quotas,
) -> None:
    large = Limit("key-requests", "x", Rate(0.001, 1_000), 1_000)
    assert (await quotas.take([large]))[0].wait_s == 0
    small = Limit("key-requests", "x", Rate(10, 1), 1)
    assert 0 < (await quotas.take([small]))[0].wait_s <= 0.1


async def test_redis_when_away_then_each_server_lets_in_its_part(
    quotas: Quotas, valkey: EmbeddedValkey
) -> None:
    limit = Limit("key-requests", "till", Rate(0.1, 40), 1)
    redis = Redis(valkey.url(), connections_max=1)
    await Quotas(redis).take([limit])
    await quotas.take([limit])  # Now it knows that there are two of them.
    await redis.close()
    valkey.kill()
    taken = [(await quotas.take([limit]))[0].wait_s == 0 for _ in range(60)]
    assert taken.count(True) == 20
    assert taken[:20] == [True] * 20


def test_services_when_redis_is_killed_then_calls_go_on_within_their_quota(
    postgres: EmbeddedPostgres, valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    with keyed_stack(make_database(postgres), tmp_path, valkey.url()) as keyed:
        shop = make_shop(keyed, "shop")
        path = f"/v1/books/{shop}/accounts/world"
        rest = keyed.rest(keyed.token((shop, "", ["read"]), quota=SLOW))
        assert rest.get(path).status == 200
        valkey.kill()
        statuses = _statuses(rest, path, 2 * BURST)
        assert 1 <= statuses.count(200) <= BURST
        assert statuses.count(429) == len(statuses) - statuses.count(200)
        assert keyed.rest().get(path).status == 200


def _statuses(rest: KeyedRest, path: str, count: int) -> Sequence[int]:
    return [rest.get(path).status for _ in range(count)]


def batch(book: str, name: str, count: int) -> ledger_service_pb2.ExecuteRequest:
    commands = [
        command_pb2.Command(
            id=f"{name}-{place}",
            create_transfer=command_pb2.CreateTransfer(
                debit_account="users:1:wallet", credit_account="users:2:wallet", amount="1"
            ),
        )
        for place in range(count)
    ]
    return ledger_service_pb2.ExecuteRequest(book=book, commands=commands)


def execute(keyed: Keyed, token: str, request: ledger_service_pb2.ExecuteRequest) -> Any:
    """Send a request; return the error, None without one."""
    with grpc.insecure_channel(keyed.ledger.address) as channel:
        stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        try:
            stub.Execute(request, timeout=20, metadata=bearer(token))
        except grpc.RpcError as error:
            return error
    return None


def details_of(error: Any) -> list[Any]:
    [packed] = [v for k, v in error.trailing_metadata() if k == "grpc-status-details-bin"]
    found = []
    for each in status_pb2.Status.FromString(packed).details:
        message = getattr(error_details_pb2, each.type_url.rpartition(".")[2])()
        assert each.Unpack(message)
        found.append(message)
    return found
