"""What a ledger says to requests that it cannot accept, and that they leave no trace."""

import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from support.processes import LedgerProcess
from yupana import Yupana
from yupana.book import BookClient
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import error_reason_pb2, outcome_pb2
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.book_service_pb2_grpc import BookServiceStub
from yupana.ledger.v1.command_pb2 import Command, CreateTransfer, OpenAccount, OpenAsset
from yupana.ledger.v1.consistency_pb2 import Consistency
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.ledger.account_filters import AccountFilter
from yupana_server.ledger.tokens import encode_page_token, encode_position
from yupana_server.ledger.transfer_filters import TransferFilter

ALL_ACCOUNTS = AccountFilter("", "", None)
ALL_TRANSFERS = TransferFilter()
MIB = 1024 * 1024
UNKNOWN_FIELD = b"\xf8\x07\x01"  # Field 127, varint 1.
BAD_IDS = ["", "_internal", "-a", "a b", "a/b", "é", "a\n", "a\x00", "٣", "a" * 129, "'; DROP--"]
BAD_AMOUNTS = ["", "-1", "1.5", "+1", "007", "٣", " 1", "1\n", "1e3", "9" * 10_000]
BAD_AMOUNTS += [str(AMOUNT_MAX + 1)]

NEVER_SAID = ["select ", "insert ", "psycopg", "traceback", 'file "', "yupana_server", "127.0.0.1"]
NEVER_SAID += [
    "localhost",
    "postgres",
    "error:",
    "exception",
    "<class",
    "yupana.journal",
    "object at",
]


@dataclass
class Wire:
    """The generated stubs, without the client's help."""

    channel: grpc.aio.Channel
    ledger: Any
    books: Any

    async def position(self, book: BookClient) -> str:
        return str((await self.books.GetBook(books.GetBookRequest(book=book.id))).position)


@dataclass
class Failure:
    """A status with its details."""

    code: str
    reason: str
    violations: list[str]
    metadata: dict[str, str]
    message: str


@pytest.fixture
async def wire(ledger: LedgerProcess) -> AsyncIterator[Wire]:
    async with grpc.aio.insecure_channel(ledger.address) as channel:
        yield Wire(channel, LedgerServiceStub(channel), BookServiceStub(channel))


@pytest.fixture
async def quiet(client: Yupana) -> BookClient:
    """A book in which nothing happens: one for all tests, as each book costs a connection."""
    quiet = client.book((await client.create_book("quiet")).id)
    await quiet.open_asset("USD", scale=2)
    await quiet.open_account("world", asset="USD")
    return quiet


