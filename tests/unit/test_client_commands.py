"""Every command of the client as the message that it is sent as."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from yupana import (
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    Command,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Erase,
    FreezeAccount,
    Leg,
    Measure,
    NormalSide,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    Side,
    UpdateHold,
    UpTo,
    WindowLimit,
    convert,
    linked,
)
from yupana.ledger.v1 import account_pb2, command_pb2, limits_pb2

LARGEST = 2**128 - 1
AT = datetime(2026, 3, 1, 12, 30, 15, 123_456, tzinfo=UTC)
AT_MESSAGE = convert.timestamp(AT)
DAY = timedelta(days=1)
WORDS = {"labels": {"order": "7"}, "code": "sale", "description": "a lamp", "reference": "R-7"}
CONDITIONS = [
    Condition.balance(Side.DEBIT, at_least=-5),
    Condition.available(Side.CREDIT, at_most=LARGEST),
    Condition.available(Side.DEBIT, equal=0),
    Condition.balance(Side.CREDIT, not_equal=7),
    Condition.unchanged(Side.CREDIT, "position"),
]
CONDITION_MESSAGES = [
    command_pb2.Condition(
        side=limits_pb2.SIDE_DEBIT,
        balance=command_pb2.Comparison(operator=command_pb2.OPERATOR_AT_LEAST, value="-5"),
    ),
    command_pb2.Condition(
        side=limits_pb2.SIDE_CREDIT,
        available=command_pb2.Comparison(operator=command_pb2.OPERATOR_AT_MOST, value=str(LARGEST)),
    ),
    command_pb2.Condition(
        side=limits_pb2.SIDE_DEBIT,
        available=command_pb2.Comparison(operator=command_pb2.OPERATOR_EQUAL, value="0"),
    ),
    command_pb2.Condition(
        side=limits_pb2.SIDE_CREDIT,
        balance=command_pb2.Comparison(operator=command_pb2.OPERATOR_NOT_EQUAL, value="7"),
    ),
    command_pb2.Condition(side=limits_pb2.SIDE_CREDIT, last_position="position"),
]
WINDOWS = [
    WindowLimit(Side.DEBIT, Measure.AMOUNT, length=DAY, max=LARGEST),
    WindowLimit(Side.CREDIT, Measure.COUNT, length=timedelta(minutes=1), max=0),
]
WINDOW_MESSAGES = [
    limits_pb2.WindowLimit(
        side=limits_pb2.SIDE_DEBIT,
        measure=limits_pb2.MEASURE_AMOUNT,
        length=convert.duration(DAY),
        max=str(LARGEST),
    ),
    limits_pb2.WindowLimit(
        side=limits_pb2.SIDE_CREDIT,
        measure=limits_pb2.MEASURE_COUNT,
        length=convert.duration(timedelta(minutes=1)),
        max="0",
    ),
]
DEBIT_AND_CREDIT = {"debit_account": "a", "credit_account": "b", "asset": "USD"}

FULL: list[tuple[Command, command_pb2.Command]] = [
    (
        CreateTransfer(
            "a",
            "b",
            LARGEST,
            asset="USD",
            effective_at=AT,
            up_to=UpTo.DEBIT_LIMITS,
            conditions=CONDITIONS,
            id="c",
            **WORDS,
        ),
        command_pb2.Command(
            create_transfer=command_pb2.CreateTransfer(
                **DEBIT_AND_CREDIT,
                **WORDS,
                amount="340282366920938463463374607431768211455",
                effective_time=AT_MESSAGE,
                up_to=command_pb2.UP_TO_DEBIT_LIMITS,
                conditions=CONDITION_MESSAGES,
            )
        ),
    ),
    (
        CreateHold(
            "a",
            "b",
            5,
            asset="USD",
            expires_at=AT,
            group="g",
            up_to=UpTo.CREDIT_LIMITS,
            conditions=CONDITIONS,
            id="c",
            **WORDS,
        ),
        command_pb2.Command(
            create_hold=command_pb2.CreateHold(
                **DEBIT_AND_CREDIT,
                **WORDS,
                amount="5",
                expire_time=AT_MESSAGE,
                group="g",
                up_to=command_pb2.UP_TO_CREDIT_LIMITS,
                conditions=CONDITION_MESSAGES,
            )
        ),
    ),
    (
        CreateHold("a", "b", 0, expires_after=DAY, id="c"),
        command_pb2.Command(
            create_hold=command_pb2.CreateHold(
                debit_account="a", credit_account="b", amount="0", timeout=convert.duration(DAY)
            )
        ),
    ),
    (
        CaptureHold("h", 5, final=True, effective_at=AT, id="c", **WORDS),
        command_pb2.Command(
            capture_hold=command_pb2.CaptureHold(
                hold="h", amount="5", final=True, effective_time=AT_MESSAGE, **WORDS
            )
        ),
    ),
    (
        ReleaseHold("h", id="c"),
        command_pb2.Command(release_hold=command_pb2.ReleaseHold(hold="h")),
    ),
    (
        UpdateHold("h", amount=0, expires_at=AT, id="c"),
        command_pb2.Command(
            update_hold=command_pb2.UpdateHold(hold="h", amount="0", expire_time=AT_MESSAGE)
        ),
    ),
    (
        UpdateHold("h", expires_after=DAY, id="c"),
        command_pb2.Command(
            update_hold=command_pb2.UpdateHold(hold="h", timeout=convert.duration(DAY))
        ),
    ),
    (
        UpdateHold("h", never_expires=True, id="c"),
        command_pb2.Command(update_hold=command_pb2.UpdateHold(hold="h", never=True)),
    ),
    (
        ResolveGroup("g", Resolution.CAPTURE, effective_at=AT, id="c"),
        command_pb2.Command(
            resolve_group=command_pb2.ResolveGroup(
                group="g", resolution=command_pb2.RESOLUTION_CAPTURE, effective_time=AT_MESSAGE
            )
        ),
    ),
    (
        ReverseTransfer("t", 5, force=True, effective_at=AT, id="c", **WORDS),
        command_pb2.Command(
            reverse_transfer=command_pb2.ReverseTransfer(
                transfer="t", amount="5", force=True, effective_time=AT_MESSAGE, **WORDS
            )
        ),
    ),
    (
        CreatePayment(
            [
                Leg("a", "b", 5, asset="USD", conditions=CONDITIONS, rate="1.0832"),
                Leg("a", "b", 5, up_to=UpTo.BOTH_LIMITS),
                Leg("c", "b", collect=True),
            ],
            collect_amount=9,
            collect_partially=True,
            effective_at=AT,
            id="c",
            **WORDS,
        ),
        command_pb2.Command(
            create_payment=command_pb2.CreatePayment(
                legs=[
                    command_pb2.Leg(
                        **DEBIT_AND_CREDIT, amount="5", conditions=CONDITION_MESSAGES, rate="1.0832"
                    ),
                    command_pb2.Leg(
                        debit_account="a",
                        credit_account="b",
                        amount="5",
                        up_to=command_pb2.UP_TO_BOTH_LIMITS,
                    ),
                    command_pb2.Leg(debit_account="c", credit_account="b", collect=True),
                ],
                collect_amount="9",
                collect_partially=True,
                effective_time=AT_MESSAGE,
                **WORDS,
            )
        ),
    ),
    (
        OpenAccount(
            "a",
            "USD",
            normal_side=NormalSide.DEBIT,
            min_balance=0,
            max_balance=-5,
            windows=WINDOWS,
            code="wallet",
            labels={"k": "v"},
            id="c",
        ),
        command_pb2.Command(
            open_account=command_pb2.OpenAccount(
                account="a",
                asset="USD",
                normal_side=account_pb2.NORMAL_SIDE_DEBIT,
                min_balance="0",
                max_balance="-5",
                windows=WINDOW_MESSAGES,
                code="wallet",
                labels={"k": "v"},
            )
        ),
    ),
    (
        OpenAsset("USD", scale=2, id="c"),
        command_pb2.Command(open_asset=command_pb2.OpenAsset(asset="USD", scale=2)),
    ),
    (
        SetLimits("a", min_balance=-5, max_balance=0, windows=WINDOWS, id="c"),
        command_pb2.Command(
            set_limits=command_pb2.SetLimits(
                account="a", min_balance="-5", max_balance="0", windows=WINDOW_MESSAGES
            )
        ),
    ),
    (
        FreezeAccount("a", debits=True, credits=True, id="c"),
        command_pb2.Command(
            freeze_account=command_pb2.FreezeAccount(account="a", debits=True, credits=True)
        ),
    ),
    (
        CloseAccount("a", id="c"),
        command_pb2.Command(close_account=command_pb2.CloseAccount(account="a")),
    ),
    (
        ReopenAccount("a", id="c"),
        command_pb2.Command(reopen_account=command_pb2.ReopenAccount(account="a")),
    ),
    (
        ClosePeriod(AT, id="c"),
        command_pb2.Command(close_period=command_pb2.ClosePeriod(before=AT_MESSAGE)),
    ),
    (Erase("t", id="c"), command_pb2.Command(erase=command_pb2.Erase(command="t"))),
]
"""Commands with all that can be given, and the kind of message that they are sent as."""

BARE: list[Command] = [
    CreateTransfer("", "", 0, id="c"),
    CreateHold("", "", 0, id="c"),
    CaptureHold("", id="c"),
    ReleaseHold("", id="c"),
    UpdateHold("", id="c"),
    ResolveGroup("", Resolution.RELEASE, id="c"),
    ReverseTransfer("", id="c"),
    CreatePayment([], id="c"),
    OpenAccount("", "", id="c"),
    OpenAsset("", scale=0, id="c"),
    SetLimits("", min_balance=None, max_balance=None, windows=(), id="c"),
    FreezeAccount("", debits=False, credits=False, id="c"),
    CloseAccount("", id="c"),
    ReopenAccount("", id="c"),
    Erase("", id="c"),
]
"""Commands with nothing that can be left out."""


def sent(command: Command) -> command_pb2.Command:
    return convert.execute_request("shop", [command]).commands[0]


def test_execute_request_names_the_book_and_ties_commands() -> None:
    chain = linked(OpenAsset("USD", scale=2), CloseAccount("a", id="close"))

    request = convert.execute_request("shop", chain, validate_only=True)

    assert (request.book, request.validate_only) == ("shop", True)
    assert [(each.id, each.linked) for each in request.commands] == [
        ("open-asset:USD", True),
        ("close", False),
    ]


@pytest.mark.parametrize(("command", "expected"), FULL, ids=lambda each: type(each).__name__)
def test_command_is_sent_with_everything_that_was_given(
    command: Command, expected: command_pb2.Command
) -> None:
    expected = command_pb2.Command(id="c", **{kind_of(expected): the_kind(expected)})

    assert sent(command) == expected


def test_commands_can_give_every_field_of_the_contract() -> None:
    covered = {path for _, message in FULL for path in given_paths(message)}

    assert covered == set(all_paths(command_pb2.Command.DESCRIPTOR)) - {
        "Command.id",
        "Command.linked",
    }


@pytest.mark.parametrize("command", BARE, ids=lambda each: type(each).__name__)
def test_command_when_its_ids_are_empty_then_it_still_says_what_it_is(command: Command) -> None:
    message = sent(command)

    assert message.WhichOneof("kind") is not None
    assert {field.name for field, _ in the_kind(message).ListFields()} <= {
        "amount",
        "resolution",
        "normal_side",
    }


def test_open_account_when_limits_are_absent_then_there_are_none() -> None:
    opening = sent(OpenAccount("a", "USD")).open_account

    assert not opening.HasField("min_balance")
    assert not opening.HasField("max_balance")
    assert opening.normal_side == account_pb2.NORMAL_SIDE_CREDIT


def test_set_limits_when_a_limit_is_not_said_then_it_is_no_command() -> None:
    with pytest.raises(TypeError, match="windows"):
        SetLimits("a", min_balance=0, max_balance=None)  # type: ignore[call-arg]


def test_hold_when_it_has_two_deadlines_then_says_so() -> None:
    with pytest.raises(ValueError, match="one deadline"):
        CreateHold("a", "b", 5, expires_at=AT, expires_after=DAY)
    with pytest.raises(ValueError, match="one deadline"):
        UpdateHold("h", expires_after=DAY, never_expires=True)


@pytest.mark.parametrize("given", [{}, {"at_least": 0, "at_most": 5}])
def test_condition_when_not_one_comparison_then_says_so(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Condition.balance(Side.DEBIT, **given)
    with pytest.raises(ValueError, match="exactly one"):
        Condition.available(Side.DEBIT, **given)


def test_commands_can_be_kept_in_sets_and_compared() -> None:
    for make in (lambda: FULL[0][0], lambda: FULL[10][0], lambda: FULL[11][0]):
        assert len({make(), make()}) == 1


def test_linked_ties_all_but_the_last() -> None:
    one, two, three = (CreateTransfer("a", "b", 1, linked=True) for _ in range(3))

    chain = linked(one, two, three)

    assert [each.linked for each in chain] == [True, True, False]
    assert [each.id for each in chain] == [one.id, two.id, three.id]
    assert linked() == []


def test_ids_are_new_unless_something_is_opened() -> None:
    assert ReleaseHold("h").id != ReleaseHold("h").id
    assert OpenAccount("a", "USD").id == "open-account:a"
    assert OpenAccount("a", "USD", id="").id == ""
    assert OpenAsset("USD", scale=2).id == "open-asset:USD"


def kind_of(message: command_pb2.Command) -> str:
    kind = message.WhichOneof("kind")
    assert kind is not None
    return kind


def the_kind(message: command_pb2.Command) -> Message:
    return getattr(message, kind_of(message))


def given_paths(message: Message) -> Iterator[str]:
    """Yield `Message.field` for every field that is given, also inside."""
    for field, value in message.ListFields():
        yield f"{message.DESCRIPTOR.name}.{field.name}"
        if is_ours(field):
            for each in value if field.is_repeated else [value]:
                yield from given_paths(each)


def all_paths(descriptor) -> Iterator[str]:
    for field in descriptor.fields:
        yield f"{descriptor.name}.{field.name}"
        if is_ours(field):
            yield from all_paths(field.message_type)


def is_ours(field: FieldDescriptor) -> bool:
    message = field.message_type
    return (
        message is not None
        and message.full_name.startswith("yupana.")
        and not message.GetOptions().map_entry
    )
