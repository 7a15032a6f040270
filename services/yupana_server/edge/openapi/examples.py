"""Requests and answers as they are, for people who learn by them. Tests send each request."""

from collections.abc import Mapping
from typing import Any

POSITION = "AQAAAAEAAAAAAAAABKxqTKI"
AT = "2026-11-22T12:02:25.392550Z"

_MOVED = {"debitAccount": "world", "creditAccount": "users:1:wallet", "amount": "1000"}
_RESERVED = {"debitAccount": "users:1:wallet", "creditAccount": "shop:sales", "amount": "250"}


def _done(id_: str, **result: Any) -> dict[str, Any]:
    return {"id": id_, **result, "replayed": False, "position": POSITION, "recordTime": AT}


EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "CreateBook": {
        "request": {"book": "shop"},
        "answer": {"id": "shop", "createTime": AT, "epoch": 1, "position": POSITION},
    },
    "OpenAsset": {
        "request": {"id": "open-usd", "asset": {"asset": "USD", "scale": 2}},
        "answer": _done("open-usd", assetOpened={}),
    },
    "OpenAccount": {
        "request": {
            "id": "open-wallet-1",
            "account": {
                "account": "users:1:wallet",
                "asset": "USD",
                "minBalance": "0",
                "labels": {"tier": "gold"},
            },
        },
        "answer": _done("open-wallet-1", accountOpened={}),
    },
    "CreateTransfer": {
        "request": {"id": "top-up-1", "transfer": _MOVED},
        "answer": _done("top-up-1", transferPosted={"amount": "1000"}),
    },
    "CreateHold": {
        "request": {"id": "order-1", "hold": {**_RESERVED, "timeout": "900s"}},
        "answer": _done("order-1", holdCreated={"amount": "250", "expireTime": AT}),
    },
    "CaptureHold": {
        "request": {"id": "ship-1", "capture": {"amount": "200", "final": True}},
    },
    "ReverseTransfer": {
        "request": {"id": "refund-1", "reversal": {"amount": "50"}},
    },
    "Execute": {
        "request": {
            "commands": [
                {"id": "fee-1", "linked": True, "createTransfer": {**_MOVED, "amount": "5"}},
                {"id": "top-up-2", "createTransfer": _MOVED},
            ]
        },
    },
    "GetAccount": {
        "answer": {
            "id": "users:1:wallet",
            "asset": "USD",
            "normalSide": "NORMAL_SIDE_CREDIT",
            "minBalance": "0",
            "balances": {
                "debitsPosted": "0",
                "creditsPosted": "1000",
                "debitsPending": "250",
                "creditsPending": "0",
                "balance": "1000",
                "available": "750",
            },
            "createTime": AT,
            "lastPosition": POSITION,
        },
    },
    "error": {
        "answer": {
            "code": 5,
            "message": "no account users:2:wallet is open in the book shop",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "ERROR_REASON_ACCOUNT_NOT_FOUND",
                    "domain": "yupana.dev",
                    "metadata": {"book": "shop", "account": "users:2:wallet"},
                }
            ],
        }
    },
}
"""By method; of `error` the answer of a call that failed."""
