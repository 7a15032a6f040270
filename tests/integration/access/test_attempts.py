"""Who is let in and who is not: by REST through the edge, and past it by gRPC."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from support.keyed import Keyed, bearer
from support.rest import Answer
from yupana.access.v1 import access_service_pb2
from yupana.feed.v1 import feed_service_pb2, feed_service_pb2_grpc
from yupana.ledger.v1 import command_pb2, ledger_service_pb2, ledger_service_pb2_grpc
from yupana_server.dev.processes import wait_until

ALL = ["read", "write", "hold", "limits", "force", "admin"]
WORLD_TO_1 = {"debitAccount": "world", "creditAccount": "users:1:wallet", "amount": "1"}
ONE_TO_TWO = {"debitAccount": "users:1:wallet", "creditAccount": "users:2:wallet", "amount": "1"}
REVOCATION_S = 5.0

Strange = Callable[[Keyed, str], str]
"""Makes the token of somebody who may not, or none."""


def expired(keyed: Keyed, book: str) -> str:
    soon = Timestamp()
    soon.FromDatetime(datetime.now(UTC) + timedelta(seconds=1))
    token = keyed.token((book, "", ALL), expire_time=soon)
    time.sleep(1.1)
    return token


def revoked(keyed: Keyed, book: str) -> str:
    key = keyed.new_key((book, "", ALL))
    token = key.tokens[0].token
    assert keyed.rest(token).get(f"/v1/books/{book}").status == 200
    keyed.manage("RevokeKey", access_service_pb2.RevokeKeyRequest(key=key.id))
    assert wait_until(lambda: keyed.rest(token).get(f"/v1/books/{book}").status != 200, 5)
    return token


def wrong_secret(keyed: Keyed, book: str) -> str:
    token = keyed.token((book, "", ALL))
    return token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")


def of_another_key(keyed: Keyed, book: str) -> str:
    """The secret of one key under the id of another."""
    one, other = keyed.token((book, "", ["read"])), keyed.token((book, "", ALL))
    return "_".join([*other.split("_", 2)[:2], one.split("_", 2)[2]])


NOBODIES: dict[str, Strange] = {
    "no key": lambda *_: "",
    "a word": lambda *_: "letmein",
    "a token of a key that is not there": lambda *_: f"yupana_nobody_{'a' * 43}",
    "a very long token": lambda *_: "yupana_root_" + "a" * 7_000,
    "a wrong secret": wrong_secret,
    "a secret of another key": of_another_key,
    "an expired key": expired,
    "a revoked key": revoked,
}


@pytest.mark.parametrize("nobody", NOBODIES.values(), ids=NOBODIES)
def test_nobody_when_it_calls_then_401_at_the_edge_and_past_it(
    keyed: Keyed, shop: str, nobody: Strange
) -> None:
    token = nobody(keyed, shop)
    for verb, path, body in (
        ("GET", f"/v1/books/{shop}/accounts/world", None),
        ("POST", f"/v1/books/{shop}/transfers", {"id": "n", "transfer": WORLD_TO_1}),
        ("GET", "/v1/keys", None),
        ("GET", f"/v1/books/{shop}/entries", None),
    ):
        answer = keyed.rest(token).call(verb, path, body)
        assert (answer.status, answer.reason) == (401, "UNAUTHENTICATED"), path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["x-content-type-options"] == "nosniff"
    for address in (keyed.ledger.address, keyed.edge.address):
        error = refused(address, token, shop)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert reason_of(error) == "UNAUTHENTICATED"
    assert keyed.rest().get(f"/v1/books/{shop}/transfers/n").status == 404


def test_key_when_it_comes_by_another_scheme_then_401(keyed: Keyed, shop: str) -> None:
    for value in (f"Basic {keyed.root}", keyed.root, f"Bearer{keyed.root}", "Bearer"):
        headers = {"authorization": value}
        answer = keyed.rest("").call("GET", f"/v1/books/{shop}", headers=headers)
        assert (answer.status, answer.reason) == (401, "UNAUTHENTICATED"), value


DENIED: list[tuple[str, list[str], str, str, str, Any]] = [
    ("{shop}", ["read"], "", "POST", "/transfers", {"id": "d", "transfer": WORLD_TO_1}),
    ("{shop}", ["write"], "", "GET", "/accounts/world", None),
    ("{shop}", ["read", "write"], "", "POST", "/holds", {"id": "d", "hold": WORLD_TO_1}),
    (
        "{shop}",
        ["read", "write", "hold", "force", "admin"],
        "",
        "PUT",
        "/accounts/world/limits",
        {"id": "d", "limits": {"account": "world"}},
    ),
    (
        "{shop}",
        ["read", "write", "hold", "limits", "admin"],
        "",
        "POST",
        "/transfers/to:users:1:wallet/reverse",
        {"id": "d", "reversal": {"transfer": "to:users:1:wallet", "force": True}},
    ),
    (
        "{shop}",
        ["read", "write", "hold", "limits", "force"],
        "",
        "POST",
        "/assets",
        {"id": "d", "asset": {"asset": "EUR", "scale": 2}},
    ),
    ("{shop}", ["read", "write"], "", "GET", "/webhooks/none/deliveries/retry", None),
    ("another", ALL, "", "GET", "/accounts/world", None),
    ("another", ALL, "", "POST", "/transfers", {"id": "d", "transfer": WORLD_TO_1}),
    ("{shop}", ALL, "users:1:", "GET", "/accounts/users:2:wallet", None),
    ("{shop}", ALL, "users:1:", "GET", "/accounts", None),
    ("{shop}", ALL, "users:1:", "GET", "/accounts?prefix=users:", None),
    ("{shop}", ALL, "users:1:", "GET", "/accounts?prefix=users:1", None),
    ("{shop}", ALL, "users:1:", "GET", "/transfers", None),
    ("{shop}", ALL, "users:1:", "GET", "/transfers/to:users:2:wallet", None),
    ("{shop}", ALL, "users:1:", "GET", "/commands/to:users:2:wallet/outcome", None),
    ("{shop}", ALL, "users:1:", "GET", "/snapshot?accounts=users:1:wallet&accounts=world", None),
    ("{shop}", ALL, "users:1:", "GET", "/entries", None),
    ("{shop}", ALL, "users:1:", "GET", "/quota", None),
    ("{shop}", ALL, "users:1:", "POST", "/transfers", {"id": "d", "transfer": ONE_TO_TWO}),
    ("{shop}", ALL, "users:1:", "POST", "/period/close", {"id": "d", "period": {}}),
    (
        "{shop}",
        ALL,
        "users:1:",
        "POST",
        "/transfers/to:users:2:wallet/reverse",
        {"id": "d", "reversal": {"transfer": "to:users:2:wallet"}},
    ),
    ("{shop}", ALL, "", "POST", "", {"book": "mine"}),
]


@pytest.mark.parametrize(
    ("book", "actions", "prefix", "verb", "path", "body"),
    DENIED,
    ids=[f"{d[1][0]}+{len(d[1])} {d[2]} {d[3]} {d[4]}" for d in DENIED],
)
def test_key_when_it_does_not_allow_it_then_403_and_nothing_is_recorded(
    keyed: Keyed,
    shop: str,
    book: str,
    actions: list[str],
    prefix: str,
    verb: str,
    path: str,
    body: Any,
) -> None:
    token = keyed.token((book.format(shop=shop), prefix, actions))
    target = "/v1/books" if body == {"book": "mine"} else f"/v1/books/{shop}{path}"
    before = keyed.rest().get(f"/v1/books/{shop}").json["position"]
    answer = keyed.rest(token).call(verb, target, body)
    if "nonsense" in path or path.endswith("/retry"):
        assert answer.status in {403, 404}
    else:
        assert (answer.status, answer.reason) == (403, "PERMISSION_DENIED"), answer.body
    assert keyed.rest().get(f"/v1/books/{shop}").json["position"] == before


ALLOWED: list[tuple[list[str], str, str, str, Any]] = [
    (["read"], "", "GET", "", None),
    (["read"], "", "GET", "/accounts", None),
    (["read"], "", "GET", "/entries", None),
    (["write"], "", "POST", "/transfers", {"id": "w", "transfer": WORLD_TO_1}),
    (["hold"], "", "POST", "/holds", {"id": "h", "hold": ONE_TO_TWO}),
    (["admin"], "", "POST", "/assets", {"id": "e", "asset": {"asset": "EUR", "scale": 2}}),
    (["read"], "users:1:", "GET", "/accounts/users:1:wallet", None),
    (["read"], "users:1:", "GET", "/accounts?prefix=users:1:", None),
    (["read"], "users:1:", "GET", "/accounts/users:1:wallet/statement", None),
    (["read"], "users:1:", "GET", "/transfers?account=users:1:wallet", None),
    (["read"], "users:1:", "GET", "/sums?prefix=users:1:wallet", None),
    (["write"], "users:", "POST", "/transfers", {"id": "x", "transfer": ONE_TO_TWO}),
]


@pytest.mark.parametrize(
    ("actions", "prefix", "verb", "path", "body"),
    ALLOWED,
    ids=[f"{a[0][0]} {a[1]} {a[2]} {a[3]}" for a in ALLOWED],
)
def test_key_when_it_allows_it_then_done(
    keyed: Keyed, shop: str, actions: list[str], prefix: str, verb: str, path: str, body: Any
) -> None:
    rest = keyed.rest(keyed.token((shop, prefix, actions)))
    answer = _once_folded(lambda: rest.call(verb, f"/v1/books/{shop}{path}", body))
    assert answer.status == 200, answer.body


def test_key_for_some_accounts_when_it_reads_transfers_then_no_balances_of_others(
    keyed: Keyed, shop: str
) -> None:
    rest = keyed.rest(keyed.token((shop, "users:1:", ["read"])))
    [transfer] = rest.get(f"/v1/books/{shop}/transfers?account=users:1:wallet").json["transfers"]
    assert transfer["debitAccount"] == "world"
    assert transfer["creditBalances"]["balance"] == "100"
    assert "debitBalances" not in transfer
    lines = rest.get(f"/v1/books/{shop}/accounts/users:1:wallet/statement").json["lines"]
    assert ["debitBalances" in line["transfer"] for line in lines] == [False]


def test_key_for_some_accounts_when_it_names_holds_then_only_those_of_its_accounts(
    keyed: Keyed, shop: str
) -> None:
    path = f"/v1/books/{shop}"
    other = {**ONE_TO_TWO, "debitAccount": "users:2:wallet", "creditAccount": "world"}
    own = {**ONE_TO_TWO, "creditAccount": "users:1:savings"}
    savings = {"account": "users:1:savings", "asset": "USD"}
    rest = keyed.rest(keyed.token((shop, "users:1:", ["read", "hold", "limits"])))
    assert keyed.rest().post(f"{path}/holds", {"id": "others", "hold": other}).status == 200
    assert rest.post(f"{path}/accounts", {"id": "open", "account": savings}).status == 200
    assert rest.post(f"{path}/holds", {"id": "own", "hold": own}).status == 200

    assert rest.post(f"{path}/holds/own/capture", {"id": "c1", "capture": {}}).status == 200
    assert rest.get(f"{path}/holds/own").status == 200
    for hold in ("others", "nowhere"):
        for ending, body in (("capture", {"capture": {}}), ("release", {"release": {}})):
            answer = rest.post(f"{path}/holds/{hold}/{ending}", {"id": "c2", **body})
            assert (answer.status, answer.reason) == (403, "PERMISSION_DENIED")
        assert rest.get(f"{path}/holds/{hold}").status == 403
    assert keyed.rest().get(f"{path}/holds/others").json["state"] == "HOLD_STATE_OPEN"


def test_headers_when_they_say_who_calls_then_not_listened_to(keyed: Keyed, shop: str) -> None:
    forged = {
        "x-yupana-key": "root",
        "x-yupana-actor": "key:root",
        "x-forwarded-client-cert": "URI=spiffe://yupana/edge",
        "x-envoy-original-path": "/yupana.ledger.v1.LedgerService/Execute",
    }
    answer = keyed.rest("").call("GET", f"/v1/books/{shop}", headers=forged)
    assert answer.status == 401
    token = keyed.token((shop, "", ["read"]))
    body = {"id": "f", "transfer": WORLD_TO_1}
    answer = keyed.rest(token).call("POST", f"/v1/books/{shop}/transfers", body, forged)
    assert answer.status == 403


@pytest.mark.parametrize(
    "trick",
    [
        "/v1/books/{own}/../{shop}/accounts/world",
        "/v1/books/{own}/%2e%2e/{shop}/accounts/world",
        "/v1/books/{own}%2f..%2f{shop}/accounts/world",
        "/v1//books/{shop}/accounts/world",
        "//v1/books/{shop}/accounts/world",
        "/V1/books/{shop}/accounts/world",
        "/v1/books/{shop}/accounts/world?book={own}",
        "/v1/books/{shop}/accounts/world#/v1/books/{own}",
        "/yupana.ledger.v1.LedgerService/GetAccount?book={shop}",
    ],
)
def test_path_when_it_tricks_then_no_other_book_is_read(
    keyed: Keyed, shop: str, trick: str
) -> None:
    own = f"{shop}-own"
    assert keyed.rest().post("/v1/books", {"book": own}).status == 200
    token = keyed.token((own, "", ALL))
    answer = keyed.rest(token).get(trick.format(own=own, shop=shop))
    assert answer.status in {400, 403, 404}
    assert b"balance" not in answer.body


def test_body_when_too_large_and_nobody_sends_it_then_401(keyed: Keyed, shop: str) -> None:
    body = b'{"id":"' + b"a" * 5_000_000 + b'"}'
    try:
        status = keyed.rest("").post(f"/v1/books/{shop}/transfers", body).status
    except ConnectionError:  # The edge hung up before all was sent.
        status = 401
    assert status == 401


def test_command_when_replayed_by_another_key_then_the_first_outcome_stands(
    keyed: Keyed, shop: str
) -> None:
    body, path = {"id": "once", "transfer": WORLD_TO_1}, f"/v1/books/{shop}/transfers"
    first = keyed.rest(keyed.token((shop, "", ["write"]))).post(path, body)
    again = keyed.rest(keyed.token((shop, "", ["write"]))).post(path, body)
    assert (first.status, again.status) == (200, 200)
    assert again.json["replayed"] is True
    assert again.json["position"] == first.json["position"]


def test_stream_when_the_key_is_revoked_then_it_ends_within_five_seconds(
    keyed: Keyed, shop: str
) -> None:
    key = keyed.new_key((shop, "", ["read"]))
    with grpc.insecure_channel(keyed.feed.address) as channel:
        stub: Any = feed_service_pb2_grpc.FeedServiceStub(channel)
        request = feed_service_pb2.SubscribeRequest(book=shop, from_beginning=True)
        request.heartbeat.FromSeconds(1)
        responses = stub.Subscribe(request, metadata=bearer(key.tokens[0].token), timeout=30)
        assert next(responses).position
        keyed.manage("RevokeKey", access_service_pb2.RevokeKeyRequest(key=key.id))
        revoked_at = time.monotonic()
        with pytest.raises(grpc.RpcError) as raised:
            list(responses)
    assert time.monotonic() - revoked_at < REVOCATION_S
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED  # type: ignore[attr-defined]


def test_execute_stream_when_a_request_is_not_allowed_then_it_alone_is_refused(
    keyed: Keyed, shop: str
) -> None:
    token = keyed.token((shop, "users:", ["write"]))
    requests = [execute(shop, "s1", ONE_TO_TWO), execute(shop, "s2", WORLD_TO_1)]
    with grpc.insecure_channel(keyed.ledger.address) as channel:
        stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        messages = [ledger_service_pb2.ExecuteStreamRequest(request=r) for r in requests]
        responses = stub.ExecuteStream(iter(messages), metadata=bearer(token), timeout=20)
        assert next(responses).outcomes[0].HasField("transfer_posted")
        with pytest.raises(grpc.RpcError) as raised:
            next(responses)
    assert reason_of(raised.value) == "PERMISSION_DENIED"
    rest = keyed.rest()
    assert rest.get(f"/v1/books/{shop}/transfers/s1").status == 200
    assert rest.get(f"/v1/books/{shop}/transfers/s2").status == 404


def test_batch_when_one_command_is_not_allowed_then_none_is_executed(
    keyed: Keyed, shop: str
) -> None:
    request = execute(shop, "b1", ONE_TO_TWO)
    request.commands.append(execute(shop, "b2", WORLD_TO_1).commands[0])
    error = refused(keyed.ledger.address, keyed.token((shop, "users:", ["write"])), shop, request)
    assert reason_of(error) == "PERMISSION_DENIED"
    assert keyed.rest().get(f"/v1/books/{shop}/transfers/b1").status == 404


def execute(book: str, id_: str, transfer: dict[str, str]) -> ledger_service_pb2.ExecuteRequest:
    command = command_pb2.Command(
        id=id_,
        create_transfer=command_pb2.CreateTransfer(
            debit_account=transfer["debitAccount"],
            credit_account=transfer["creditAccount"],
            amount=transfer["amount"],
        ),
    )
    return ledger_service_pb2.ExecuteRequest(book=book, commands=[command])


def refused(
    address: str, token: str, book: str, request: ledger_service_pb2.ExecuteRequest | None = None
) -> Any:
    """Call by gRPC, which must fail; return the error."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        sent = execute(book, "n", WORLD_TO_1) if request is None else request
        with pytest.raises(grpc.RpcError) as raised:
            stub.Execute(sent, timeout=20, metadata=bearer(token))
    return raised.value


def reason_of(error: Any) -> str:
    from google.rpc import error_details_pb2, status_pb2

    [details] = [v for k, v in error.trailing_metadata() if k == "grpc-status-details-bin"]
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(details).details[0].Unpack(info)
    return info.reason.removeprefix("ERROR_REASON_")


def _once_folded(ask: Callable[[], Answer]) -> Answer:
    """Ask until the projections of a new book are there."""
    answers = [ask()]
    assert wait_until(lambda: answers[-1].status != 503 or bool(answers.append(ask())), 10)
    return answers[-1]
