"""Bad reads over the wire: positions and page tokens that are not what they should be."""

from typing import Any

import pytest

from support.wire import BAD_IDS, Wire, assert_malformed, failure, newer
from yupana.book import BookClient
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.consistency_pb2 import Consistency
from yupana_server.ledger.account_filters import AccountFilter
from yupana_server.ledger.transfer_filters import TransferFilter
from yupana_server.messages.tokens import encode_page_token, encode_position

ALL_ACCOUNTS = AccountFilter("", "", None)
ALL_TRANSFERS = TransferFilter()


# Reads

TOKEN_OF_ANOTHER_SCOPE = encode_page_token("accounts elsewhere ", 1, "a")
BAD_READS: list[tuple[str, Any, dict[str, Any], list[str]]] = [
    ("BatchGetAccounts", ledgers.BatchGetAccountsRequest, {}, ["accounts"]),
    (
        "BatchGetAccounts",
        ledgers.BatchGetAccountsRequest,
        {"accounts": [f"a{place}" for place in range(1001)]},
        ["accounts"],
    ),
    (
        "BatchGetAccounts",
        ledgers.BatchGetAccountsRequest,
        {"accounts": ["a", "b", "a", "_b"]},
        ["accounts[2]", "accounts[3]"],
    ),
    (
        "BatchGetAccounts",
        ledgers.BatchGetAccountsRequest,
        {"accounts": BAD_IDS},
        [f"accounts[{place}]" for place in range(len(BAD_IDS))],
    ),
    ("ListAccounts", ledgers.ListAccountsRequest, {"page_size": -1}, ["page_size"]),
    *(
        ("ListAccounts", ledgers.ListAccountsRequest, {"prefix": prefix}, ["prefix"])
        for prefix in ("é", "a b", "%", "a\x00", "a" * 129)
    ),
    (
        "ListAccounts",
        ledgers.ListAccountsRequest,
        {"prefix": "/", "page_size": -5},
        ["page_size", "prefix"],
    ),
    ("ListTransfers", ledgers.ListTransfersRequest, {"page_size": -1}, ["page_size"]),
    *(
        ("ListTransfers", ledgers.ListTransfersRequest, {"account": id_}, ["account"])
        for id_ in BAD_IDS
        if id_
    ),
    *(("GetTransfer", ledgers.GetTransferRequest, {"id": id_}, ["id"]) for id_ in BAD_IDS),
    ("ListAssets", books.ListAssetsRequest, {"page_size": -(2**31)}, ["page_size"]),
]


def stub_of(wire: Wire, method: str) -> Any:
    return getattr(wire.ledger if hasattr(wire.ledger, method) else wire.books, method)


@pytest.mark.parametrize(("method", "request_type", "arguments", "paths"), BAD_READS)
async def test_read_when_malformed_then_all_is_named(
    wire: Wire,
    quiet: BookClient,
    method: str,
    request_type: Any,
    arguments: dict[str, Any],
    paths: list[str],
) -> None:
    request = request_type(book=quiet.id, **arguments)
    await assert_malformed(stub_of(wire, method)(request), *paths)


READS: list[tuple[str, Any, dict[str, Any]]] = [
    ("BatchGetAccounts", ledgers.BatchGetAccountsRequest, {"accounts": ["world"]}),
    ("ListAccounts", ledgers.ListAccountsRequest, {}),
    ("GetTransfer", ledgers.GetTransferRequest, {"id": "t"}),
    ("ListTransfers", ledgers.ListTransfersRequest, {}),
    ("ListAssets", books.ListAssetsRequest, {}),
]
LISTS = [read for read in READS if read[0].startswith("List")]


@pytest.mark.parametrize(
    ("method", "request_type", "arguments"),
    [
        *READS,
        ("GetBook", books.GetBookRequest, {}),
        ("CreateBook", books.CreateBookRequest, {}),
    ],
)
async def test_call_when_book_is_malformed_or_field_unknown_then_says_so(
    wire: Wire, method: str, request_type: Any, arguments: dict[str, Any]
) -> None:
    for id_ in BAD_IDS:
        await assert_malformed(stub_of(wire, method)(request_type(book=id_, **arguments)), "book")
    request = newer(request_type(book="some", **arguments))
    await assert_malformed(stub_of(wire, method)(request), "127")


@pytest.mark.parametrize(
    ("method", "request_type", "arguments"), [*READS, ("GetBook", books.GetBookRequest, {})]
)
async def test_read_when_book_is_unknown_then_not_found(
    wire: Wire, method: str, request_type: Any, arguments: dict[str, Any]
) -> None:
    failed = await failure(stub_of(wire, method)(request_type(book="nowhere", **arguments)))
    assert (failed.code, failed.reason) == ("NOT_FOUND", "BOOK_NOT_FOUND")
    assert failed.metadata == {"book": "nowhere"}


@pytest.mark.parametrize(("method", "request_type", "arguments"), READS)
async def test_read_when_position_is_not_of_this_book_then_invalid_position(
    wire: Wire, quiet: BookClient, method: str, request_type: Any, arguments: dict[str, Any]
) -> None:
    here = await wire.position(quiet)
    for token in ("", "garbage", "٣", "=" * 24, here[:-1], here + "A", "A" * 10_000):
        await assert_invalid_position(wire, quiet, (method, request_type, arguments), token)
    for token in (encode_position("elsewhere", 1, 1), encode_position(quiet.id, 1, 1_000_000)):
        await assert_invalid_position(wire, quiet, (method, request_type, arguments), token)


