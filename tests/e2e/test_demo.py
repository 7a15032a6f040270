"""The demo as a newcomer runs it."""

import subprocess
import sys


def test_demo_when_run_then_its_claims_hold_and_nothing_is_left() -> None:
    command = [sys.executable, "-m", "yupana_server.cli.main", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "50  of 50 seats sold" in done.stdout
    assert "/v1/books/tickets/accounts/" in done.stdout
    assert "the book balances" in done.stdout
    assert "Traceback" not in done.stderr
