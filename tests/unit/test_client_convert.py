from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from yupana import (
    Chain,
    CreateTransfer,
    NormalSide,
    OpenAccount,
    OpenAsset,
    OutcomeKind,
    Reason,
    Refused,
    Rejected,
    YupanaError,
    convert,
    linked,
    methods,
)
from yupana.ledger.v1 import (
    account_pb2,
    book_service_pb2,
    error_reason_pb2,
    ledger_service_pb2,
    outcome_pb2,
    transfer_pb2,
)

LARGEST = 2**128 - 1
AT = datetime(2026, 3, 1, 12, 30, 15, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    "at",
    [
        AT,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_timestamp_round_trips_to_the_microsecond(at: datetime) -> None:
    message = convert.timestamp(at)

    assert 0 <= message.nanos < 1_000_000_000
    assert convert.moment(message) == at


def test_timestamp_of_another_zone_is_the_same_moment() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))

    assert convert.timestamp(elsewhere) == convert.timestamp(AT)
    assert convert.moment(convert.timestamp(elsewhere)).tzinfo is UTC


def test_timestamp_when_naive_then_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="aware"):
        convert.timestamp(datetime(2026, 3, 1))  # noqa: DTZ001 - the point of the test


def test_execute_request_carries_every_field_of_a_transfer() -> None:
    command = CreateTransfer(
        "a", "b", LARGEST, asset="USD", effective_at=AT, labels={"order": "7"}, id="t", linked=True
    )

    request = convert.execute_request("shop", [command], validate_only=True)

    message = request.commands[0]
    assert (request.book, request.validate_only) == ("shop", True)
    assert (message.id, message.linked) == ("t", True)
    sent = message.create_transfer
    assert (sent.debit_account, sent.credit_account, sent.asset) == ("a", "b", "USD")
    assert sent.amount == "340282366920938463463374607431768211455"
    assert convert.moment(sent.effective_time) == AT
    assert dict(sent.labels) == {"order": "7"}


def test_execute_request_leaves_out_what_was_not_given() -> None:
    request = convert.execute_request("shop", [CreateTransfer("a", "b", 0, id="t")])

    sent = request.commands[0].create_transfer
    assert sent.amount == "0"
    assert not sent.HasField("effective_time")
    assert not sent.labels


def test_execute_request_carries_openings() -> None:
    account = OpenAccount("a", "USD", normal_side=NormalSide.DEBIT, min_balance=0, max_balance=-5)
    request = convert.execute_request(
        "shop", [OpenAsset("USD", scale=0), account, OpenAccount("b", "USD")]
    )

    asset, first, second = request.commands
    assert (asset.id, asset.WhichOneof("kind")) == ("open-asset:USD", "open_asset")
    assert (first.id, first.open_account.min_balance) == ("open-account:a", "0")
    assert first.open_account.max_balance == "-5"
    assert first.open_account.normal_side == account_pb2.NORMAL_SIDE_DEBIT
    assert not second.open_account.HasField("min_balance")


def test_linked_ties_all_but_the_last() -> None:
    one, two, three = (CreateTransfer("a", "b", 1, linked=True) for _ in range(3))

    chain = linked(one, two, three)

    assert [each.linked for each in chain] == [True, True, False]
    assert [each.id for each in chain] == [one.id, two.id, three.id]
    assert linked() == []


def test_outcome_of_a_posted_transfer() -> None:
    outcome = convert.outcome(
        outcome_pb2.Outcome(
            id="t",
            transfer_posted=outcome_pb2.TransferPosted(amount=str(LARGEST)),
            replayed=True,
            position="p",
            record_time=convert.timestamp(AT),
        )
    )

    assert outcome.raise_for_reason() is outcome
    assert (outcome.ok, outcome.rejected, outcome.refused) == (True, False, False)
    assert (outcome.id, outcome.amount, outcome.replayed) == ("t", LARGEST, True)
    assert (outcome.position, outcome.recorded_at, outcome.reason) == ("p", AT, None)