async def failure(call: Awaitable[Any]) -> Failure:
    """Return how a call fails, once it is sure that its status says no more than it should."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    status = rpc_status.from_call(error)
    assert status is not None, f"{error.code()}: {error.details()}"
    info, bad_request = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    assert info.domain == "yupana.dev"
    assert info.reason in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    says_nothing_of_the_inside(f"{error.details()} {status}")
    assert all(violation.description for violation in bad_request.field_violations)
    return Failure(
        error.code().name,
        info.reason.removeprefix("ERROR_REASON_"),
        [violation.field for violation in bad_request.field_violations],
        dict(info.metadata),
        error.details() or "",
    )


def says_nothing_of_the_inside(text: str) -> None:
    assert not [word for word in NEVER_SAID if word in text.lower()], text


async def assert_malformed(call: Awaitable[Any], *paths: str) -> None:
    failed = await failure(call)
    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")
    assert sorted(failed.violations) == sorted(paths)
    assert failed.metadata == {"violations": str(len(paths))}


def transfer(id_: str = "t", *, linked: bool = False, **changes: Any) -> Command:
    fields = {"debit_account": "world", "credit_account": "b", "amount": "5", **changes}
    return Command(id=id_, linked=linked, create_transfer=CreateTransfer(**fields))


def open_account(**changes: Any) -> Command:
    return Command(id="o", open_account=OpenAccount(**{"account": "a", "asset": "USD", **changes}))


def open_asset(**changes: Any) -> Command:
    return Command(id="o", open_asset=OpenAsset(**{"asset": "BTC", "scale": 8, **changes}))


def execute(book: BookClient, *commands: Command, **changes: Any) -> ledgers.ExecuteRequest:
    return ledgers.ExecuteRequest(book=book.id, commands=commands, **changes)


def newer(message: Message) -> Any:
    """Return the message with a field that this release does not know."""
    return type(message).FromString(message.SerializeToString() + UNKNOWN_FIELD)


def at(seconds: int, nanos: int = 0) -> dict[str, Timestamp]:
    return {"effective_time": Timestamp(seconds=seconds, nanos=nanos)}


# Commands


def chain(*ids: str) -> list[Command]:
    return [transfer(id_, linked=place < len(ids)) for place, id_ in enumerate(ids, start=1)]


FIRST = "commands[0]."
MOVE, ACCOUNT, ASSET = (FIRST + k for k in ("create_transfer.", "open_account.", "open_asset."))
MALFORMED: list[tuple[list[Command], list[str]]] = [
    ([], ["commands"]),
    ([transfer()] * 10_001, ["commands"]),
    *(([transfer(id_)], [f"{FIRST}id"]) for id_ in BAD_IDS),
    *(([transfer(debit_account=id_)], [f"{MOVE}debit_account"]) for id_ in BAD_IDS),
    *(([transfer(credit_account=id_)], [f"{MOVE}credit_account"]) for id_ in BAD_IDS),
    *(([transfer(asset=id_)], [f"{MOVE}asset"]) for id_ in BAD_IDS if id_),
    *(([transfer(amount=amount)], [f"{MOVE}amount"]) for amount in BAD_AMOUNTS),
    ([transfer(credit_account="world")], [f"{MOVE}credit_account"]),
    ([transfer(**at(-62_135_596_801))], [f"{MOVE}effective_time"]),
    ([transfer(**at(253_402_300_800))], [f"{MOVE}effective_time"]),
    ([transfer(**at(2**63 - 1))], [f"{MOVE}effective_time"]),
    ([transfer(**at(0, 1))], [f"{MOVE}effective_time"]),
    ([transfer(**at(0, -1000))], [f"{MOVE}effective_time"]),
    ([transfer(**at(0, 1_000_000_000))], [f"{MOVE}effective_time"]),
    ([transfer(labels={f"k{place}": "" for place in range(17)})], [f"{MOVE}labels"]),
    ([transfer(labels={"k": "é" * 257})], [f"{MOVE}labels"]),
    ([transfer(labels={"k": "a\x00b"})], [f"{MOVE}labels"]),
    *(([transfer(labels={key: "v"})], [f"{MOVE}labels"]) for key in ("", "_k", "a b", "é")),
    *(([open_account(account=id_)], [f"{ACCOUNT}account"]) for id_ in BAD_IDS),
    *(([open_account(asset=id_)], [f"{ACCOUNT}asset"]) for id_ in BAD_IDS),
    *(([open_account(min_balance=amount)], [f"{ACCOUNT}min_balance"]) for amount in ("", "1.5")),
    *(([open_account(max_balance=amount)], [f"{ACCOUNT}max_balance"]) for amount in ("-0", "٣")),
    ([open_account(min_balance=f"-{AMOUNT_MAX + 1}")], [f"{ACCOUNT}min_balance"]),
    ([open_account(min_balance="1", max_balance="0")], [f"{ACCOUNT}max_balance"]),
    ([open_account(normal_side=3)], [f"{ACCOUNT}normal_side"]),
    *(([open_asset(asset=id_)], [f"{ASSET}asset"]) for id_ in BAD_IDS),
    *(([open_asset(scale=scale)], [f"{ASSET}scale"]) for scale in (-1, 39)),
    ([Command(id="t")], [f"{FIRST}kind"]),
    ([newer(transfer())], [f"{FIRST}127"]),
    ([Command(id="t", create_transfer=newer(transfer().create_transfer))], [f"{MOVE}127"]),
    ([Command(id="t", open_account=newer(open_account().open_account))], [f"{ACCOUNT}127"]),
    ([Command(id="t", open_asset=newer(open_asset().open_asset))], [f"{ASSET}127"]),
    (
        [transfer(effective_time=newer(Timestamp(seconds=1)))],
        [f"{MOVE}effective_time.127"],
    ),
    ([transfer(linked=True)], [f"{FIRST}linked"]),
    ([transfer("1"), transfer("2", linked=True)], ["commands[1].linked"]),
    (chain("1", "2", "1"), ["commands[2].id"]),
    (chain("1", "1"), ["commands[1].id"]),
    (chain(*(f"t{place}" for place in range(1001))), ["commands[1000].linked"]),
    (
        [
            transfer("_1", amount="x", debit_account=""),
            open_account(asset="é", max_balance="y"),
            transfer("2", linked=True),
            transfer("2", credit_account="world", linked=True),
        ],
        [
            "commands[0].id",
            "commands[0].create_transfer.amount",
            "commands[0].create_transfer.debit_account",
            "commands[1].open_account.asset",
            "commands[1].open_account.max_balance",
            "commands[3].id",
            "commands[3].linked",
            "commands[3].create_transfer.credit_account",
        ],
    ),
]


CASES = [f"{number}-{paths[0]}" for number, (_, paths) in enumerate(MALFORMED)]


@pytest.mark.parametrize(("commands", "paths"), MALFORMED, ids=CASES)
async def test_execute_when_malformed_then_all_is_named_and_nothing_recorded(
    wire: Wire, quiet: BookClient, commands: list[Command], paths: list[str]
) -> None:
    before = await wire.position(quiet)
    await assert_malformed(wire.ledger.Execute(execute(quiet, *commands)), *paths)
    assert await wire.position(quiet) == before


@pytest.mark.parametrize("id_", BAD_IDS)
async def test_execute_when_book_is_malformed_then_says_so(wire: Wire, id_: str) -> None:
    request = ledgers.ExecuteRequest(book=id_, commands=[transfer()])
    await assert_malformed(wire.ledger.Execute(request), "book")


async def test_execute_when_request_has_an_unknown_field_then_says_so(
    wire: Wire, quiet: BookClient
) -> None:
    before = await wire.position(quiet)
    await assert_malformed(wire.ledger.Execute(newer(execute(quiet, transfer()))), "127")
    assert await wire.position(quiet) == before


async def test_execute_when_one_of_many_is_malformed_then_none_is_executed(
    wire: Wire, quiet: BookClient
) -> None:
    before = await wire.position(quiet)
    commands = [transfer(f"t{place}") for place in range(500)]
    commands[321].create_transfer.amount = "1,5"
    call = wire.ledger.Execute(execute(quiet, *commands))
    await assert_malformed(call, "commands[321].create_transfer.amount")
    assert await wire.position(quiet) == before


async def test_execute_when_very_much_is_wrong_then_answer_still_gets_through(
    wire: Wire, quiet: BookClient
) -> None:
    commands = [transfer(f"t{place}", amount="9" * 100) for place in range(10_000)]
    failed = await failure(wire.ledger.Execute(execute(quiet, *commands)))
    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")
    assert failed.metadata == {"violations": "10000"}
    assert failed.violations[0] == "commands[0].create_transfer.amount"
    assert failed.violations == [
        f"commands[{place}].create_transfer.amount" for place in range(len(failed.violations))
    ]


async def test_execute_when_message_is_too_large_then_resource_exhausted(
    wire: Wire, quiet: BookClient
) -> None:
    before = await wire.position(quiet)
    request = execute(quiet, transfer(amount="9" * (16 * MIB)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await wire.ledger.Execute(request)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    says_nothing_of_the_inside(caught.value.details() or "")
    assert await wire.position(quiet) == before
    await assert_malformed(
        wire.ledger.Execute(execute(quiet, transfer("big", amount="9" * (15 * MIB)))),
        f"{MOVE}amount",
    )


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x0a\x7fshop"])
async def test_execute_when_bytes_are_no_message_then_invalid_argument(
    wire: Wire, body: bytes
) -> None:
    call = wire.channel.unary_unary("/yupana.ledger.v1.LedgerService/Execute")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(body)
    says_nothing_of_the_inside(caught.value.details() or "")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_execute_when_book_is_unknown_then_not_found(wire: Wire) -> None:
    request = ledgers.ExecuteRequest(book="nowhere", commands=[transfer()])
    failed = await failure(wire.ledger.Execute(request))
    assert (failed.code, failed.reason) == ("NOT_FOUND", "BOOK_NOT_FOUND")
    assert failed.metadata == {"book": "nowhere"}


# Well-formed, but not to be executed: outcomes that leave no trace


REFUSALS = [
    (
        [transfer(credit_account="euro")],
        ["ASSET_MISMATCH"],
        {"debit_asset": "USD", "credit_asset": "EUR"},
    ),
    ([transfer(asset="EUR")], ["ASSET_MISMATCH"], {"debit_asset": "USD", "credit_asset": "USD"}),
    (
        [transfer(**at(4_000_000_000))],
        ["EFFECTIVE_TIME_IN_FUTURE"],
        {"effective_time": "2096-10-02T07:06:40Z"},
    ),
    (
        [transfer(**at(253_402_300_799, 999_999_000))],
        ["EFFECTIVE_TIME_IN_FUTURE"],
        {"effective_time": "9999-12-31T23:59:59.999999Z"},
    ),
    (
        [transfer("1", linked=True), transfer("2", asset="EUR")],
        ["LINKED_FAILED", "ASSET_MISMATCH"],
        {"failed_id": "2", "failed_reason": "ERROR_REASON_ASSET_MISMATCH"},
    ),
]


@pytest.mark.parametrize(("commands", "reasons", "facts"), REFUSALS)
async def test_execute_when_refused_then_nothing_is_recorded_and_ids_stay_free(
    wire: Wire, book: BookClient, commands: list[Command], reasons: list[str], facts: dict[str, str]
) -> None:
    await book.open_account("b", asset="USD")
    await book.open_account("euro", asset="EUR")
    before = await wire.position(book)
    answer = await wire.ledger.Execute(execute(book, *commands))

    assert [outcome.WhichOneof("result") for outcome in answer.outcomes] == ["refused"] * len(
        reasons
    )
    assert [reason_of(outcome) for outcome in answer.outcomes] == reasons
    assert facts.items() <= dict(answer.outcomes[0].refused.facts).items()
    for outcome in answer.outcomes:
        assert (outcome.position, outcome.replayed) == ("", False)
        assert not outcome.HasField("record_time")
        says_nothing_of_the_inside(outcome.refused.message)
    assert await wire.position(book) == before

    again = await wire.ledger.Execute(execute(book, *(transfer(c.id) for c in commands)))
    assert {outcome.WhichOneof("result") for outcome in again.outcomes} == {"transfer_posted"}


def reason_of(outcome: outcome_pb2.Outcome) -> str:
    why = outcome.refused if outcome.HasField("refused") else outcome.rejected
    name: str = error_reason_pb2.ErrorReason.Name(why.reason)
    return name.removeprefix("ERROR_REASON_")


@pytest.mark.parametrize(
    ("malformed", "field"),
    [
        (transfer("known", amount="x"), "amount"),
        (transfer("known", debit_account=""), "debit_account"),
        (transfer("known", credit_account="world"), "credit_account"),
        (transfer("known", labels={"": ""}), "labels"),
        (transfer("known", **at(0, 1)), "effective_time"),
        (Command(id="known"), "kind"),
    ],
)
async def test_execute_when_malformed_id_is_known_then_id_reused_and_the_rest_is_executed(
    wire: Wire, book: BookClient, malformed: Command, field: str
) -> None:
    await book.open_account("b", asset="USD")
    await wire.ledger.Execute(execute(book, transfer("known")))
    commands = [transfer("new1"), malformed, transfer("known"), transfer("new2")]
    answer = await wire.ledger.Execute(execute(book, *commands))

    assert [outcome.WhichOneof("result") for outcome in answer.outcomes] == [
        "transfer_posted",
        "refused",
        "transfer_posted",
        "transfer_posted",
    ]
    assert [outcome.replayed for outcome in answer.outcomes] == [False, False, True, False]
    refused = answer.outcomes[1]
    assert reason_of(refused) == "ID_REUSED"
    says_nothing_of_the_inside(refused.refused.message)
    assert refused.refused.facts["field"] == field


async def test_execute_when_malformed_id_is_known_in_a_chain_then_the_new_ones_are_mixed(
    wire: Wire, book: BookClient
) -> None:
    await book.open_account("b", asset="USD")
    await wire.ledger.Execute(execute(book, transfer("known")))
    before = await wire.position(book)
    commands = [transfer("new", linked=True), transfer("known", amount="x")]
    answer = await wire.ledger.Execute(execute(book, *commands))
    assert [reason_of(outcome) for outcome in answer.outcomes] == ["CHAIN_MIXED", "ID_REUSED"]
    assert await wire.position(book) == before


async def test_execute_when_some_malformed_ids_are_known_and_some_not_then_refused(
    wire: Wire, book: BookClient
) -> None:
    await book.open_account("b", asset="USD")
    await wire.ledger.Execute(execute(book, transfer("known")))
    before = await wire.position(book)
    commands = [transfer("known", amount="x"), transfer("fine"), transfer("new", amount="x")]
    failed = await failure(wire.ledger.Execute(execute(book, *commands)))
    assert failed.reason == "MALFORMED_REQUEST"
    assert "commands[2].create_transfer.amount" in failed.violations
    assert await wire.position(book) == before


async def test_execute_when_id_was_refused_or_only_validated_then_malformed_is_still_malformed(
    wire: Wire, quiet: BookClient
) -> None:
    await wire.ledger.Execute(execute(quiet, transfer("t", asset="EUR", credit_account="world2")))
    await wire.ledger.Execute(execute(quiet, transfer("v"), validate_only=True))
    call = wire.ledger.Execute(execute(quiet, transfer("v", amount="x"), validate_only=True))
    await assert_malformed(call, f"{MOVE}amount")


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
            f"accounts {{}} {ALL_ACCOUNTS!r}",
            ["\x00", "\ud800"],
        ),
        (
            "ListTransfers",
            ledgers.ListTransfersRequest,
            f"transfers {{}} {ALL_TRANSFERS!r}",
            ["x", "", "9" * 30, "9" * 5000],
        ),
        ("ListAssets", books.ListAssetsRequest, "assets {}", ["\x00"]),
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
        ("ListAccounts", ledgers.ListAccountsRequest, f"accounts {{}} {ALL_ACCOUNTS!r}", "a"),
        ("ListTransfers", ledgers.ListTransfersRequest, f"transfers {{}} {ALL_TRANSFERS!r}", "5"),
        ("ListAssets", books.ListAssetsRequest, "assets {}", "A"),
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


# Calls


async def test_call_when_deadline_is_too_short_then_deadline_exceeded(
    wire: Wire, quiet: BookClient
) -> None:
    before = await wire.position(quiet)
    for timeout_s in (0.001, 0.02, 0):
        started_s = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.ledger.Execute(execute(quiet, transfer()), timeout=timeout_s)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - started_s < 1
        says_nothing_of_the_inside(caught.value.details() or "")
    assert await wire.position(quiet) == before


async def test_call_when_it_has_no_deadline_then_it_works(wire: Wire, book: BookClient) -> None:
    answer = await wire.ledger.Execute(execute(book, transfer(credit_account="b")), timeout=None)
    assert reason_of(answer.outcomes[0]) == "ACCOUNT_NOT_FOUND"


async def test_call_when_method_is_unknown_then_unimplemented(wire: Wire) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await wire.channel.unary_unary("/yupana.ledger.v1.LedgerService/Erase")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


SERVICES = ["yupana.ledger.v1.LedgerService", "yupana.ledger.v1.BookService"]


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_health_when_asked_or_watched_then_serving(wire: Wire, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(wire.channel)
    request = health_pb2.HealthCheckRequest(service=service)
    assert (await stub.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(request)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


async def test_health_when_service_is_unknown_then_says_so(wire: Wire) -> None:
    stub = health_pb2_grpc.HealthStub(wire.channel)
    request = health_pb2.HealthCheckRequest(service="nothing")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Check(request)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(request)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


async def test_reflection_lists_the_services(wire: Wire) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(wire.channel)
    call = stub.ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    )
    answers = [answer async for answer in call]
    names = {service.name for service in answers[0].list_services_response.service}
    assert names >= {*SERVICES, "grpc.health.v1.Health"}
