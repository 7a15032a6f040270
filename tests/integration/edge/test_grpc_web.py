"""gRPC-Web, as browsers speak it: frames in the body of a request, the trailers as the last one."""

import struct
from collections.abc import Iterator

import pytest

from support.rest import Rest
from yupana.ledger.v1 import account_pb2, ledger_service_pb2

PATH = "/yupana.ledger.v1.LedgerService/GetAccount"
WEB = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
TRAILERS = 0x80


@pytest.mark.parametrize(("account", "status"), [("users:1:wallet", "0"), ("nobody", "5")])
def test_browser_when_it_calls_then_answered_as_by_grpc(
    rest: Rest, shop: str, account: str, status: str
) -> None:
    request = ledger_service_pb2.GetAccountRequest(book=shop.rpartition("/")[2], account=account)
    message = request.SerializeToString()
    answer = rest.call("POST", PATH, struct.pack(">BI", 0, len(message)) + message, WEB)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/grpc-web")
    frames = dict(_frames(answer.body))
    told = frames[TRAILERS].decode() if TRAILERS in frames else ""
    assert f"grpc-status:{status}" in told or answer.headers.get("grpc-status") == status
    if status == "0":
        assert account_pb2.Account.FromString(frames[0]).balances.balance == "100"


def _frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    while body:
        kind, size = struct.unpack(">BI", body[:5])
        yield kind, body[5 : 5 + size]
        body = body[5 + size :]