async def assert_invalid_position(
    wire: Wire, book: BookClient, read: tuple[str, Any, dict[str, Any]], token: str
) -> None:
    method, request_type, arguments = read
    consistency = Consistency(at_least=token)
    request = request_type(book=book.id, consistency=consistency, **arguments)
    failed = await failure(stub_of(wire, method)(request))
    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "INVALID_POSITION")


@pytest.mark.parametrize(("method", "request_type", "arguments"), READS)
async def test_read_when_position_is_of_another_epoch_then_epoch_changed(
    wire: Wire, quiet: BookClient, method: str, request_type: Any, arguments: dict[str, Any]
) -> None:
    consistency = Consistency(at_least=encode_position(quiet.id, 2, 1))
    request = request_type(book=quiet.id, consistency=consistency, **arguments)
    failed = await failure(stub_of(wire, method)(request))
    assert (failed.code, failed.reason) == ("FAILED_PRECONDITION", "EPOCH_CHANGED")


@pytest.mark.parametrize(("method", "request_type", "arguments"), READS)
async def test_read_when_consistency_has_an_unknown_field_then_says_so(
    wire: Wire, quiet: BookClient, method: str, request_type: Any, arguments: dict[str, Any]
) -> None:
    request = request_type(book=quiet.id, consistency=newer(Consistency()), **arguments)
    await assert_malformed(stub_of(wire, method)(request), "consistency.127")


@pytest.mark.parametrize(
    ("method", "request_type", "arguments"), [*LISTS, ("ListBooks", books.ListBooksRequest, {})]
)
async def test_list_when_page_token_is_not_its_own_then_invalid_page_token(
    wire: Wire, quiet: BookClient, method: str, request_type: Any, arguments: dict[str, Any]
) -> None:
    if method != "ListBooks":
        arguments = {**arguments, "book": quiet.id}
    for token in ("garbage", "٣", "=", "A" * 10_000, await wire.position(quiet)):
        await assert_invalid_token(wire, method, request_type(page_token=token, **arguments))
    other = request_type(page_token=TOKEN_OF_ANOTHER_SCOPE, **arguments)
    await assert_invalid_token(wire, method, other)


async def assert_invalid_token(wire: Wire, method: str, request: Any) -> None:
    failed = await failure(stub_of(wire, method)(request))
    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")


async def test_list_when_page_token_is_for_other_arguments_then_invalid_page_token(
    wire: Wire, book: BookClient
) -> None:
    for place in range(3):
        await book.open_account(f"a:{place}", asset="USD")
        await book.transfer("world", f"a:{place}", 1)
    request = ledgers.ListAccountsRequest(book=book.id, prefix="a:", page_size=1)
    token = (await wire.ledger.ListAccounts(request)).next_page_token
    request = ledgers.ListAccountsRequest(book=book.id, prefix="a", page_size=1, page_token=token)
    await assert_invalid_token(wire, "ListAccounts", request)

    request = ledgers.ListTransfersRequest(book=book.id, account="world", page_size=1)
    token = (await wire.ledger.ListTransfers(request)).next_page_token
    request = ledgers.ListTransfersRequest(book=book.id, page_size=1, page_token=token)
    await assert_invalid_token(wire, "ListTransfers", request)


@pytest.mark.parametrize(
    ("method", "request_type", "scope", "cursors"),
    [
        (
            "ListAccounts",
            ledgers.ListAccountsRequest,
            f"{{}} accounts {ALL_ACCOUNTS!r}",
            ["\x00", "\ud800"],
        ),
        (
            "ListTransfers",
            ledgers.ListTransfersRequest,
            f"{{}} transfers {ALL_TRANSFERS!r}",
            ["x", "", "9" * 30, "9" * 5000],
        ),
        ("ListAssets", books.ListAssetsRequest, "{} assets", ["\x00"]),
        ("ListBooks", books.ListBooksRequest, "books", ["\x00"]),
    ],
)
async def test_list_when_page_token_is_forged_then_invalid_page_token(
    wire: Wire, quiet: BookClient, method: str, request_type: Any, scope: str, cursors: list[str]
) -> None:
    arguments = {} if method == "ListBooks" else {"book": quiet.id}
    for cursor in cursors:
        token = encode_page_token(scope.format(quiet.id), 1, cursor)
        await assert_invalid_token(wire, method, request_type(page_token=token, **arguments))


@pytest.mark.parametrize(
    ("method", "request_type", "scope", "cursor"),
    [
        ("ListAccounts", ledgers.ListAccountsRequest, f"{{}} accounts {ALL_ACCOUNTS!r}", "a"),
        ("ListTransfers", ledgers.ListTransfersRequest, f"{{}} transfers {ALL_TRANSFERS!r}", "5"),
        ("ListAssets", books.ListAssetsRequest, "{} assets", "A"),
    ],
)
async def test_list_when_page_token_is_of_another_epoch_then_epoch_changed(
    wire: Wire, quiet: BookClient, method: str, request_type: Any, scope: str, cursor: str
) -> None:
    token = encode_page_token(scope.format(quiet.id), 2, cursor)
    failed = await failure(stub_of(wire, method)(request_type(book=quiet.id, page_token=token)))
    assert (failed.code, failed.reason) == ("FAILED_PRECONDITION", "EPOCH_CHANGED")


async def test_get_transfer_when_there_is_none_then_not_found(
    wire: Wire, quiet: BookClient
) -> None:
    for id_ in ("nothing", "open-account:world", "open-asset:USD"):
        failed = await failure(
            wire.ledger.GetTransfer(ledgers.GetTransferRequest(book=quiet.id, id=id_))
        )
        assert (failed.code, failed.reason) == ("NOT_FOUND", "TRANSFER_NOT_FOUND")
        assert failed.metadata == {"book": quiet.id, "id": id_}
