"""The OpenAPI document against what the edge does."""

from typing import Any

import pytest

from support.rest import Rest
from yupana_server.edge.contract import rule_of, services
from yupana_server.edge.openapi.examples import EXAMPLES


@pytest.fixture(scope="module")
def document(rest: Rest) -> Any:
    return rest.get("/openapi.json").json


def test_document_when_read_then_every_public_method_is_in_it(document: Any) -> None:
    told = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    public = {
        f"{service.name}_{method.name}"
        for _, service in services()
        for method in service.methods
        if rule_of(method) is not None
    }
    grpc_only = {method.name for _, service in services() for method in service.methods} - {
        name.partition("_")[2] for name in public
    }
    assert told == public
    assert grpc_only == {"ExecuteStream"}


def test_document_when_read_then_everything_is_explained(document: Any) -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        if name not in {"Status", "ErrorInfo", "BadRequest", "FieldViolation", "LocalizedMessage"}
        for field, each in schema.get("properties", {}).items()
        if not each.get("description")
    ]
    silent += [
        f"{each['operationId']} {parameter['name']}"
        for path in document["paths"].values()
        for each in path.values()
        for parameter in each["parameters"]
        if not parameter["description"]
    ]
    assert silent == []


def test_document_when_it_refers_to_schemas_then_they_are_there(document: Any) -> None:
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.add(value["$ref"])
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                look(each)

    look(document)
    parts = document["components"]
    known = {f"#/components/{kind}/{name}" for kind, names in parts.items() for name in names}
    assert found - known == set()


def test_page_when_read_then_it_has_no_script_and_names_every_method(
    rest: Rest, document: Any
) -> None:
    answer = rest.get("/")
    text = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'unsafe-inline'" in answer.headers["content-security-policy"]
    assert "<script" not in text
    for path in document["paths"].values():
        for each in path.values():
            assert f"id='{each['operationId']}'" in text


ORDER = [
    ("OpenAccount", "/accounts", "accountOpened"),
    ("CreateTransfer", "/transfers", "transferPosted"),
    ("CreateHold", "/holds", "holdCreated"),
    ("CaptureHold", "/holds/order-1/capture", "holdCaptured"),
    ("ReverseTransfer", "/transfers/ship-1/reverse", "transferReversed"),
]


def test_examples_when_sent_then_done_and_answered_as_shown(rest: Rest) -> None:
    book = EXAMPLES["CreateBook"]["request"]["book"]
    shop = f"/v1/books/{book}"
    assert rest.post("/v1/books", EXAMPLES["CreateBook"]["request"]).status == 200
    assert "assetOpened" in rest.post(f"{shop}/assets", EXAMPLES["OpenAsset"]["request"]).json
    for account in ("world", "shop:sales"):
        body = {"id": f"open-{account}", "account": {"account": account, "asset": "USD"}}
        assert rest.post(f"{shop}/accounts", body).status == 200
    for method, path, done in ORDER:
        answer = rest.post(shop + path, EXAMPLES[method]["request"])
        assert done in answer.json, (method, answer.body)
        shown = EXAMPLES[method].get("answer")
        if shown is not None:
            assert set(shown) == set(answer.json)
            assert set(shown[done]) == set(answer.json[done])
    batch = rest.post(f"{shop}/commands", EXAMPLES["Execute"]["request"])
    assert all("transferPosted" in each for each in batch.json["outcomes"])
    account = rest.get(f"{shop}/accounts/users:1:wallet").json
    assert set(EXAMPLES["GetAccount"]["answer"]) <= set(account)