def test_outcome_of_a_rejection_raises_with_its_facts() -> None:
    rejection = outcome_pb2.Rejection(
        reason=error_reason_pb2.ERROR_REASON_BELOW_MIN_BALANCE,
        facts={"account": "a"},
        message="a has 3 available, 5 asked",
    )
    outcome = convert.outcome(outcome_pb2.Outcome(id="t", rejected=rejection))

    with pytest.raises(Rejected) as caught:
        outcome.raise_for_reason()
    assert outcome.rejected
    assert caught.value.outcome is outcome
    assert caught.value.reason is Reason.BELOW_MIN_BALANCE
    assert caught.value.facts == {"account": "a"}
    assert str(caught.value) == "BELOW_MIN_BALANCE: a has 3 available, 5 asked"


def test_outcome_when_reason_is_newer_than_the_client_then_keeps_it() -> None:
    refusal = outcome_pb2.Refusal(reason=4711)  # type: ignore[arg-type]
    outcome = convert.outcome(outcome_pb2.Outcome(id="t", refused=refusal))

    assert outcome.reason == "4711"
    assert Reason("SOMETHING_NEW") == "SOMETHING_NEW"
    with pytest.raises(Refused):
        outcome.raise_for_reason()


def test_outcome_when_kind_is_newer_than_the_client_then_is_not_taken_for_done() -> None:
    outcome = convert.outcome(outcome_pb2.Outcome(id="t"))

    assert outcome.kind is OutcomeKind.UNKNOWN
    assert not outcome.ok
    with pytest.raises(YupanaError, match="update yupana"):
        outcome.raise_for_reason()


def test_account_has_whole_numbers_and_absent_limits() -> None:
    balances = account_pb2.Balances(
        debits_posted="5", credits_posted=str(LARGEST), debits_pending="1",
        credits_pending="0", balance="-7", available="-8",
    )  # fmt: skip
    account = convert.account(
        account_pb2.Account(
            id="a", asset="USD", min_balance="-10", balances=balances, create_time=Timestamp()
        )
    )

    assert (account.min_balance, account.max_balance) == (-10, None)
    assert account.normal_side is NormalSide.CREDIT
    assert account.credits_posted == LARGEST
    assert (account.balance, account.available) == (-7, -8)


def test_transfer_carries_chain_and_outcome() -> None:
    message = transfer_pb2.Transfer(
        id="t", debit_account="a", credit_account="b", amount="5", labels={"k": "v"},
        chain=transfer_pb2.Chain(first_id="s", place=2, length=3),
        outcome=outcome_pb2.Outcome(id="t", transfer_posted=outcome_pb2.TransferPosted(amount="5")),
    )  # fmt: skip

    transfer = convert.transfer(message)

    assert (transfer.debit, transfer.credit, transfer.amount) == ("a", "b", 5)
    assert transfer.chain == Chain("s", 2, 3)
    assert transfer.outcome.ok
    message.ClearField("chain")
    assert convert.transfer(message).chain is None


def test_consistency_when_both_are_asked_for_then_says_so() -> None:
    assert convert.consistency(at_least=None, eventual=False) is None
    assert convert.consistency(at_least="p", eventual=False).at_least == "p"
    assert convert.consistency(at_least=None, eventual=True).eventual
    with pytest.raises(ValueError, match="one of them"):
        convert.consistency(at_least="p", eventual=True)


def test_reasons_are_those_of_the_contract() -> None:
    names = set(error_reason_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}

    assert {f"ERROR_REASON_{reason}" for reason in Reason} == names


def test_outcome_kinds_are_those_of_the_contract() -> None:
    results = outcome_pb2.Outcome.DESCRIPTOR.oneofs_by_name["result"].fields

    assert {field.name for field in results} == set(OutcomeKind) - {OutcomeKind.UNKNOWN}


def test_methods_are_those_of_the_contract() -> None:
    table = {
        each.path: (each.request.DESCRIPTOR, each.response.DESCRIPTOR)
        for each in vars(methods).values()
        if isinstance(each, methods.Method)
    }
    contract = {
        f"/{service.full_name}/{method.name}": (method.input_type, method.output_type)
        for file in (book_service_pb2, ledger_service_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    assert table == contract
