"""Who is let in and who is not: by REST through the edge, and past it."""

import grpc
import pytest

from support.keyed import Keyed, bearer
from yupana.access.v1 import access_service_pb2
from yupana.ledger.v1 import command_pb2, ledger_service_pb2, ledger_service_pb2_grpc

WORLD_TO_1 = {"debitAccount": "world", "creditAccount": "users:1:wallet", "amount": "1"}


def test_rest_when_no_key_comes_then_401(keyed: Keyed, shop: str) -> None:
    answer = keyed.rest("").get(f"/v1/books/{shop}")
    assert (answer.status, answer.json["code"], answer.reason) == (401, 16, "UNAUTHENTICATED")
    print(answer.headers, answer.body)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_root_when_it_reads_then_it_may(keyed: Keyed, shop: str) -> None:
    answer = keyed.rest().get(f"/v1/books/{shop}/accounts/users:1:wallet")
    assert answer.status == 200, answer.body
    assert answer.json["balances"]["balance"] == "100"
