"""What a line of an import may say."""

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yupana import CreateTransfer
from yupana.convert import execute_request
from yupana_server.cli.import_files import LINE_SIZE_MAX_BYTES, Record, Source, format_of
from yupana_server.cli.import_lines import (
    FIELDS,
    BadLine,
    BadReason,
    JsonNumber,
    LineRules,
    parse_labels,
    parse_line,
    parse_time,
)
from yupana_server.ledger.parse import parse_commands
from yupana_server.runtime.config import ConfigError

PLAIN = LineRules()
LINE = {"id": "t1", "debit": "world", "credit": "shop", "amount": "1250"}
DECIMAL = LineRules(asset="USD", decimal=True, scales={"USD": 2, "SEAT": 0, "ETH": 18})


def reason_of(fields: dict[str, object], rules: LineRules = PLAIN) -> BadReason | None:
    parsed = parse_line(fields, rules)
    return parsed.reason if isinstance(parsed, BadLine) else None


def test_line_when_only_required_fields_then_they_are_the_transfer() -> None:
    assert parse_line(LINE, LineRules()) == CreateTransfer("world", "shop", 1250, id="t1")


def test_line_when_all_fields_then_all_are_taken_over() -> None:
    fields = {
        **LINE,
        "id": " t1 ",
        "asset": "EUR",
        "effective_time": "2026-11-21T09:30:00.25+01:00",
        "code": "sale",
        "description": " a lamp ",
        "reference": 77,
        "labels": "kind=fee; shop=7",
        "label.note": "two; words",
        "label.none": "",
    }
    assert parse_line(fields, LineRules(asset="USD")) == CreateTransfer(
        "world",
        "shop",
        1250,
        asset="EUR",
        effective_at=datetime(2026, 11, 21, 8, 30, 0, 250_000, tzinfo=UTC),
        labels={"kind": "fee", "shop": "7", "note": "two; words"},
        code="sale",
        description="a lamp",
        reference="77",
        id="t1",
    )


def test_line_when_json_numbers_then_ids_and_amounts_are_exact() -> None:
    fields = {"id": 695247, "debit": "cash", "credit": 2378, "amount": 2**128 - 1}
    assert parse_line(fields, LineRules()) == CreateTransfer(
        "cash", "2378", 2**128 - 1, id="695247"
    )
    line = parse_line({**LINE, "amount": JsonNumber("12.5")}, DECIMAL)
    assert isinstance(line, CreateTransfer)
    assert line.amount == 1250


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, BadReason.MISSING_FIELD),
        ({"debit": None}, BadReason.MISSING_FIELD),
        ({"amount": "  "}, BadReason.MISSING_FIELD),
        ({"id": "_internal"}, BadReason.INVALID_ID),
        ({"id": "é"}, BadReason.INVALID_ID),
        ({"id": "x" * 129}, BadReason.INVALID_ID),
        ({"credit": "two words"}, BadReason.INVALID_ID),
        ({"asset": "$"}, BadReason.INVALID_ID),
        ({"id": True}, BadReason.UNREADABLE),
        ({"debit": ["world"]}, BadReason.UNREADABLE),
        ({"credit": "world"}, BadReason.SAME_ACCOUNT),
        ({"amount": "-5"}, BadReason.INVALID_AMOUNT),
        ({"amount": "+5"}, BadReason.INVALID_AMOUNT),
        ({"amount": "12.50"}, BadReason.INVALID_AMOUNT),
        ({"amount": "1e3"}, BadReason.INVALID_AMOUNT),
        ({"amount": "1,000"}, BadReason.INVALID_AMOUNT),
        ({"amount": "٣"}, BadReason.INVALID_AMOUNT),
        ({"amount": str(2**128)}, BadReason.INVALID_AMOUNT),
        ({"amount": 1.5}, BadReason.UNREADABLE),
        ({"effective_time": "yesterday"}, BadReason.INVALID_TIME),
        ({"effective_time": "2026-11-21T09:30:00"}, BadReason.INVALID_TIME),
        ({"effective_time": "2026-02-30"}, BadReason.INVALID_TIME),
        ({"effective_time": "2026-11-21T09:30:00.1234567Z"}, BadReason.INVALID_TIME),
        ({"effective_time": "0001-01-01T00:00+01:00"}, BadReason.INVALID_TIME),
        ({"effective_time": "2026-W01-1"}, BadReason.INVALID_TIME),
        ({"labels": "fee"}, BadReason.INVALID_LABELS),
        ({"labels": "a=1;a=2"}, BadReason.INVALID_LABELS),
        ({"labels": "a=1", "label.a": "1"}, BadReason.INVALID_LABELS),
        ({"labels": "{1}"}, BadReason.INVALID_LABELS),
        ({"labels": {"a": 1}}, BadReason.INVALID_LABELS),
        ({"labels": {"a": JsonNumber("1.5")}}, BadReason.INVALID_LABELS),
        ({"labels": {"a b": "1"}}, BadReason.INVALID_LABELS),
        ({"labels": {"a": "\0"}}, BadReason.INVALID_LABELS),
        ({"labels": {"a": "\udcff"}}, BadReason.INVALID_LABELS),
        ({"labels": {"a": "é" * 257}}, BadReason.INVALID_LABELS),
        ({"labels": {f"k{n}": "" for n in range(17)}}, BadReason.INVALID_LABELS),
        ({"labels": 7}, BadReason.INVALID_LABELS),
        ({"code": "two words"}, BadReason.INVALID_ID),
        ({"description": "\0"}, BadReason.INVALID_TEXT),
        ({"description": "é" * 513}, BadReason.INVALID_TEXT),
        ({"reference": "x" * 257}, BadReason.INVALID_TEXT),
        ({"reference": ["R-7"]}, BadReason.UNREADABLE),
        ({"ammount": "5"}, BadReason.UNKNOWN_FIELD),
    ],
)
def test_line_when_a_field_is_wrong_then_the_reason_says_so(
    change: dict[str, object], reason: BadReason
) -> None:
    assert reason_of({**LINE, **change}) is reason


