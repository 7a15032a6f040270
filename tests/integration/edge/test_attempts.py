"""What must not get through the edge, and what is said of it."""

import json
import socket

import pytest

from support.rest import Rest
from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.edge.envoy import BODY_BYTES_MAX

TRANSFER = '{"debitAccount":"world","creditAccount":"users:1:wallet","amount":"1"}'

BODIES = [
    ('{"id":"t","transfer":{"debitAccount":"world","minBalanc":"0"}}', "no field minBalanc here"),
    ('{"id":"t","transfr":' + TRANSFER + "}", "no field transfr here"),
    ('{"id":"t","id":"u","transfer":' + TRANSFER + "}", "the field id is there twice"),
    ('{"\\u0069d":"t","transfer":' + TRANSFER + "}", "no field ?u0069d here"),
    ('{"id":"t","transfer":' + TRANSFER + "} {}", "more follows"),
    ('{"id":"t","transfer":' + TRANSFER, "a comma is missing"),
    ('{"id":"t', "a string does not end"),
    ("[" * 100_000, "it is not an object"),
    ('{"id":' + "[" * 100_000, "nested too deeply"),
    ('{"id":' * 100_000, "it is nested too deeply"),
    ('"transfer"', "it is not an object"),
    ("id=t&amount=1", "it is not an object"),
]


@pytest.mark.parametrize(("body", "said"), BODIES)
def test_body_when_not_the_methods_then_400_and_nothing_is_recorded(
    rest: Rest, shop: str, body: str, said: str
) -> None:
    before = rest.get(shop).json["position"]
    answer = rest.post(f"{shop}/transfers", body.encode())
    assert (answer.status, answer.json["code"]) == (400, 3)
    assert said in answer.json["message"]
    assert rest.get(shop).json["position"] == before


def test_body_when_labels_have_any_names_then_taken(rest: Rest, shop: str) -> None:
    transfer = {**json.loads(TRANSFER), "labels": {"any": "thing", "transfer": "two"}}
    answer = rest.post(f"{shop}/transfers", {"id": "t", "transfer": transfer})
    assert "transferPosted" in answer.json
    assert rest.get(f"{shop}/transfers/t").json["labels"] == transfer["labels"]


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v2/books", 404),
        ("DELETE", "{shop}", 404),
        ("POST", "{shop}/nonsense", 404),
        ("PUT", "{shop}/transfers", 404),
        ("GET", "{shop}?nonsense=1", 400),
        ("GET", "{shop}/accounts/a%2Fb", 400),
        ("GET", "{shop}/accounts/a%5Cb", 400),
        ("GET", "{shop}/accounts/%00", 400),
        ("GET", "/v1/books/..%2f..%2fadmin", 400),
        ("GET", "/v1/books/a/../../../yupana.admin.v1.AdminService/GetInfo", 404),
        ("POST", "/yupana.admin.v1.AdminService/GetInfo", 404),
        ("POST", "/yupana.ledger.v1.LedgerService/Execute", 404),
        ("POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 404),
        ("GET", "//v1/books", 404),
        ("TRACE", "/v1/books", 404),
    ],
)
def test_path_when_none_of_ours_then_refused(
    rest: Rest, shop: str, verb: str, path: str, status: int
) -> None:
    answer = rest.call(verb, path.format(shop=shop), b"{}" if verb in {"POST", "PUT"} else None)
    assert answer.status == status
    assert answer.json["message"]
    assert set(answer.json) == {"code", "message", "details"}


@pytest.mark.parametrize(
    "service", ["grpc.reflection.v1.ServerReflection", "yupana.admin.v1.AdminService"]
)
def test_grpc_when_the_service_is_not_public_then_there_is_none(rest: Rest, service: str) -> None:
    grpc = {"content-type": "application/grpc", "te": "trailers"}
    answer = rest.call("POST", f"/{service}/Anything", b"\0\0\0\0\0", grpc)
    assert answer.headers["grpc-status"] in {"5", "12"}


def test_body_when_too_large_then_413(rest: Rest, shop: str) -> None:
    answer = rest.post(f"{shop}/transfers", b'{"id":"' + b"a" * BODY_BYTES_MAX + b'"}')
    assert (answer.status, answer.json["message"]) == (413, "the body is too large")


def test_headers_when_too_large_then_431(rest: Rest, shop: str) -> None:
    assert rest.call("GET", shop, headers={"x-much": "a" * 20_000}).status == 431


def test_header_when_its_name_has_an_underscore_then_400(rest: Rest, shop: str) -> None:
    assert rest.call("GET", shop, headers={"x_yupana_actor": "me"}).status == 400


def test_override_when_another_verb_is_asked_for_by_header_then_not_listened_to(
    rest: Rest, shop: str
) -> None:
    body = {"id": "t", "transfer": json.loads(TRANSFER)}
    answer = rest.call("GET", f"{shop}/transfers", body, {"x-http-method-override": "POST"})
    assert answer.status != 500
    assert rest.get(f"{shop}/transfers/t").status == 404


def test_headers_when_answered_then_nothing_may_be_kept_or_framed(rest: Rest, shop: str) -> None:
    for path in (shop, f"{shop}/accounts/nobody", "/nowhere"):
        headers = rest.get(path).headers
        assert headers["cache-control"] == "no-store", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["server"] == "yupana", path
        assert "x-envoy-upstream-service-time" not in headers


def test_connection_when_it_says_nothing_more_then_the_edge_answers_and_goes_on(
    edge: EmbeddedEnvoy, rest: Rest, shop: str
) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as slow:
        slow.sendall(b"GET /v1/books HTTP/1.1\r\nhost: x\r\nx-slow: ")
        assert rest.get(shop).status == 200
        slow.settimeout(20)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_ledger_when_away_then_503_and_the_advice(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("lonely") / "edge"
    with EmbeddedEnvoy(folder, {"ledger": "127.0.0.1:1", "feed": "127.0.0.1:1"}) as lonely:
        answer = Rest(lonely.address).get("/v1/books")
    assert (answer.status, answer.json["code"]) == (503, 14)
    assert "try again, with the same id" in answer.json["message"]
