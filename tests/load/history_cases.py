"""The calls that are measured, each with random arguments."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from history_fill import BEGAN_AT, BOOK, STEP_US, USERS

from yupana.ledger.v1 import history_service_pb2 as history
from yupana.ledger.v1 import hold_pb2
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.as_of_pb2 import AsOf
from yupana_server.messages.present import timestamp
from yupana_server.messages.tokens import encode_position

BY_EFFECT = history.STATEMENT_ORDER_EFFECTIVE_TIME

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call, given the stubs of LedgerService and HistoryService."""


class Cases:
    """Makes calls about a journal of so many entries."""

    def __init__(self, entries: int):
        self._seqs = range(2 * USERS, entries)

    def all(self) -> dict[str, Call]:
        """Return every case by its name."""
        return self._moments() | self._statements() | self._sums() | self._lists() | self._holds()

    def _when(self) -> Timestamp:
        return timestamp(BEGAN_AT + random.choice(self._seqs) * STEP_US)

    def _user(self) -> str:
        return f"users:{random.randrange(USERS)}:{random.choice(['wallet', 'savings'])}"

    def _moments(self) -> dict[str, Call]:
        moments: dict[str, Callable[[], AsOf]] = {
            "position": lambda: AsOf(position=encode_position(BOOK, 1, random.choice(self._seqs))),
            "record time": lambda: AsOf(record_time=self._when()),
            "effective time": lambda: AsOf(effective_time=self._when()),
        }
        whom: dict[str, Callable[[], list[str]]] = {
            "a user": lambda: [self._user()],
            "world": lambda: ["world"],
            "100 users": lambda: [
                f"users:{number}:wallet" for number in random.sample(range(USERS), 100)
            ],
        }
        return {
            f"as of {name}, {who}": _accounts(which, moment)
            for name, moment in moments.items()
            for who, which in whom.items()
        }

    def _statements(self) -> dict[str, Call]:
        orders = {"as recorded": history.STATEMENT_ORDER_RECORD_TIME, "by effect": BY_EFFECT}
        whom: dict[str, Callable[[], str]] = {"a user": self._user, "world": lambda: "world"}

        def statement(account: Callable[[], str], order: Any) -> Call:
            return lambda _, past: past.GetStatement(
                history.GetStatementRequest(
                    book=BOOK,
                    account=account(),
                    order=order,
                    from_time=self._when(),
                    page_size=100,
                )
            )

        return {
            f"statement {name}, {who}": statement(account, order)
            for name, order in orders.items()
            for who, account in whom.items()
        }

    def _sums(self) -> dict[str, Call]:
        prefixes: dict[str, Callable[[], str]] = {
            "all": lambda: "",
            "users": lambda: "users",
            "a user": lambda: f"users:{random.randrange(USERS)}",
        }

        def sums(prefix: Callable[[], str]) -> Call:
            return lambda _, past: past.SumBalances(
                history.SumBalancesRequest(book=BOOK, prefix=prefix())
            )

        return {f"sums of {name}": sums(prefix) for name, prefix in prefixes.items()}

    def _lists(self) -> dict[str, Call]:
        codes = {"code": lambda: f"code-{random.randrange(20)}"}
        before = {"to_record_time": self._when}
        lists: dict[str, dict[str, Callable[[], Any]]] = {
            "transfers": {},
            "transfers before a time": before,
            "transfers of a user": {"account": self._user},
            "transfers of world": {"account": lambda: "world"},
            "transfers of 2 accounts by prefix": {
                "prefix": lambda: f"users:{random.randrange(USERS)}:"
            },
            "transfers of 222 accounts by prefix": {
                "prefix": lambda: f"users:{random.randrange(100, 999)}"
            },
            "transfers by code": codes,
            "transfers by code before a time": {**codes, **before},
            "transfers by label": {
                "label": lambda: ledgers.Label(key="order", value=str(random.randrange(50_000)))
            },
            "transfers by group": {"group": lambda: f"group-{random.choice(self._seqs) // 10_000}"},
            "rejected transfers": {"outcome": lambda: ledgers.OutcomeFilter(rejected=True)},
            "transfers rejected for a reason": {
                "outcome": lambda: ledgers.OutcomeFilter(reason=5)  # type: ignore[arg-type]
            },
        }
        listed = {name: _transfers(wanted) for name, wanted in lists.items()}
        channel = ledgers.Label(key="channel", value="web")
        return {
            **listed,
            "accounts by code": _list_accounts(code="vip"),
            "accounts by label": _list_accounts(label=channel),
        }

    def _holds(self) -> dict[str, Call]:
        def holds(**wanted: Callable[[], Any]) -> Call:
            return lambda _, past: past.ListHolds(
                history.ListHoldsRequest(book=BOOK, page_size=100, **_made(wanted))
            )

        return {
            "open holds": holds(),
            "open holds of a user": holds(account=self._user),
            "expired holds": holds(state=lambda: hold_pb2.HOLD_STATE_EXPIRED),
            "a user with its open holds": lambda ledger, _: ledger.BatchGetAccounts(
                ledgers.BatchGetAccountsRequest(
                    book=BOOK, accounts=[self._user()], include_open_holds=True
                )
            ),
        }


def _accounts(which: Callable[[], list[str]], moment: Callable[[], AsOf]) -> Call:
    return lambda ledger, _: ledger.BatchGetAccounts(
        ledgers.BatchGetAccountsRequest(book=BOOK, accounts=which(), as_of=moment())
    )


def _transfers(wanted: dict[str, Callable[[], Any]]) -> Call:
    return lambda ledger, _: ledger.ListTransfers(
        ledgers.ListTransfersRequest(book=BOOK, page_size=100, **_made(wanted))
    )


def _list_accounts(**wanted: Any) -> Call:
    return lambda ledger, _: ledger.ListAccounts(
        ledgers.ListAccountsRequest(book=BOOK, page_size=100, **wanted)
    )


def _made(wanted: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    return {name: make() for name, make in wanted.items()}