@pytest.mark.parametrize(
    ("text", "asset", "amount"),
    [
        ("12.50", "USD", 1250),
        ("12.5", "USD", 1250),
        ("12.500", "USD", 1250),
        ("12", "USD", 1200),
        ("0.29", "USD", 29),
        ("0", "USD", 0),
        ("7", "SEAT", 7),
        ("7.0", "SEAT", 7),
        ("1.000000000000000001", "ETH", 10**18 + 1),
        ("90071992547409.93", "USD", 9007199254740993),
    ],
)
def test_line_when_decimal_then_amount_is_exact(text: str, asset: str, amount: int) -> None:
    line = parse_line({**LINE, "amount": text, "asset": asset}, DECIMAL)
    assert isinstance(line, CreateTransfer)
    assert line.amount == amount


@pytest.mark.parametrize(
    ("text", "asset", "reason"),
    [
        ("12.505", "USD", BadReason.INVALID_AMOUNT),
        (".5", "USD", BadReason.INVALID_AMOUNT),
        ("5.", "USD", BadReason.INVALID_AMOUNT),
        ("1E2", "USD", BadReason.INVALID_AMOUNT),
        ("NaN", "USD", BadReason.INVALID_AMOUNT),
        (str(2**128 // 100 + 1), "USD", BadReason.INVALID_AMOUNT),
        ("5", "EUR", BadReason.UNKNOWN_ASSET),
    ],
)
def test_line_when_decimal_does_not_fit_then_it_is_bad(
    text: str, asset: str, reason: BadReason
) -> None:
    assert reason_of({**LINE, "amount": text, "asset": asset}, DECIMAL) is reason


def test_line_when_asset_is_needed_and_missing_then_it_is_bad() -> None:
    rules = LineRules(asset_needed=True, scales={"USD": 2})
    assert reason_of(LINE, rules) is BadReason.MISSING_FIELD
    assert reason_of({**LINE, "asset": "EUR"}, rules) is BadReason.UNKNOWN_ASSET
    assert reason_of({**LINE, "asset": "USD"}, rules) is None


def test_time_when_date_alone_then_midnight_utc() -> None:
    assert parse_time("1993-01-01") == datetime(1993, 1, 1, tzinfo=UTC)


def test_labels_when_json_then_an_object_of_texts() -> None:
    assert parse_labels('{"a": "1;2", "b": "x=y"}') == {"a": "1;2", "b": "x=y"}


ZONES = st.just(UTC) | st.integers(-1439, 1439).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
EDGE_TIMES = ("0001-01-01T00:00+00:01", "0001-01-01", "9999-12-31T23:59:59.999999Z")
TIMES = st.sampled_from(EDGE_TIMES) | st.datetimes(timezones=ZONES).map(datetime.isoformat)
AMOUNTS = st.sampled_from([2**128 - 1, 2**128]).map(str)
LABEL_VALUES = st.text(max_size=20) | st.integers(510, 515).map("x".__mul__) | st.just("\0")
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=140),
    st.text("0123456789.-+:TZe", max_size=45),
    st.dictionaries(st.text(max_size=5), LABEL_VALUES, max_size=18),
)


