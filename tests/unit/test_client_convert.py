"""Times, enums and reads between the client and the contract, and what has to be the same there."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from yupana import (
    AsOf,
    EntryKind,
    HoldState,
    Measure,
    NormalSide,
    OutcomeKind,
    Reason,
    Resolution,
    Side,
    StatementOrder,
    TransferKind,
    UpTo,
    convert,
    methods,
)
from yupana.access.v1 import access_service_pb2
from yupana.enums import Operator
from yupana.feed.v1 import event_pb2, feed_service_pb2, webhook_service_pb2
from yupana.ledger.v1 import (
    account_pb2,
    book_service_pb2,
    command_pb2,
    error_reason_pb2,
    history_service_pb2,
    hold_pb2,
    ledger_service_pb2,
    limits_pb2,
    outcome_pb2,
    transfer_pb2,
)

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


@pytest.mark.parametrize(
    ("length", "seconds", "nanos"),
    [
        (timedelta(days=3660), 316_224_000, 0),
        (timedelta(microseconds=1), 0, 1_000),
        (timedelta(seconds=-1, microseconds=-5), -1, -5_000),
    ],
)
def test_duration_is_exact_to_the_microsecond(length: timedelta, seconds: int, nanos: int) -> None:
    message = convert.duration(length)

    assert (message.seconds, message.nanos) == (seconds, nanos)
    assert message.ToTimedelta() == length


def test_consistency_when_both_are_asked_for_then_says_so() -> None:
    assert convert.consistency(at_least=None, eventual=False) is None
    assert convert.consistency(at_least="p", eventual=False).at_least == "p"
    assert convert.consistency(at_least=None, eventual=True).eventual
    with pytest.raises(ValueError, match="one of them"):
        convert.consistency(at_least="p", eventual=True)


def test_as_of_names_one_moment() -> None:
    assert convert.as_of(None) is None
    assert convert.as_of(AsOf(position="p")).position == "p"
    assert convert.moment(convert.as_of(AsOf(recorded_at=AT)).record_time) == AT
    assert convert.moment(convert.as_of(AsOf(effective_at=AT)).effective_time) == AT


@pytest.mark.parametrize("given", [{}, {"position": "p", "recorded_at": AT}])
def test_as_of_when_not_one_moment_then_says_so(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        AsOf(**given)  # type: ignore[arg-type]


def test_outcome_filter_when_a_reason_is_given_then_it_says_enough() -> None:
    assert convert.outcome_filter(rejected=False, reason=None) is None
    assert convert.outcome_filter(rejected=True, reason=None).rejected
    found = convert.outcome_filter(rejected=True, reason=Reason.HOLD_EXPIRED)
    assert found.reason == error_reason_pb2.ERROR_REASON_HOLD_EXPIRED


@pytest.mark.parametrize(
    ("ours", "contract", "prefix"),
    [
        (NormalSide, account_pb2.NormalSide, "NORMAL_SIDE_"),
        (Side, limits_pb2.Side, "SIDE_"),
        (Measure, limits_pb2.Measure, "MEASURE_"),
        (UpTo, command_pb2.UpTo, "UP_TO_"),
        (Operator, command_pb2.Operator, "OPERATOR_"),
        (Resolution, command_pb2.Resolution, "RESOLUTION_"),
        (HoldState, hold_pb2.HoldState, "HOLD_STATE_"),
        (TransferKind, transfer_pb2.TransferKind, "TRANSFER_KIND_"),
        (EntryKind, event_pb2.EntryKind, "ENTRY_KIND_"),
        (StatementOrder, history_service_pb2.StatementOrder, "STATEMENT_ORDER_"),
        (Reason, error_reason_pb2.ErrorReason, "ERROR_REASON_"),
    ],
)
def test_enums_are_those_of_the_contract(
    ours: type, contract: EnumTypeWrapper, prefix: str
) -> None:
    names = set(contract.keys()) - {f"{prefix}UNSPECIFIED"}

    assert {f"{prefix}{member.name}" for member in ours} == names


@pytest.mark.parametrize("enum", [NormalSide, Side, Measure, HoldState, TransferKind, Reason])
def test_enums_that_the_ledger_answers_with_keep_what_is_newer(enum: type) -> None:
    assert enum("SOMETHING_NEW") == "SOMETHING_NEW"
    with pytest.raises(ValueError, match="5"):
        enum(5)


def test_outcome_kinds_are_those_of_the_contract() -> None:
    results = outcome_pb2.Outcome.DESCRIPTOR.oneofs_by_name["result"].fields

    assert {field.name for field in results} == set(OutcomeKind) - {OutcomeKind.UNKNOWN}


FOR_REST = {"GetAccount"}
"""What has a method of its own only so that it has a path; the client reads accounts together."""


def test_methods_are_those_of_the_contract() -> None:
    table = {
        each.path: (each.request.DESCRIPTOR, each.response.DESCRIPTOR)
        for each in vars(methods).values()
        if isinstance(each, methods.Method)
    }
    contract = {
        f"/{service.full_name}/{method.name}": (method.input_type, method.output_type)
        for file in (
            access_service_pb2,
            book_service_pb2,
            feed_service_pb2,
            history_service_pb2,
            ledger_service_pb2,
            webhook_service_pb2,
        )
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name not in FOR_REST
    }

    assert table == contract
