"""Reads which accounts are to be listed."""

from typing import NamedTuple

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.book.bounds import ACCOUNT_PREFIX_PATTERN
from yupana_server.ledger.transfer_filters import read_label
from yupana_server.messages.checks import RequestCheck


class AccountFilter(NamedTuple):
    """Which accounts are to be listed."""

    prefix: str
    code: str
    label: tuple[str, str] | None


def read_account_filter(
    request: ledger_service_pb2.ListAccountsRequest, check: RequestCheck
) -> AccountFilter:
    """Read the filter; names what is wrong with it in `check`."""
    if ACCOUNT_PREFIX_PATTERN.fullmatch(request.prefix) is None:
        check.add("prefix", "no account's id begins like this")
    check.check_optional_id("code", request.code)
    label = read_label(request.label, check) if request.HasField("label") else None
    if request.code and label is not None:
        check.add("label", "not together with code: give at most one of code, label")
    return AccountFilter(request.prefix, request.code, label)
