"""Several processes at one port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.several import SeveralLedgers, StartSeveral
from support.started import starting


@pytest.fixture
def start_several(tmp_path: Path) -> Iterator[StartSeveral]:
    """Starts ledgers of several processes; they end with the test."""
    yield from starting(SeveralLedgers, tmp_path, lambda database: database.ledger_url)
