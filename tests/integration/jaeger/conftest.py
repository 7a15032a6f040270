"""These tests need a Jaeger; where there is none they are left out, and the last lines say so."""

from pathlib import Path

import pytest

from support.jaeger import find_jaeger

MISSING = (
    "Jaeger is not here, so the tests of traces through its query API and of the collector's "
    "configuration were left out: run `make jaeger` (needs Go), or name it in YUPANA_JAEGER"
)
HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if find_jaeger() is not None:
        return
    left_out = [item for item in items if HERE in item.path.parents]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if find_jaeger() is None:
        terminalreporter.write_line(MISSING, yellow=True)
