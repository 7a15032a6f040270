"""Plays the scenarios: something breaks while clients work, and the checker finds nothing wrong."""

import pytest
from faults.registry import Scenario
from faults.stage import Stage
from faults.table import RUNS, Run


@pytest.mark.timeout(300)  # With a Postgres of its own and a machine that does other things too.
async def test_scenario_when_played_then_no_promise_is_broken(
    scenario: Scenario, seed: int, stage: Stage, request: pytest.FixtureRequest
) -> None:
    report = None
    try:
        report = await scenario.play(stage, seed)
        report.require_good()
    except Exception as error:
        error.add_note(stage.story())
        raise
    finally:
        request.config.stash[RUNS].append(Run(scenario.name, seed, report))
