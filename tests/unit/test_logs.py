"""What logs show, and what not."""

import contextlib
import os
import subprocess
import sys

import pytest

from yupana_server.runtime.logs import StderrLogger

PROGRAM = """
import sys
import structlog
from yupana_server.runtime.logs import set_up_logs

def fail(amount):
    raise RuntimeError("it failed")

set_up_logs("info", sys.argv[1])
try:
    fail(987654)
except RuntimeError:
    structlog.get_logger().exception("failed")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_exception_when_logged_then_it_shows_where_and_no_values(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, form], check=True, capture_output=True, text=True
    )
    assert "RuntimeError: it failed" in done.stderr
    assert "in fail" in done.stderr
    assert "987654" not in done.stderr


def test_log_when_nobody_reads_it_any_more_then_lines_are_lost_and_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "stderr", os.fdopen(writing, "w", buffering=1))
        StderrLogger().error("to a pipe without a reader")
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.close()
        StderrLogger().error("to a file that is closed")
