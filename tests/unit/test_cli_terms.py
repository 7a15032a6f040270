"""The small language of the command line's arguments."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from yupana import Condition, Leg, Measure, Reason, Side, UpTo, WindowLimit
from yupana_server.cli.payment_legs import read_legs
from yupana_server.cli.terms import (
    parse_amount,
    parse_condition,
    parse_label_pairs,
    parse_leg,
    parse_length,
    parse_limit,
    parse_reason,
    parse_window,
    shown_length,
    shown_window,
)
from yupana_server.runtime.config import ConfigError


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_amount, "1250", 1250),
        (parse_amount, "0", 0),
        (parse_limit, "-500", -500),
        (parse_limit, "none", None),
        (parse_length, "90s", timedelta(seconds=90)),
        (parse_length, "15m", timedelta(minutes=15)),
        (parse_length, "24h", timedelta(days=1)),
        (parse_length, "7d", timedelta(days=7)),
        (parse_length, "999999999d", timedelta.max.days * timedelta(days=1)),
        (parse_leg, " a  b 5 ", Leg("a", "b", 5)),
        (parse_leg, "a b collect", Leg("a", "b", collect=True)),
        (parse_reason, "below_min_balance", Reason.BELOW_MIN_BALANCE),
        (parse_label_pairs, ["k=v=w", "l="], {"k": "v=w", "l": ""}),
        (
            parse_window,
            "debit.amount <= 100000 per 24h",
            WindowLimit(Side.DEBIT, Measure.AMOUNT, length=timedelta(days=1), max=100_000),
        ),
        (
            parse_window,
            "credit.count<=5 per 60s",
            WindowLimit(Side.CREDIT, Measure.COUNT, length=timedelta(minutes=1), max=5),
        ),
        (
            parse_condition,
            "debit.available >= 500",
            Condition.available(Side.DEBIT, at_least=500),
        ),
        (parse_condition, "credit.balance<=-5", Condition.balance(Side.CREDIT, at_most=-5)),
        (parse_condition, "debit.balance == 0", Condition.balance(Side.DEBIT, equal=0)),
        (parse_condition, "debit.balance != 0", Condition.balance(Side.DEBIT, not_equal=0)),
        (
            parse_condition,
            "credit.last_position == AQID",
            Condition.unchanged(Side.CREDIT, "AQID"),
        ),
    ],
)
def test_term_when_well_formed_then_it_is_the_value(
    parse: Callable[[object], object], text: object, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "told"),
    [
        (parse_amount, "12.5", "give whole smallest units: 1250"),
        (parse_amount, "-5", "no whole number"),
        (parse_amount, "٣", "no whole number"),
        (parse_limit, "0.5", "or none"),
        (parse_length, "90", "write 90s, 15m, 24h or 7d"),
        (parse_length, "1w", "write 90s, 15m, 24h or 7d"),
        (parse_length, "999999999999d", "write 90s, 15m, 24h or 7d"),
        (parse_leg, "a b", "write 'debit credit amount'"),
        (parse_leg, "a b 1.5", "whole smallest units: 150"),
        (parse_reason, "NONSENSE", "such as BELOW_MIN_BALANCE"),
        (parse_label_pairs, ["novalue"], "KEY=VALUE"),
        (parse_label_pairs, ["k=1", "k=2"], "k is there twice"),
        (parse_window, "debit.amount < 5 per 1h", "write 'debit.amount <= 100000 per 24h'"),
        (parse_window, "debit.amount <= 5 per hour", "write 90s"),
        (parse_window, "debit.balance <= 5 per 1h", "no window"),
        (parse_condition, "debit.available > 5", "write 'debit.available >= 500'"),
        (parse_condition, "debit.available >= x", "x is no whole number"),
        (parse_condition, "debit.last_position != p", "can only be =="),
    ],
)
def test_term_when_wrong_then_says_what_to_write(
    parse: Callable[[object], object], text: object, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        parse(text)


@pytest.mark.parametrize("text", ["90s", "1m", "15m", "1h", "36h", "7d", "366d"])
def test_length_when_shown_then_it_is_read_as_the_same(text: str) -> None:
    assert shown_length(parse_length(text)) == text


def test_window_when_shown_then_it_is_read_as_the_same() -> None:
    window = WindowLimit(Side.CREDIT, Measure.AMOUNT, length=timedelta(hours=24), max=2**100)

    assert shown_window(window) == f"credit.amount <= {2**100} per 1d"
    assert parse_window(shown_window(window)) == window


def test_legs_when_in_a_file_then_all_fields_are_read(tmp_path: Path) -> None:
    file = tmp_path / "legs.json"
    legs = [
        {"debit": "a", "credit": "b", "amount": 5},
        {
            "debit": "a",
            "credit": "b",
            "amount": "7",
            "asset": "USD",
            "up_to": "both_limits",
            "conditions": ["debit.available >= 0"],
            "rate": "1.0832",
        },
        {"debit": "c", "credit": "b", "collect": True},
    ]
    file.write_text(json.dumps(legs))

    assert read_legs(file) == [
        Leg("a", "b", 5),
        Leg(
            "a",
            "b",
            7,
            asset="USD",
            up_to=UpTo.BOTH_LIMITS,
            conditions=(Condition.available(Side.DEBIT, at_least=0),),
            rate="1.0832",
        ),
        Leg("c", "b", collect=True),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[", "is not JSON"),
        ('{"debit": "a"}', "is not a JSON list of objects"),
        ('["a b 5"]', "is not a JSON list of objects"),
        ('[{"debit": "a", "credit": "b", "amount": 1, "to": "c"}]', "leg 1: the field to means"),
        ('[{"debit": "a", "amount": 1}]', "leg 1: credit is missing"),
        ('[{"debit": "a", "credit": 7, "amount": 1}]', "leg 1: credit is no text"),
        ('[{"debit": "a", "credit": "b", "amount": 1.5}]', "leg 1: the amount 1.5 is no whole"),
        ('[{"debit": "a", "credit": "b", "amount": true}]', "leg 1: the amount True is no whole"),
        ('[{"debit": "a", "credit": "b", "amount": "-1"}]', "leg 1: -1 is no whole number"),
        ('[{"debit": "a", "credit": "b", "collect": 1}]', "leg 1: collect is neither"),
        ('[{"debit": "a", "credit": "b", "amount": 1, "up_to": "all"}]', "leg 1: up_to all is"),
        ('[{"debit": "a", "credit": "b", "amount": 1, "conditions": ["x"]}]', "leg 1: x is no"),
        ('[{"debit": "a", "credit": "b", "amount": 1, "conditions": "x"}]', "leg 1: conditions"),
    ],
)
def test_legs_when_the_file_is_wrong_then_says_where(
    tmp_path: Path, content: str, told: str
) -> None:
    file = tmp_path / "legs.json"
    file.write_text(content)

    with pytest.raises(ConfigError, match=told):
        read_legs(file)
