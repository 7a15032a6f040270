"""Keys as those manage them who may."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from support.databases import Database
from support.keyed import HASH_KEY, Keyed
from yupana.access.v1 import access_service_pb2, key_pb2, scope_pb2
from yupana_server.dev.processes import wait_until

READ, ADMIN = scope_pb2.ACTION_READ, scope_pb2.ACTION_ADMIN
ALL = ["read", "write", "hold", "limits", "force", "admin"]


def test_key_when_created_then_its_token_is_shown_once_and_not_kept(
    keyed: Keyed, keyed_database: Database
) -> None:
    key = keyed.new_key(("shop", "users:", ["read"]), description="the till")
    [token] = key.tokens
    assert token.token.startswith(f"yupana_{key.id}_")
    read = keyed.manage("GetKey", access_service_pb2.GetKeyRequest(key=key.id))
    assert (read.description, read.tokens[0].token) == ("the till", "")
    with psycopg.connect(keyed_database.admin_url) as connection:
        rows = connection.execute("SELECT k, t FROM yupana.access_keys k, yupana.access_tokens t")
        changes = connection.execute("SELECT c FROM yupana.access_changes c").fetchall()
        stored = repr((rows.fetchall(), changes))
    secret = token.token.split("_", 2)[2]
    assert secret not in stored
    assert secret.encode().hex() not in stored
    assert HASH_KEY not in stored


def test_key_when_rotated_then_both_tokens_work_until_the_overlap_is_over(
    keyed: Keyed, shop: str
) -> None:
    key = keyed.new_key((shop, "", ["read"]))
    old, path = key.tokens[0].token, f"/v1/books/{shop}"
    rotated = keyed.manage("RotateKey", access_service_pb2.RotateKeyRequest(key=key.id))
    new = rotated.tokens[0].token
    assert len(rotated.tokens) == 2
    until = rotated.tokens[1].expire_time.ToDatetime(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(hours=23) < until <= timedelta(hours=24)
    assert wait_until(lambda: keyed.rest(new).get(path).status == 200, 5)
    assert keyed.rest(old).get(path).status == 200
    at_once = access_service_pb2.RotateKeyRequest(key=key.id, overlap=Duration())
    third = keyed.manage("RotateKey", at_once)
    assert [bool(each.token) for each in third.tokens] == [True]
    assert wait_until(lambda: keyed.rest(new).get(path).status == 401, 5)
    assert keyed.rest(old).get(path).status == 401
    assert keyed.rest(third.tokens[0].token).get(path).status == 200


def test_key_when_updated_then_the_mask_says_what_changes(keyed: Keyed, shop: str) -> None:
    key = keyed.new_key((shop, "", ["read"]), description="before")
    rest, path = keyed.rest(key.tokens[0].token), f"/v1/books/{shop}"
    assert rest.get(path).status == 200
    wanted = key_pb2.Key(id=key.id, description="after")
    wanted.grants.add(book="elsewhere", actions=[READ])
    changed = keyed.manage("UpdateKey", update(wanted, "grants"))
    assert (changed.description, changed.grants[0].book) == ("before", "elsewhere")
    assert wait_until(lambda: rest.get(path).status == 403, 5)
    assert keyed.manage("UpdateKey", update(wanted, "description")).description == "after"


def test_key_when_revoked_then_for_good_everywhere_within_five_seconds(
    keyed: Keyed, shop: str
) -> None:
    key = keyed.new_key((shop, "", ALL))
    rest, request = keyed.rest(key.tokens[0].token), access_service_pb2.RevokeKeyRequest(key=key.id)
    paths = [f"/v1/books/{shop}", f"/v1/books/{shop}/entries", "/v1/keys"]
    assert [rest.get(path).status for path in paths] == [200] * 3
    revoked = keyed.manage("RevokeKey", request)
    assert wait_until(lambda: {rest.get(path).status for path in paths} == {401}, 5)
    assert keyed.manage("RevokeKey", request).revoke_time == revoked.revoke_time
    for method, again in (
        ("RotateKey", access_service_pb2.RotateKeyRequest(key=key.id)),
        ("UpdateKey", update(key_pb2.Key(id=key.id, description="x"), "description")),
    ):
        assert refused(keyed, method, again).code() is grpc.StatusCode.FAILED_PRECONDITION


def test_key_when_its_id_is_taken_then_refused(keyed: Keyed) -> None:
    key = keyed.new_key(("shop", "", ["read"]))
    again = access_service_pb2.CreateKeyRequest(
        key=key_pb2.Key(id=key.id, grants=[key_pb2.Grant(book="shop", actions=[READ])])
    )
    assert refused(keyed, "CreateKey", again).code() is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    "grant",
    [
        key_pb2.Grant(book="*", actions=[READ]),
        key_pb2.Grant(book="other", actions=[READ]),
        key_pb2.Grant(book="shop", account_prefix="", actions=[READ]),
        key_pb2.Grant(book="shop", account_prefix="user", actions=[READ]),
        key_pb2.Grant(book="shop", account_prefix="users:2:", actions=[ADMIN]),
    ],
)
def test_key_when_it_would_grant_more_than_its_maker_administers_then_403(
    keyed: Keyed, grant: key_pb2.Grant
) -> None:
    token = keyed.token(("shop", "users:1:", ["admin"]), ("other", "", ["read", "write"]))
    wanted = access_service_pb2.CreateKeyRequest(key=key_pb2.Key(grants=[grant]))
    assert refused(keyed, "CreateKey", wanted, token).code() is grpc.StatusCode.PERMISSION_DENIED
    own = keyed.new_key(("shop", "users:1:", ["read"]))
    widened = update(key_pb2.Key(id=own.id, grants=[grant]), "grants")
    assert refused(keyed, "UpdateKey", widened, token).code() is grpc.StatusCode.PERMISSION_DENIED


def test_key_when_others_own_it_then_as_if_it_were_not_there(keyed: Keyed) -> None:
    token = keyed.token(("mine", "", ["admin"]))
    own, others = keyed.new_key(("mine", "", ["read"])), keyed.new_key(("yours", "", ["read"]))
    listed = keyed.manage("ListKeys", access_service_pb2.ListKeysRequest(), token).keys
    assert own.id in {each.id for each in listed}
    assert {grant.book for each in listed for grant in each.grants} == {"mine"}
    for method, request in (
        ("GetKey", access_service_pb2.GetKeyRequest(key=others.id)),
        ("RotateKey", access_service_pb2.RotateKeyRequest(key=others.id)),
        ("RevokeKey", access_service_pb2.RevokeKeyRequest(key=others.id)),
        ("UpdateKey", update(key_pb2.Key(id=others.id, description="x"), "description")),
    ):
        assert refused(keyed, method, request, token).code() is grpc.StatusCode.NOT_FOUND
    unknown = access_service_pb2.ListKeyChangesRequest()
    error = refused(keyed, "ListKeyChanges", unknown, token)
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


def test_keys_when_there_are_many_then_pages_have_each_once(keyed: Keyed) -> None:
    made = {keyed.new_key(("pages", "", ["read"])).id for _ in range(7)}
    token, found, pages = keyed.token(("pages", "", ["admin"])), [], 0
    request = access_service_pb2.ListKeysRequest(page_size=3)
    while True:
        page = keyed.manage("ListKeys", request, token)
        found += [key.id for key in page.keys]
        pages += 1
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert made < set(found)
    assert len(found) == len(set(found)) == 8
    assert pages >= 3


def test_changes_when_made_then_each_is_told_with_who_made_it(keyed: Keyed) -> None:
    manager = keyed.new_key(("audited", "", ["admin"]))
    token = manager.tokens[0].token
    wanted = key_pb2.Key(id=f"{manager.id}-made", description="secret plan")
    wanted.grants.add(book="audited", actions=[READ])
    made = keyed.manage("CreateKey", access_service_pb2.CreateKeyRequest(key=wanted), token)
    keyed.manage("RotateKey", access_service_pb2.RotateKeyRequest(key=made.id), token)
    keyed.manage("UpdateKey", update(key_pb2.Key(id=made.id), "description"), token)
    keyed.manage("RevokeKey", access_service_pb2.RevokeKeyRequest(key=made.id))
    request = access_service_pb2.ListKeyChangesRequest(key=made.id)
    changes = keyed.manage("ListKeyChanges", request).changes
    kinds = [key_pb2.KeyChangeKind.Name(each.kind).rpartition("_")[2] for each in changes]
    assert kinds == ["REVOKED", "UPDATED", "ROTATED", "CREATED"]
    assert [each.actor for each in changes] == ["key:root", *[f"key:{manager.id}"] * 3]
    assert json.loads(changes[-1].detail)["grants"] == [
        {"book": "audited", "actions": ["ACTION_READ"]}
    ]
    assert json.loads(changes[1].detail)["description"] == ""


def test_changes_when_access_would_unwrite_them_then_it_may_not(
    keyed: Keyed, keyed_database: Database
) -> None:
    with psycopg.connect(keyed_database.access_url, autocommit=True) as connection:
        for statement in (
            "DELETE FROM yupana.access_changes",
            "UPDATE yupana.access_changes SET actor = 'nobody'",
            "SELECT * FROM yupana.journal",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    for url in (keyed_database.ledger_url, keyed_database.feed_url):
        with psycopg.connect(url, autocommit=True) as connection:
            for table in ("access_keys", "access_tokens", "access_book_quotas"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"DELETE FROM yupana.{table}")


def test_entries_when_recorded_then_the_journal_names_the_key(
    keyed: Keyed, shop: str, keyed_database: Database
) -> None:
    key = keyed.new_key((shop, "", ["write", "hold"]))
    rest, path = keyed.rest(key.tokens[0].token), f"/v1/books/{shop}"
    move = {"debitAccount": "world", "creditAccount": "users:1:wallet", "amount": "1"}
    assert rest.post(f"{path}/transfers", {"id": "plain", "transfer": move}).status == 200
    assert rest.post(f"{path}/holds", {"id": "held", "hold": move}).status == 200
    with psycopg.connect(keyed_database.admin_url) as connection:
        rows = connection.execute(
            "SELECT j.id, j.actor FROM yupana.journal j JOIN yupana.books b USING (book) "
            "WHERE b.id = %s AND j.id IN ('plain', 'held', 'a')",
            [shop],
        ).fetchall()
    assert dict(rows) == {
        "plain": f"key:{key.id}",
        "held": f"key:{key.id}",
        "a": "key:root",
    }


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ({"grants": []}, "key.grants"),
        ({"id": "Upper", "grants": [{"book": "b", "actions": ["ACTION_READ"]}]}, "key.id"),
        ({"grants": [{"book": "b"}]}, "key.grants[0].actions"),
        ({"grants": [{"book": "", "actions": ["ACTION_READ"]}]}, "key.grants[0].book"),
        ({"grants": [{"book": "b", "actions": [99]}]}, "key.grants[0].actions[0]"),
        ({"grants": [{"book": "b", "actions": [0]}]}, "key.grants[0].actions[0]"),
        (
            {"grants": [{"book": "b", "actions": [1], "accountPrefix": "%"}]},
            "key.grants[0].account_prefix",
        ),
        ({"grants": [{"book": "b", "actions": [1]}], "description": "x" * 201}, "key.description"),
        (
            {"grants": [{"book": "b", "actions": [1]}], "quota": {"requestsPerSecond": -1}},
            "key.quota.requests_per_second",
        ),
        (
            {"grants": [{"book": "b", "actions": [1]}], "quota": {"requestsPerSecond": "NaN"}},
            "key.quota.requests_per_second",
        ),
        (
            {"grants": [{"book": "b", "actions": [1]}], "quota": {"requestBurst": 5}},
            "key.quota.request_burst",
        ),
        (
            {"grants": [{"book": "b", "actions": [1]}], "certificateName": "a b"},
            "key.certificate_name",
        ),
    ],
)
def test_key_when_malformed_then_every_fault_is_named(
    keyed: Keyed, key: dict[str, Any], field: str
) -> None:
    answer = keyed.rest().post("/v1/keys", {"key": key})
    assert (answer.status, answer.reason) == (400, "MALFORMED_REQUEST"), answer.body
    violations = answer.json["details"][1]["fieldViolations"]
    assert field in {each["field"] for each in violations}


def test_key_when_made_by_rest_then_it_works(keyed: Keyed, shop: str) -> None:
    body = {"key": {"grants": [{"book": shop, "actions": ["ACTION_READ"]}]}}
    made = keyed.rest().post("/v1/keys", body)
    assert made.status == 200, made.body
    token = made.json["tokens"][0]["token"]
    assert keyed.rest(token).get(f"/v1/books/{shop}").status == 200
    listed = keyed.rest().get("/v1/keys?pageSize=1000").json["keys"]
    assert made.json["id"] in {each["id"] for each in listed}
    path = f"/v1/keys/{made.json['id']}"
    assert keyed.rest().post(f"{path}/rotate", {}).json["tokens"][0]["token"] != token
    assert keyed.rest().post(f"{path}/revoke", {}).json["revokeTime"]
    assert keyed.rest().get(f"/v1/key-changes?key={made.json['id']}").json["changes"]
    quota = {"quota": {"requestsPerSecond": 100}}
    assert keyed.rest().call("PUT", "/v1/books/no-book/quota", quota).status == 200
    assert keyed.rest().get("/v1/books/no-book/quota").json["requestsPerSecond"] == 100


def update(key: key_pb2.Key, *paths: str) -> access_service_pb2.UpdateKeyRequest:
    return access_service_pb2.UpdateKeyRequest(key=key, update_mask=FieldMask(paths=paths))


def refused(keyed: Keyed, method: str, request: Any, token: str | None = None) -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        keyed.manage(method, request, token)
    return raised.value
