"""Plays the scenarios: something breaks while clients work, and the checker finds nothing wrong."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from faults.registry import Scenario
from faults.stage import Stage
from faults.table import RUNS, Run

from yupana_server.dev.postgres import EmbeddedPostgres


@pytest.mark.timeout(300)  # With a Postgres of its own and a machine that does other things too.
async def test_scenario_when_played_then_no_promise_is_broken(
    scenario: Scenario,
    seeds: Sequence[int],
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    runs = request.config.stash[RUNS]
    # At the same time, because most of it is waiting; each on a stage of its own.
    plays = [_play(scenario, seed, postgres, tmp_path / str(seed), runs) for seed in seeds]
    ended = await asyncio.gather(*plays, return_exceptions=True)
    failed = [error for error in ended if isinstance(error, Exception)]
    if failed:
        raise failed[0] if len(failed) == 1 else ExceptionGroup("with several seeds", failed)


async def _play(
    scenario: Scenario, seed: int, postgres: EmbeddedPostgres, folder: Path, runs: list[Run]
) -> None:
    report = None
    async with Stage(postgres, folder) as stage:
        try:
            report = await scenario.play(stage, seed)
            report.require_good()
        except Exception as error:
            error.add_note(stage.story())
            raise
        finally:
            runs.append(Run(scenario.name, seed, report))
