"""Reading requests: what is accepted, and what is named when it is not."""

from collections.abc import Sequence

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from yupana.ledger.v1 import account_pb2
from yupana.ledger.v1.command_pb2 import Command, CreateTransfer, OpenAccount, OpenAsset
from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest
from yupana_server.book import commands as heart
from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import Chain, Malformed, NormalSide
from yupana_server.book.words import words_match
from yupana_server.ledger.parse import Parsed, parse_commands
from yupana_server.messages.fields import parse_amount, parse_signed
from yupana_server.runtime.errors import CallError

UNKNOWN_FIELD = b"\xf8\x07\x01"  # Field 127, varint 1.


def transfer(id_: str = "t", *, linked: bool = False, **changes: object) -> Command:
    fields = {"debit_account": "a", "credit_account": "b", "amount": "5", **changes}
    return Command(id=id_, linked=linked, create_transfer=CreateTransfer(**fields))


def open_account(id_: str = "o", **changes: object) -> Command:
    return Command(id=id_, open_account=OpenAccount(**{"account": "a", "asset": "USD", **changes}))


def open_asset(id_: str = "o", **changes: object) -> Command:
    return Command(id=id_, open_asset=OpenAsset(**{"asset": "USD", "scale": 2, **changes}))


def parse(*commands: Command, book: str = "shop") -> Parsed:
    return parse_commands(ExecuteRequest(book=book, commands=commands))


def refused(*commands: Command, book: str = "shop") -> list[str]:
    """Parse a request that is refused as a whole; return the paths of what is wrong."""
    with pytest.raises(CallError) as caught:
        parse(*commands, book=book)
    assert caught.value.reason == "MALFORMED_REQUEST"
    assert caught.value.metadata == {"violations": str(len(caught.value.violations))}
    return [violation.field for violation in caught.value.violations]


def wrong(parsed: Parsed) -> list[str]:
    return [violation.field for found in parsed.violations.values() for violation in found]


def with_unknown_field(message: object) -> object:
    """Return the message as a newer release might send it."""
    return type(message).FromString(message.SerializeToString() + UNKNOWN_FIELD)


# What is accepted


def test_transfer_when_only_what_must_be_is_given_then_the_rest_is_none() -> None:
    parsed = parse(transfer("t"))
    assert parsed == Parsed([(heart.CreateTransfer("t", "a", "b", 5),)], {}, 1)


def test_transfer_when_everything_is_given_then_all_is_read() -> None:
    at = Timestamp(seconds=-1, nanos=999_999_000)
    labels = {"order": "42", "empty": ""}
    [(read,)] = parse(transfer("t", asset="USD", effective_time=at, labels=labels)).units
    assert isinstance(read, heart.CreateTransfer)
    assert read.words is not None
    assert read._replace(words=None) == heart.CreateTransfer("t", "a", "b", 5, "USD", -1)
    assert words_match(read.words.sealed, heart.Words(labels))


def test_labels_when_sealed_twice_then_salts_differ() -> None:
    (first,), (second,) = parse(
        transfer("1", labels={"a": "b"}), transfer("2", labels={"a": "b"})
    ).units
    assert first.words.sealed != second.words.sealed


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (account_pb2.NORMAL_SIDE_UNSPECIFIED, NormalSide.CREDIT),
        (account_pb2.NORMAL_SIDE_CREDIT, NormalSide.CREDIT),
        (account_pb2.NORMAL_SIDE_DEBIT, NormalSide.DEBIT),
    ],
)
def test_open_account_reads_side_and_limits(side: int, expected: NormalSide) -> None:
    [(read,)] = parse(open_account(normal_side=side, min_balance="-7", max_balance="0")).units
    assert read == heart.OpenAccount("o", "a", "USD", expected, -7, 0)


def test_open_account_when_limits_are_left_out_then_none() -> None:
    assert parse(open_account()).units == [(heart.OpenAccount("o", "a", "USD"),)]


