"""What callers do not get to see who may read some accounts only: the balances of others."""

from collections.abc import Iterator
from typing import Any

from yupana_server.authorization.grants import Action
from yupana_server.authorization.needs import book_of
from yupana_server.authorization.principals import Principal

SIDES = (("debit_account", "debit_balances"), ("credit_account", "credit_balances"))


def redact(caller: Principal, request: Any, response: Any) -> Any:
    """Take out the balances of accounts that the caller may not read.

    Whom its own accounts have to do with it sees, as on any statement.
    """
    scope = caller.scope(book_of(request))
    if Action.READ in scope.whole:
        return response
    for transfer in _transfers(response):
        for account, balances in SIDES:
            if not scope.covers(Action.READ, getattr(transfer, account)):
                transfer.ClearField(balances)
    return response


def _transfers(response: Any) -> Iterator[Any]:
    name = response.DESCRIPTOR.name
    if name == "Transfer":
        yield response
    elif name == "ListTransfersResponse":
        yield from response.transfers
    elif name == "GetStatementResponse":
        yield from (line.transfer for line in response.lines)
