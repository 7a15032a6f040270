"""Outcomes of recent ids, kept as rows."""

import gc

import pytest

from yupana_server.book.commands import Chain, Kind
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.rejections import Reason
from yupana_server.book.state import State
from yupana_server.journal.encoding import encode_batch
from yupana_server.journal.rows import encode, genesis
from yupana_server.ledger.recent import Recent

POSTED = Entry(
    1,
    1_700_000_000_000_001,
    Kind.TRANSFER,
    "posted",
    debit_account="a",
    credit_account="b",
    amount=5,
    asset="USD",
    debit_totals=Totals(5, 0, 0, 0),
    credit_totals=Totals(0, 5, 0, 0),
    sealed_words=bytes(range(48)),
    actor="a\ttab and a \\ backslash",
    trace_id=bytes(range(16)),
)
REJECTED = Entry(
    2,
    1_700_000_000_000_002,
    Kind.TRANSFER,
    "rejected",
    Reason.BELOW_MIN_BALANCE,
    {"account": "a", "available": "-3"},
    debit_account="a",
    credit_account="b",
    amount=5,
    asset="USD",
    chain=Chain("posted", 1, 2),
)
ENTRIES = [POSTED, REJECTED]


def kept() -> Recent:
    recent = Recent()
    rows = encode_batch(7, genesis("b"), ENTRIES).rows
    recent.keep([entry.id for entry in ENTRIES], rows)
    return recent


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_entry_when_kept_as_row_or_line_then_it_is_the_same_again(entry: Entry) -> None:
    assert kept()[entry.id] == entry
    recent = Recent()
    recent.keep_line(entry.id, encode(entry))
    assert recent[entry.id] == entry
    assert State(outcomes=recent).outcome(entry.id) == entry
    assert State(outcomes=recent).layer().outcome("another") is None


def test_entry_when_forgotten_then_it_is_gone_and_its_seq_is_told() -> None:
    recent = kept()
    recent["loaded"] = REJECTED._replace(id="loaded", seq=9)
    assert [recent.forget(id_) for id_ in ("posted", "rejected", "loaded")] == [1, 2, 9]
    assert not recent


def test_entries_when_kept_then_the_collector_has_nothing_to_walk_through() -> None:
    assert not any(map(gc.is_tracked, kept().values()))
