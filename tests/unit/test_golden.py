"""R10: what any release wrote, every later one reads, chains and folds to the same balances."""

import json
from pathlib import Path

import pytest

from yupana_server.book.audit import audit
from yupana_server.book.evolve import UnknownVersionError, evolve
from yupana_server.book.rejections import Reason
from yupana_server.book.state import State
from yupana_server.journal.rows import chain_hash, decode, encode, genesis

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("v*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_r10_versions_when_a_golden_journal_is_folded_then_balances_are_as_recorded(
    path: Path,
) -> None:
    golden = json.loads(path.read_text())
    state = State()
    digest = genesis(golden["book"]).hash
    for row in golden["rows"]:
        entry, recorded = decode(row)
        digest = chain_hash(digest, encode(entry))
        assert digest == recorded, f"entry {entry.seq}"
        evolve(state, entry)
    balances = {
        id_: [str(account.totals.debits_posted), str(account.totals.credits_posted)]
        for id_, account in state.accounts.items()
        if account is not None
    }
    assert balances == golden["balances"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_r10_versions_when_a_golden_journal_is_decided_again_then_nothing_differs(
    path: Path,
) -> None:
    rows = json.loads(path.read_text())["rows"]
    assert audit(decode(row)[0] for row in rows) == []


def test_audit_when_an_outcome_is_not_what_the_rules_give_then_it_is_named() -> None:
    entries = [decode(row)[0] for row in json.loads(GOLDEN[-1].read_text())["rows"]]
    place = next(i for i, e in enumerate(entries) if e.reason == Reason.BELOW_MIN_BALANCE)
    entries[place] = entries[place]._replace(reason=Reason.ABOVE_MAX_BALANCE)
    [difference] = audit(entries)
    assert difference.startswith(f"entry {place + 1} ")


def test_r10_versions_when_listed_then_this_release_has_a_golden_journal() -> None:
    assert [path.stem for path in GOLDEN] == ["v1", "v2"]


@pytest.mark.parametrize("column", [2, 3], ids=["format", "rules"])
def test_r10_versions_when_unknown_then_an_entry_is_not_even_read(column: int) -> None:
    row = list(json.loads(GOLDEN[0].read_text())["rows"][0])
    row[column] = "99"
    with pytest.raises(UnknownVersionError, match="upgrade"):
        decode(row)
