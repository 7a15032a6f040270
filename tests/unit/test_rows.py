"""How entries are written as rows, read again, and chained."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from yupana_server.book.bounds import AMOUNT_MAX, EFFECTIVE_AT_MIN
from yupana_server.book.commands import Chain, Kind
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.evolve import UnknownVersionError
from yupana_server.book.rejections import Reason
from yupana_server.journal.rows import (
    COLUMNS,
    chain_hash,
    decode,
    encode,
    encode_each,
    format_time,
    genesis,
    read,
)

YEAR_9999 = 253_402_300_799_999_999
MAX_TOTALS = Totals(AMOUNT_MAX, AMOUNT_MAX - 1, AMOUNT_MAX - 2, AMOUNT_MAX - 3)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGEST = bytes(range(32))

TRANSFER = Entry(
    2**63 - 1,
    1_700_000_000_000_001,
    Kind.TRANSFER,
    "0193:pay@x+~-.",
    debit_account="users:42:wallet",
    credit_account="b",
    amount=AMOUNT_MAX,
    asset="USD",
    debit_totals=MAX_TOTALS,
    credit_totals=Totals(0, 0, 0, 0),
    effective_at=EFFECTIVE_AT_MIN,
    sealed_words=bytes(range(48)),
    chain=Chain("first", 1000, 1000),
    epoch=2**31 - 1,
    actor="spiffe://yupana/é\\N\t☃\r\n\\",
    trace_id=bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736"),
)
ODD = (
    "quote \" apostrophe ' backslash \\ tab \t line \n return \r null \\N é ☃ \U0001f600 \x7f \x01"
)
ENTRIES = {
    "transfer with everything": TRANSFER,
    "transfer with nothing more": TRANSFER._replace(
        effective_at=None, sealed_words=None, chain=None, actor=None, trace_id=None, epoch=1
    ),
    "transfer of nothing": TRANSFER._replace(amount=0),
    "transfer in year 9999": TRANSFER._replace(effective_at=YEAR_9999, recorded_at=YEAR_9999),
    "transfer before 1970": TRANSFER._replace(effective_at=-1),
    "rejected transfer": TRANSFER._replace(
        debit_totals=None,
        credit_totals=None,
        reason=Reason.BELOW_MIN_BALANCE,
        facts={"account": "users:42:wallet", "available": "-3"},
    ),
    "rejected transfer without asset": TRANSFER._replace(
        debit_totals=None, credit_totals=None, asset=None, reason=Reason.OVERFLOW, facts={}
    ),
    "odd facts": TRANSFER._replace(reason=Reason.LINKED_FAILED, facts={ODD: ODD, "": "\\\\"}),
    "opened account": Entry(
        1,
        1,
        Kind.OPEN_ACCOUNT,
        "open",
        account="users:42",
        asset="USD",
        content={"normal_side": 2, "min_balance": -AMOUNT_MAX, "max_balance": AMOUNT_MAX},
    ),
    "rejected account": Entry(
        2,
        2,
        Kind.OPEN_ACCOUNT,
        "open",
        Reason.ACCOUNT_EXISTS,
        {"account": "a"},
        account="a",
        asset="USD",
        content={"normal_side": 1},
    ),
    "hold": Entry(
        5,
        5,
        Kind.HOLD,
        "hold",
        debit_account="a",
        credit_account="b",
        amount=AMOUNT_MAX,
        asset="USD",
        debit_totals=MAX_TOTALS,
        credit_totals=MAX_TOTALS,
        content={"timeout_us": 5, "conditions": [[1, 2, 3, -AMOUNT_MAX, 0]]},
        requested_amount=AMOUNT_MAX,
        code="order",
        hold="hold",
        hold_change=AMOUNT_MAX,
        hold_captured=0,
        hold_remaining=AMOUNT_MAX,
        hold_expires_at=YEAR_9999,
        group="cart",
        debit_usage=(((28_333_333, AMOUNT_MAX), (28_333_334, 1)), ()),
        credit_usage=(),
    ),
    "capture": Entry(
        6, 6, Kind.CAPTURE, "_member:1:g", payment="g", hold="hold", hold_change=-AMOUNT_MAX
    ),
    "reversal": Entry(7, 7, Kind.REVERSAL, "back", reverses="_leg:1:p", reversed_amount=0),
    "payment": Entry(
        8, 8, Kind.PAYMENT, "p", content={"legs": [{"rate": "1.5"}]}, result={"amounts": [1, 2]}
    ),
    "of format 1": TRANSFER._replace(format=1, rules=1),
    "opened asset": Entry(3, 3, Kind.OPEN_ASSET, "asset", asset="USD", content={"scale": 38}),
    "rejected asset": Entry(
        4, 4, Kind.OPEN_ASSET, "asset", Reason.ASSET_EXISTS, {}, asset="USD", content={"scale": 0}
    ),
}


def stored(line: str) -> list[str | None]:
    """Do with a line what COPY and then a SELECT of SELECT_LIST do with it."""
    fields = [_unescape(field) for field in line.split("\t")]
    columns = COLUMNS.split(", ")
    fields += [None] * (len(columns) - len(fields))  # Format 1 had fewer.
    row = dict(zip(columns, fields, strict=True))
    for column in ("recorded_at", "effective_at", "hold_expires_at"):
        if (text := row[column]) is not None:
            since = datetime.fromisoformat(text) - EPOCH
            row[column] = str(since // timedelta(microseconds=1))
    for column in ("trace_id", "sealed_labels"):
        if (text := row[column]) is not None:
            assert text.startswith("\\x")
            row[column] = text[2:]
    for column in ("facts", "content", "result"):
        if (text := row[column]) is not None:
            # A jsonb shows characters as they are, and in an order of its own.
            members = dict(reversed(json.loads(text).items()))
            row[column] = json.dumps(members, ensure_ascii=False)
    return [*row.values(), DIGEST.hex()]


def _unescape(field: str) -> str | None:
    if field == "\\N":
        return None
    assert "\n" not in field
    parts = field.split("\\\\")
    for escaped, character in (("\\t", "\t"), ("\\n", "\n"), ("\\r", "\r")):
        parts = [part.replace(escaped, character) for part in parts]
    return "\\".join(parts)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())
def test_encode_when_decoded_again_then_entry_and_line_are_the_same(entry: Entry) -> None:
    line = encode(entry)
    decoded, digest = decode(stored(line))
    assert decoded == entry
    assert digest == DIGEST
    assert read(line) == entry
    # Or a verification would compute another hash.
    assert encode(decoded) == line


def test_encode_writes_ascii_but_for_the_actor() -> None:
    assert encode(ENTRIES["odd facts"]._replace(actor=None)).isascii()


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (0, "1970-01-01 00:00:00.000000+00"),
        (-1, "1969-12-31 23:59:59.999999+00"),
        (EFFECTIVE_AT_MIN, "0001-01-01 00:00:00.000000+00"),
        (YEAR_9999, "9999-12-31 23:59:59.999999+00"),
        (1_700_000_000_000_001, "2023-11-14 22:13:20.000001+00"),
    ],
)
def test_format_time_is_exact_and_sorts_by_time(micros: int, written: str) -> None:
    assert format_time(micros) == written


# Another value for every field of an entry.
OTHERS = {
    "seq": [2**63 - 2],
    "recorded_at": [1_700_000_000_000_002, 1_700_000_001_000_001],
    "kind": [Kind.OPEN_ASSET, Kind.OPEN_ACCOUNT],
    "id": ["0193:pay@x+~-"],
    "reason": list(Reason),
    "facts": [{}, {"a": "b"}, {"a": "c"}, {"b": "a"}, {"a": "b", "c": "d"}, {"a": 'b","c":"d'}],
    "debit_account": ["users:42:walle", None],
    "credit_account": ["c", None],
    "amount": [AMOUNT_MAX - 1, 0, None],
    "asset": ["USDT", None],
    "debit_totals": [MAX_TOTALS._replace(**{f: 7}) for f in Totals._fields] + [None],
    "credit_totals": [Totals(0, 0, 0, 0)._replace(**{f: 7}) for f in Totals._fields] + [None],
    "effective_at": [EFFECTIVE_AT_MIN + 1, None],
    "sealed_words": [bytes(48), b"", None],
    "chain": [
        Chain("first_", 1000, 1000),
        Chain("first", 999, 1000),
        Chain("first", 1000, 999),
        None,
    ],
    "account": ["a", "b"],
    "content": [{}, {"scale": 1}, {"scale": 2}, {"min_balance": 1}, {"scale": 1, "x": 2}],
    "requested_amount": [0, 7],
    "code": ["order", "orde"],
    "payment": ["pay", "order"],
    "hold": ["hold", "pay"],
    "hold_change": [-1, 1],
    "hold_captured": [0, 1],
    "hold_remaining": [0, 1],
    "hold_expires_at": [0, YEAR_9999],
    "group": ["cart", "car"],
    "reverses": ["cart", "t"],
    "reversed_amount": [0, 1],
    "debit_usage": [(), ((),), (((1, 2),),), (((1, 2), (3, 4)),), (((1, 2),), ((3, 4),))],
    "credit_usage": [(), ((),), (((1, 2),),)],
    "result": [{}, {"seq": 1}],
    "epoch": [1],
    "actor": ["someone", "\\N", "", None],
    "trace_id": [bytes(16), b"", None],
    "format": [1],
    "rules": [1],
}


def test_hash_when_any_field_changes_then_it_changes() -> None:
    assert set(OTHERS) == set(Entry._fields)
    entries = [TRANSFER]
    entries += [TRANSFER._replace(**{f: value}) for f, values in OTHERS.items() for value in values]
    hashes = {chain_hash(DIGEST, encode(entry)) for entry in entries}
    assert len(hashes) == len(entries)


def test_encode_each_when_entries_differ_then_each_is_as_by_itself() -> None:
    entries = list(ENTRIES.values())
    for field, values in OTHERS.items():
        for value in values:
            # Between what it differs from, as what is the same is not written again.
            entries += [TRANSFER, TRANSFER._replace(**{field: value})]
    entries += [TRANSFER._replace(recorded_at=at) for at in (-1, 0, 999_999, 1_000_000, 5, 5)]
    assert list(encode_each(entries)) == [encode(entry) for entry in entries]


def test_hash_when_history_differs_then_it_differs() -> None:
    line = encode(TRANSFER)
    assert chain_hash(DIGEST, line) == chain_hash(DIGEST, line)
    assert chain_hash(DIGEST, line) != chain_hash(bytes(32), line)
    assert len(chain_hash(DIGEST, line)) == 32


def test_genesis_when_books_differ_then_their_chains_begin_elsewhere() -> None:
    assert genesis("shop").seq == 0
    assert genesis("shop") == genesis("shop")
    assert len({genesis(book).hash for book in ("shop", "shop2", "shop:")}) == 3


def test_decode_when_kind_is_unknown_then_refuses_it() -> None:
    row = stored(encode(TRANSFER))
    row[COLUMNS.split(", ").index("kind")] = "99"
    with pytest.raises(UnknownVersionError, match="kind 99"):
        decode(row)


def test_decode_when_reason_is_unknown_then_refuses_it() -> None:
    row = stored(encode(ENTRIES["rejected transfer"]))
    row[COLUMNS.split(", ").index("reason")] = "31"
    with pytest.raises(UnknownVersionError):
        decode(row)
