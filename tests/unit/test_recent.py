"""Outcomes of recent ids, kept as rows."""

import gc

import pytest

from yupana_server.book.commands import Kind
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason
from yupana_server.book.state import State
from yupana_server.journal.encoding import encode_batch
from yupana_server.journal.rows import encode, genesis
from yupana_server.ledger.recent import Recent

# What a row says of other entries is looked at in test_rows.
OPENED = Entry(1, 100, Kind.OPEN_ASSET, "opened", asset="USD", content={"scale": 2}, actor="a\tb\\")
REJECTED = OPENED._replace(
    seq=2, recorded_at=101, id="rejected", reason=Reason.ASSET_EXISTS, facts={}
)
ENTRIES = [OPENED, REJECTED]


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
    assert [recent.forget(id_) for id_ in ("opened", "rejected", "loaded")] == [1, 2, 9]
    assert not recent


def test_entries_when_kept_then_the_collector_has_nothing_to_walk_through() -> None:
    assert not any(map(gc.is_tracked, kept().values()))
