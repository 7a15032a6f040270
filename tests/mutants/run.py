"""Breaks each rule in a copy of the services and runs its tests, which have to fail.

    make mutants                    # all of them, some minutes
    python -m mutants.run r1 r9     # those of two rules

Prints which mutants were noticed, and exits with 1 when one was not.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mutants.rules import MUTANTS, Mutant

ROOT = Path(__file__).parent.parent.parent
TIMEOUT_S = 300
FAILED = 1
"""What pytest exits with when tests ran and some failed."""

console = Console(soft_wrap=True)


def is_noticed(mutant: Mutant) -> bool:
    """Tell whether the tests of its rule fail. No test at all, or a broken run, is an error."""
    with tempfile.TemporaryDirectory() as folder:
        services = Path(folder) / "services"
        shutil.copytree(ROOT / "services", services, ignore=shutil.ignore_patterns("__pycache__"))
        path = services / "yupana_server" / mutant.file
        text = path.read_text()
        assert text.count(mutant.old) == 1, mutant
        path.write_text(text.replace(mutant.old, mutant.new))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        command += ["-k", f"test_{mutant.rule}_", mutant.tests]
        run = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(services)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    if run.returncode not in (0, FAILED):
        raise RuntimeError(f"pytest ended with {run.returncode}:\n{run.stdout}\n{run.stderr}")
    return run.returncode == FAILED


def main(rules: Sequence[str]) -> int:
    """Try all mutants of these rules, of all rules without any."""
    wanted = [mutant for mutant in MUTANTS if not rules or mutant.rule in rules]
    alive = 0
    for mutant in wanted:
        began = time.monotonic()
        noticed = is_noticed(mutant)
        alive += not noticed
        verdict = "[green]noticed[/green]" if noticed else "[red]NOT NOTICED[/red]"
        took = f"{time.monotonic() - began:4.0f} s"
        console.print(f"{mutant.rule:4} {took}  {verdict}  they no longer {mutant.what}")
    console.print(f"{len(wanted) - alive} of {len(wanted)} noticed")
    return 1 if alive or not wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
