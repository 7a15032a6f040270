"""The contract by REST, through a real Envoy."""

import http.client
import json
from typing import Any

import grpc
import pytest

from support.rest import Rest
from yupana import Yupana
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.dev.envoy import EmbeddedEnvoy

BACK = {"debitAccount": "users:1:wallet", "creditAccount": "world", "amount": "30"}
HOLD = {**BACK, "group": "order-1"}


def test_transfer_when_sent_again_then_the_same_outcome(rest: Rest, shop: str) -> None:
    first = rest.post(f"{shop}/transfers", {"id": "t", "transfer": BACK})
    again = rest.post(f"{shop}/transfers", {"id": "t", "transfer": BACK})
    assert first.json["transferPosted"] == {"amount": "30"}
    assert again.json == {**first.json, "replayed": True}
    account = rest.get(f"{shop}/accounts/users:1:wallet").json
    assert account["balances"]["available"] == "70"
    assert account["lastPosition"] == first.json["position"]


def test_transfer_when_a_rule_is_against_it_then_the_outcome_says_so(rest: Rest, shop: str) -> None:
    answer = rest.post(f"{shop}/transfers", {"id": "t", "transfer": {**BACK, "amount": "101"}})
    assert answer.status == 200
    assert answer.json["rejected"]["reason"] == "ERROR_REASON_BELOW_MIN_BALANCE"
    assert answer.json["rejected"]["facts"]["available"] == "100"


def test_transfer_when_its_id_comes_as_idempotency_key_then_it_is_the_id(
    rest: Rest, shop: str
) -> None:
    answer = rest.post(f"{shop}/transfers", {"transfer": BACK}, idempotency_key="key-1")
    assert answer.json["id"] == "key-1"
    same = rest.post(
        f"{shop}/transfers", {"id": "key-1", "transfer": BACK}, idempotency_key="key-1"
    )
    assert same.json["replayed"]
    assert rest.get(f"{shop}/transfers/key-1").json["outcome"]["transferPosted"]["amount"] == "30"


@pytest.mark.parametrize(
    ("id_", "key", "said"),
    [
        ("one", "two", "is not that of the header Idempotency-Key"),
        ("", "", "is needed, here or in the header Idempotency-Key"),
        ("", "not an id", "is not an id"),
        ("_mine", "", "is not an id"),
    ],
)
def test_transfer_when_its_ids_are_wrong_then_refused(
    rest: Rest, shop: str, id_: str, key: str, said: str
) -> None:
    headers = {"idempotency_key": key} if key else {}
    answer = rest.post(f"{shop}/transfers", {"id": id_, "transfer": BACK}, **headers)
    assert (answer.status, answer.reason) == (400, "MALFORMED_REQUEST")
    (violation,) = answer.json["details"][1]["fieldViolations"]
    assert violation["field"] == "id"
    assert said in violation["description"]


def test_transfer_when_malformed_then_each_field_is_named_as_it_was_sent(
    rest: Rest, shop: str
) -> None:
    wrong = {"debitAccount": "world", "creditAccount": "world", "amount": "-1"}
    answer = rest.post(f"{shop}/transfers", {"id": "t", "transfer": wrong})
    fields = [each["field"] for each in answer.json["details"][1]["fieldViolations"]]
    assert fields == ["transfer.credit_account", "transfer.amount"]
    missing = rest.post(f"{shop}/transfers", {"id": "t"})
    assert missing.json["details"][1]["fieldViolations"][0]["field"] == "transfer"


STEPS: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/holds", {"id": "h1", "hold": {**HOLD, "timeout": "60s"}}, "holdCreated"),
    ("PATCH", "/holds/h1", {"id": "u1", "update": {"amount": "40"}}, "holdUpdated"),
    ("POST", "/holds/h1/capture", {"id": "c1", "capture": {"amount": "10"}}, "holdCaptured"),
    ("POST", "/transfers/c1/reverse", {"id": "r1", "reversal": {}}, "transferReversed"),
    ("POST", "/holds/h1/release", {"id": "l1", "release": {}}, "holdReleased"),
    ("POST", "/holds", {"id": "h2", "hold": HOLD}, "holdCreated"),
    (
        "POST",
        "/groups/order-1/resolve",
        {"id": "g1", "group": {"resolution": "RESOLUTION_CAPTURE"}},
        "groupResolved",
    ),
    ("POST", "/payments", {"id": "p1", "payment": {"legs": [BACK]}}, "paymentPosted"),
    (
        "PUT",
        "/accounts/users:1:wallet/limits",
        {"id": "s1", "limits": {"minBalance": "-5", "maxBalance": "1000"}},
        "limitsSet",
    ),
    ("POST", "/accounts/world/freeze", {"id": "f1", "freeze": {"debits": True}}, "accountFrozen"),
    ("POST", "/accounts/world/close", {"id": "x1", "close": {}}, "accountClosed"),
    ("POST", "/accounts/world/reopen", {"id": "o1", "reopen": {}}, "accountReopened"),
    ("POST", "/commands/first/erase", {"id": "e1", "erasure": {}}, "erased"),
    (
        "POST",
        "/period/close",
        {"id": "d1", "period": {"before": "2020-01-01T00:00:00Z"}},
        "periodClosed",
    ),
]  # fmt: skip