@pytest.mark.parametrize("scale", [0, 38])
def test_open_asset_reads_scale(scale: int) -> None:
    assert parse(open_asset(scale=scale)).units == [(heart.OpenAsset("o", "USD", scale),)]


def test_linked_commands_become_one_unit_with_places() -> None:
    parsed = parse(
        transfer("alone"),
        transfer("1", linked=True),
        transfer("2", linked=True),
        transfer("3"),
        transfer("4", linked=True),
        transfer("5"),
        open_asset("last"),
    )
    assert [[command.id for command in unit] for unit in parsed.units] == [
        ["alone"],
        ["1", "2", "3"],
        ["4", "5"],
        ["last"],
    ]
    assert [command.chain for unit in parsed.units for command in unit] == [
        None,
        Chain("1", 1, 3),
        Chain("1", 2, 3),
        Chain("1", 3, 3),
        Chain("4", 1, 2),
        Chain("4", 2, 2),
        None,
    ]


def test_id_when_twice_in_a_request_but_not_in_a_chain_then_accepted() -> None:
    parsed = parse(transfer("t"), transfer("t"), transfer("c", linked=True), transfer("t"))
    assert len(parsed.units) == 3


@pytest.mark.parametrize("id_", ["a", "0", "Z" * 128, "a_.:@+~-", "0193-a"])
def test_ids_when_of_the_alphabet_then_accepted(id_: str) -> None:
    assert not parse(transfer(id_, debit_account=id_, credit_account="other")).violations


@pytest.mark.parametrize(
    ("seconds", "nanos", "micros"),
    [
        (0, 0, 0),
        (-62_135_596_800, 0, -62_135_596_800_000_000),
        (253_402_300_799, 999_999_000, 253_402_300_799_999_999),
        (1, 1000, 1_000_001),
    ],
)
def test_effective_time_at_its_edges_is_exact(seconds: int, nanos: int, micros: int) -> None:
    [(read,)] = parse(transfer(effective_time=Timestamp(seconds=seconds, nanos=nanos))).units
    assert read.effective_at == micros


AMOUNTS = {
    "0": 0,
    "1": 1,
    "10": 10,
    str(AMOUNT_MAX): AMOUNT_MAX,
    **dict.fromkeys(
        ["", "00", "01", "+1", "1.0", "1.", "1e3", "1_000", "0x10", " 1", "1 ", "1\n", "\t1", "a"]
    ),
    **dict.fromkeys(["٣", "\uff13", "²", "1٣", "Ⅷ", "\u22121", "\x00", "1\x00"]),
    str(AMOUNT_MAX + 1): None,
    "9" * 39: None,
    "1" + "0" * 39: None,
    "9" * 10_000: None,
    "0" * 10_000: None,
}


@pytest.mark.parametrize(("text", "amount"), AMOUNTS.items(), ids=[repr(a)[:30] for a in AMOUNTS])
def test_amount_is_read_only_in_canonical_form(text: str, amount: int | None) -> None:
    assert parse_amount(text) == amount
    assert parse_signed(text) == amount
    assert parse_signed(f"-{text}") == (-amount if amount else None)


def test_amount_when_negative_then_it_is_none() -> None:
    assert parse_amount("-1") is None
    assert parse_signed("--1") is None


# What is not: one thing at a time, in the second command of a request.

