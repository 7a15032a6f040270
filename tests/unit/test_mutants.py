"""The table of mutants fits the services and the tests as they are."""

import pytest

from mutants.rules import MUTANTS, Mutant
from mutants.run import ROOT

RULES_TESTED = {f"r{number}" for number in range(1, 15)}


def test_mutants_when_listed_then_every_rule_is_broken_once_at_least() -> None:
    assert {mutant.rule for mutant in MUTANTS} == RULES_TESTED


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.rule} {mutant.what}")
def test_mutant_when_applied_then_it_changes_one_place_that_has_tests(mutant: Mutant) -> None:
    text = (ROOT / "services" / "yupana_server" / mutant.file).read_text()
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert f"def test_{mutant.rule}_" in (ROOT / mutant.tests).read_text()