def test_commands_when_each_is_sent_by_its_path_then_each_is_done(rest: Rest, shop: str) -> None:
    for verb, path, body, done in STEPS:
        answer = rest.call(verb, shop + path, body)
        assert answer.status == 200, (path, answer.body)
        assert done in answer.json, (path, answer.json)
    balances = rest.get(f"{shop}/accounts/users:1:wallet").json["balances"]
    assert balances["balance"] == "40"
    assert balances["debitsPending"] == "0"


def test_commands_when_a_batch_is_sent_then_each_has_its_outcome(rest: Rest, shop: str) -> None:
    commands = [
        {"id": "t1", "createTransfer": BACK},
        {"id": "t2", "create_transfer": {**BACK, "amount": "1000"}},
    ]
    outcomes = rest.post(f"{shop}/commands", {"commands": commands}).json["outcomes"]
    assert "transferPosted" in outcomes[0]
    assert "rejected" in outcomes[1]


def test_reads_when_asked_by_path_and_query_then_answered(rest: Rest, shop: str) -> None:
    page = rest.get(f"{shop}/transfers?pageSize=1").json
    assert [each["id"] for each in page["transfers"]] == ["first"]
    statement = rest.get(
        f"{shop}/accounts/users:1:wallet/statement?order=STATEMENT_ORDER_RECORD_TIME"
    )
    assert statement.json["closing"]["balance"] == "100"
    sums = rest.get(f"{shop}/sums?prefix=users").json["sums"]
    assert [each["balances"]["balance"] for each in sums] == ["100"]
    both = rest.get(f"{shop}/snapshot?accounts=world&accounts=nobody").json
    assert ([each["id"] for each in both["accounts"]], both["missing"]) == (["world"], ["nobody"])
    position = page["position"]
    book = rest.get(f"{shop}?consistency.atLeast={position}")
    assert book.status == 400  # A book is not read at a position.
    at_least = rest.get(f"{shop}/accounts/world?consistency.atLeast={position}")
    assert at_least.json["balances"]["balance"] == "-100"
    past = rest.get(f"{shop}/accounts/world?asOf.position={position}")
    assert past.json["balances"]["balance"] == "-100"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/v1/books/nobody", "BOOK_NOT_FOUND"),
        ("{shop}/accounts/nobody", "ACCOUNT_NOT_FOUND"),
        ("{shop}/transfers/nothing", "TRANSFER_NOT_FOUND"),
        ("{shop}/holds/nothing", "HOLD_NOT_FOUND"),
        ("{shop}/commands/nothing/outcome", "COMMAND_NOT_FOUND"),
    ],
)
def test_reads_when_there_is_none_then_404_with_the_reason(
    rest: Rest, shop: str, path: str, reason: str
) -> None:
    answer = rest.get(path.format(shop=shop))
    assert (answer.status, answer.json["code"], answer.reason) == (404, 5, reason)


def test_feed_when_read_in_pages_then_every_entry_is_told(rest: Rest, shop: str) -> None:
    page = rest.get(f"{shop}/entries?pageSize=3").json
    rest.post(f"{shop}/transfers", {"id": "t", "transfer": BACK})
    later = rest.get(f"{shop}/entries?position={page['position']}").json
    assert len(page["events"]) == 3
    assert [each["type"] for each in later["events"]] == ["yupana.transfer.posted"] * 2
    assert later["caughtUp"]


def test_feed_when_subscribed_to_then_events_come_a_line_each(
    edge: EmbeddedEnvoy, shop: str
) -> None:
    connection = http.client.HTTPConnection(edge.address, timeout=20)
    connection.request("GET", f"{shop}/events?fromBeginning=true&heartbeat=0.2s")
    answer = connection.getresponse()
    told: list[str] = []
    while len(told) < 4:
        told += [each["subject"] for each in json.loads(answer.readline())["events"]]
    connection.close()
    assert answer.status == 200
    assert len(told) == 4


def test_webhooks_when_managed_by_rest_then_as_by_grpc(rest: Rest, shop: str) -> None:
    made = rest.post(f"{shop}/webhooks", {"endpoint": {"id": "e", "url": "https://example.com/"}})
    assert made.json["secrets"][0]["secret"].startswith("whsec_")
    change = {"endpoint": {"description": "of the shop"}, "updateMask": "description"}
    assert rest.call("PATCH", f"{shop}/webhooks/e", change).json["description"] == "of the shop"
    assert rest.post(f"{shop}/webhooks/e/pause", {}).json["state"].endswith("_PAUSED")
    assert [each["id"] for each in rest.get(f"{shop}/webhooks").json["endpoints"]] == ["e"]
    assert rest.get(f"{shop}/webhooks/e/deliveries").json["deliveries"] == []
    assert rest.call("DELETE", f"{shop}/webhooks/e").json == {}
    assert rest.get(f"{shop}/webhooks/e").status == 404


async def test_grpc_when_through_the_edge_then_as_without_it(
    edge: EmbeddedEnvoy, shop: str
) -> None:
    async with Yupana(edge.address) as client:
        book = client.book(shop.rpartition("/")[2])
        found = await book.accounts(["users:1:wallet", "nobody"])
        assert found["users:1:wallet"] is not None
        done = await book.transfer("users:1:wallet", "world", 7, id="by-grpc")
        assert done.amount == 7


async def test_grpc_when_refused_then_details_pass_the_edge(edge: EmbeddedEnvoy) -> None:
    async with grpc.aio.insecure_channel(edge.address) as channel:
        stub: Any = LedgerServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Execute(ledgers.ExecuteRequest(book="a b"), timeout=5)
    keys = [key for key, _ in caught.value.trailing_metadata() or ()]
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "grpc-status-details-bin" in keys
