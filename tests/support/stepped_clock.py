"""A ledger whose clock is stepped from outside, as an operator or a wrong time server would."""

import sys
from pathlib import Path

from support.databases import Database
from support.journals import execute
from support.processes import LedgerProcess

RUNNER = Path(__file__).with_name("serve_stepped.py")


class SteppedLedger(LedgerProcess):
    """A ledger with a clock of its own, right at first."""

    def __init__(self, database_url: str, log_path: Path):
        super().__init__(database_url, log_path)
        self._step = log_path.with_suffix(".step")
        self.command = [sys.executable, str(RUNNER), str(self._step)]
        self.step(0)

    def step(self, seconds: float) -> None:
        """Have the clock lie ahead of the machine's from now on; behind it when negative."""
        new = self._step.with_suffix(".new")
        new.write_text(str(round(seconds * 1e6)))
        new.replace(self._step)  # At once: the ledger never reads half a number.


def step_postgres(database: Database, seconds: float) -> None:
    """Have the database's clock lie ahead of the machine's, as its own server's may."""
    if not execute(database.admin_url, "SELECT to_regproc('pg_catalog.right_clock')")[0][0]:
        execute(
            database.admin_url,
            "ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO right_clock",
        )
    execute(
        database.admin_url,
        "CREATE OR REPLACE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz VOLATILE "
        f"LANGUAGE sql AS $$ SELECT right_clock() + interval '{seconds} seconds' $$",
    )