NAMES = (*FIELDS, "label.d")


# The strategies are slow to draw from on a busy machine, which is no defect of what is tested.
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(
    good=st.fixed_dictionaries(
        {
            "id": st.just("t1"),
            "debit": st.just("world"),
            "credit": st.just("shop"),
            "amount": st.decimals(0, 2**128, places=2).map("{:f}".format) | AMOUNTS,
            "effective_time": TIMES,
            "labels": st.dictionaries(st.sampled_from("abc"), LABEL_VALUES, max_size=3),
            "code": st.sampled_from(["", "sale"]),
            "description": st.text(max_size=20) | st.integers(1022, 1026).map("x".__mul__),
            "reference": st.text(max_size=20) | st.integers(254, 258).map("x".__mul__),
        }
    ),
    odd=st.dictionaries(st.sampled_from(NAMES), ODD, max_size=1),
    rules=st.sampled_from([PLAIN, DECIMAL]),
)
def test_line_when_good_then_the_ledger_finds_nothing_malformed(
    good: dict[str, object], odd: dict[str, object], rules: LineRules
) -> None:
    line = parse_line({**good, **odd}, rules)
    if isinstance(line, CreateTransfer):
        assert not parse_commands(execute_request("book", [line])).violations


def records(text: str | bytes, form: str) -> list[Record]:
    content = text.encode() if isinstance(text, str) else text
    return list(Source(io.BytesIO(content)).records(form))  # type: ignore[arg-type]


def test_csv_when_quoted_blank_and_broken_lines_then_numbers_are_the_files() -> None:
    text = (
        "\ufeffid,debit,credit,amount,label.note\r\n"
        'a,x,y,1,"two\r\nlines"\r\n'
        "\r\n"
        "b,x,y,2\r\n"
        'c,x,y,3,"q"q\r\n'
        "d,x,y,4,\r\n"
    )
    found = records(text, "csv")
    assert [(record.number, bool(record.problem)) for record in found] == [
        (2, False),
        (5, True),
        (6, True),
        (7, False),
    ]
    assert found[0].fields["label.note"] == "two\r\nlines"


def test_csv_when_bytes_are_not_utf8_then_only_that_line_is_bad() -> None:
    found = records(b"id,debit,credit,amount\n\xff,x,y,1\nb,x,y,1\n", "csv")
    assert [reason_of(record.fields) for record in found] == [BadReason.INVALID_ID, None]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", "no column id, debit, credit, amount"),
        ("id,debit,credit", "no column amount"),
        ("id,debit,credit,amount,memo", "label.memo"),
        ("id,debit,credit,amount,id", "twice"),
    ],
)
def test_csv_when_header_is_wrong_then_it_is_told(header: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        records(f"{header}\n1,2,3\n", "csv")


def test_jsonl_when_a_line_is_no_object_then_only_that_one_has_a_problem() -> None:
    text = '{"id": "a", "amount": 12.50}\n\n[1]\n{"id"\n' + "[" * 5000 + "\n" + '{"id": "b"}'
    found = records(text, "jsonl")
    assert [(record.number, bool(record.problem)) for record in found] == [
        (1, False),
        (3, True),
        (4, True),
        (5, True),
        (6, False),
    ]
    assert found[0].fields["amount"] == "12.50"


def test_source_when_a_line_never_ends_then_it_is_no_such_file() -> None:
    with pytest.raises(ConfigError, match="line 1 is longer"):
        records(b"x" * (LINE_SIZE_MAX_BYTES + 1), "jsonl")


def test_format_when_suffix_tells_nothing_then_it_must_be_given(tmp_path) -> None:
    assert format_of(tmp_path / "a.CSV", None) == "csv"
    assert format_of(tmp_path / "a.txt", "jsonl") == "jsonl"
    with pytest.raises(ConfigError, match="--format"):
        format_of(tmp_path / "a.txt", None)