TOO_LONG = "a" * 129
BAD_IDS = ["", "_internal", "-a", ":a", "a b", "a/b", "é", "a\n", "a\x00", "٣", TOO_LONG]
VIOLATIONS = [
    *((transfer(debit_account=id_), "create_transfer.debit_account") for id_ in BAD_IDS),
    *((transfer(credit_account=id_), "create_transfer.credit_account") for id_ in BAD_IDS),
    (transfer(credit_account="a"), "create_transfer.credit_account"),
    *((transfer(asset=id_), "create_transfer.asset") for id_ in BAD_IDS if id_),
    (transfer(amount="1.5"), "create_transfer.amount"),
    (transfer(amount=""), "create_transfer.amount"),
    *(
        (transfer(effective_time=Timestamp(seconds=s, nanos=n)), "create_transfer.effective_time")
        for s, n in (
            (0, 1),
            (0, 999),
            (0, -1000),
            (0, 1_000_000_000),
            (-62_135_596_801, 0),
            (253_402_300_800, 0),
            (2**63 - 1, 0),
            (-(2**63), 0),
            (0, -(2**31)),
        )
    ),
    (transfer(labels={f"k{i}": "" for i in range(17)}), "create_transfer.labels"),
    *((transfer(labels={key: ""}), "create_transfer.labels") for key in BAD_IDS),
    (transfer(labels={"k": "x" * 513}), "create_transfer.labels"),
    (transfer(labels={"k": "é" * 257}), "create_transfer.labels"),
    (transfer(labels={"k": "a\x00b"}), "create_transfer.labels"),
    *((open_account(account=id_), "open_account.account") for id_ in BAD_IDS),
    *((open_account(asset=id_), "open_account.asset") for id_ in BAD_IDS),
    *((open_account(min_balance=b), "open_account.min_balance") for b in ("", "-0", "+1", "1.5")),
    *((open_account(max_balance=b), "open_account.max_balance") for b in ("", "-0", "+1", "1.5")),
    (open_account(min_balance=str(-AMOUNT_MAX - 1)), "open_account.min_balance"),
    (open_account(max_balance=str(AMOUNT_MAX + 1)), "open_account.max_balance"),
    (open_account(min_balance="1", max_balance="0"), "open_account.max_balance"),
    (open_account(normal_side=3), "open_account.normal_side"),
    (open_account(normal_side=-1), "open_account.normal_side"),
    *((open_asset(asset=id_), "open_asset.asset") for id_ in BAD_IDS),
    *((open_asset(scale=scale), "open_asset.scale") for scale in (-1, 39, 2**31 - 1)),
    (Command(id="t"), "kind"),
]


@pytest.mark.parametrize(("command", "path"), VIOLATIONS)
def test_command_when_a_field_is_wrong_then_it_alone_is_named(command: Command, path: str) -> None:
    parsed = parse(transfer("good"), command)

    assert wrong(parsed) == [f"commands[1].{path}"]
    [violation] = parsed.violations[command.id]
    assert 0 < len(violation.description) < 300
    assert len(parsed.units) == 2
    assert isinstance(parsed.units[1][0], Malformed)
    assert parsed.units[1][0].id == command.id


def test_command_when_a_field_is_unknown_then_its_number_is_named() -> None:
    for command, path in (
        (with_unknown_field(transfer()), "commands[0].127"),
        (
            Command(id="t", create_transfer=with_unknown_field(transfer().create_transfer)),
            "commands[0].create_transfer.127",
        ),
        (
            Command(id="t", open_account=with_unknown_field(open_account().open_account)),
            "commands[0].open_account.127",
        ),
        (
            Command(id="t", open_asset=with_unknown_field(open_asset().open_asset)),
            "commands[0].open_asset.127",
        ),
    ):
        assert wrong(parse(command)) == [path]


def test_effective_time_when_it_has_an_unknown_field_then_it_is_named() -> None:
    at = with_unknown_field(Timestamp(seconds=1))
    path = "commands[0].create_transfer.effective_time.127"
    assert wrong(parse(transfer(effective_time=at))) == [path]


