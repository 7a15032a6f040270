"""R10: what any release wrote, every later one reads, chains and folds to the same balances."""

import json
from pathlib import Path

import pytest

from yupana_server.book.evolve import UnknownVersionError, evolve
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


def test_r10_versions_when_listed_then_this_release_has_a_golden_journal() -> None:
    assert [path.stem for path in GOLDEN] == ["v1"]


@pytest.mark.parametrize("column", [2, 3], ids=["format", "rules"])
def test_r10_versions_when_unknown_then_an_entry_is_not_even_read(column: int) -> None:
    row = list(json.loads(GOLDEN[0].read_text())["rows"][0])
    row[column] = "99"
    with pytest.raises(UnknownVersionError, match="upgrade"):
        decode(row)
