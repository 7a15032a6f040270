"""Bad commands over the wire: named, not executed, and ids stay free."""

from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from support.wire import (
    BAD_IDS,
    Wire,
    assert_malformed,
    execute,
    failure,
    newer,
    reason_of,
    says_nothing_of_the_inside,
    transfer,
)
from yupana.book import BookClient
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.command_pb2 import Command, OpenAccount, OpenAsset
from yupana_server.book.bounds import AMOUNT_MAX

MIB = 1024 * 1024
BAD_AMOUNTS = ["", "-1", "1.5", "+1", "007", "٣", " 1", "1\n", "1e3", "9" * 10_000]
BAD_AMOUNTS += [str(AMOUNT_MAX + 1)]


def open_account(**changes: Any) -> Command:
    return Command(id="o", open_account=OpenAccount(**{"account": "a", "asset": "USD", **changes}))


def open_asset(**changes: Any) -> Command:
    return Command(id="o", open_asset=OpenAsset(**{"asset": "BTC", "scale": 8, **changes}))


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