def test_command_when_all_fields_are_wrong_then_all_are_named() -> None:
    parsed = parse(
        transfer(
            debit_account="_a",
            credit_account="_b",
            amount="x",
            asset="_c",
            effective_time=Timestamp(nanos=1),
            labels={"_k": "\x00"},
        ),
        open_account(account="_a", asset="", min_balance="x", max_balance="y"),
        open_asset("p", asset="", scale=99),
    )
    first = "commands[0].create_transfer."
    assert sorted(wrong(parsed)) == sorted(
        [
            *(f"{first}{name}" for name in ("debit_account", "credit_account", "amount", "asset")),
            f"{first}effective_time",
            f"{first}labels",
            f"{first}labels",
            "commands[1].open_account.account",
            "commands[1].open_account.asset",
            "commands[1].open_account.min_balance",
            "commands[1].open_account.max_balance",
            "commands[2].open_asset.asset",
            "commands[2].open_asset.scale",
        ]
    )


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (transfer(amount="x"), "amount"),
        (transfer(amount="x", asset="_c"), "amount"),
        (open_account(min_balance="x"), "min_balance"),
        (open_asset(scale=39), "scale"),
        (Command(id="t"), "kind"),
    ],
)
def test_malformed_says_the_first_field_that_is_wrong_as_a_difference_would(
    command: Command, field: str
) -> None:
    assert parse(command).units == [(Malformed(command.id, field),)]


def test_malformed_when_in_a_chain_then_it_keeps_its_place() -> None:
    [unit] = parse(transfer("1", linked=True), transfer("2", amount="x")).units
    assert isinstance(unit[1], Malformed)
    assert unit[1].chain == Chain("1", 2, 2)


def test_command_when_its_id_is_twice_then_violations_of_both_are_kept() -> None:
    assert wrong(parse(transfer(amount="x"), transfer(debit_account=""))) == [
        "commands[0].create_transfer.amount",
        "commands[1].create_transfer.debit_account",
    ]


# What refuses the whole request whether or not the ids are known


def chained(length: int) -> Sequence[Command]:
    return [transfer(f"t{place}", linked=place < length - 1) for place in range(length)]


@pytest.mark.parametrize("id_", BAD_IDS)
def test_request_when_an_id_is_malformed_then_refused(id_: str) -> None:
    assert refused(transfer(), transfer(id_)) == ["commands[1].id"]
    assert refused(transfer(), book=id_) == ["book"]


def test_request_when_it_has_no_commands_or_too_many_then_refused() -> None:
    assert refused() == ["commands"]
    assert refused(*[transfer()] * 10_001) == ["commands"]
    assert len(parse(*[transfer()] * 10_000).units) == 10_000


def test_request_when_it_has_an_unknown_field_then_refused() -> None:
    with pytest.raises(CallError) as caught:
        parse_commands(with_unknown_field(ExecuteRequest(book="b", commands=[transfer()])))
    assert [violation.field for violation in caught.value.violations] == ["127"]


def test_request_when_it_ends_in_linked_then_refused() -> None:
    assert refused(transfer("1"), transfer("2", linked=True)) == ["commands[1].linked"]
    assert refused(transfer("1", linked=True)) == ["commands[0].linked"]


def test_chain_when_an_id_is_twice_in_it_then_refused() -> None:
    commands = [transfer("1", linked=True), transfer("2", linked=True), transfer("1")]
    assert refused(*commands) == ["commands[2].id"]
    assert refused(transfer("1", linked=True), transfer("1")) == ["commands[1].id"]


def test_chain_when_longer_than_a_thousand_then_refused() -> None:
    assert refused(*chained(1001)) == ["commands[1000].linked"]
    assert len(parse(*chained(1000)).units) == 1


def test_request_when_several_things_are_wrong_then_all_are_named() -> None:
    paths = refused(
        transfer("_1", amount="x"),
        Command(id="2"),
        transfer("3", linked=True),
        transfer("3", credit_account="a", linked=True),
        book="_b",
    )
    assert sorted(paths) == sorted(
        [
            "book",
            "commands[0].id",
            "commands[0].create_transfer.amount",
            "commands[1].kind",
            "commands[3].id",
            "commands[3].linked",
            "commands[3].create_transfer.credit_account",
        ]
    )


def test_description_when_value_is_huge_then_it_is_cut() -> None:
    with pytest.raises(CallError) as caught:
        parse(transfer("x" * 1_000_000))
    assert len(caught.value.message) < 300
