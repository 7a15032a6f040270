"""What the log says of calls, and how much of it."""

import io
import json

import pytest
import structlog

from yupana_server.runtime.call_log import level_of
from yupana_server.runtime.console import console_renderer, for_people
from yupana_server.runtime.logs import LINES_PER_SECOND_MAX, LineLimit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Log:
    """A log behind a limit."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._out = io.StringIO()
        limit = LineLimit(exempt="debug", clock=self.clock)
        self.write = structlog.wrap_logger(
            structlog.PrintLogger(self._out),
            processors=[limit, structlog.processors.JSONRenderer()],
        )

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("code", "reason", "level"),
    [
        ("OK", None, "debug"),
        ("CANCELLED", None, "debug"),
        ("INVALID_ARGUMENT", "MALFORMED_REQUEST", "info"),
        ("NOT_FOUND", "BOOK_NOT_FOUND", "info"),
        ("FAILED_PRECONDITION", "EPOCH_CHANGED", "info"),
        ("UNAVAILABLE", "DRAINING", "info"),
        ("UNAVAILABLE", "DATABASE_UNAVAILABLE", "warning"),
        ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "warning"),
        ("RESOURCE_EXHAUSTED", "OVERLOADED", "warning"),
        ("INTERNAL", "INTERNAL", "error"),
    ],
)
def test_level_when_a_call_ended_then_it_says_who_has_to_look(
    code: str, reason: str | None, level: str
) -> None:
    assert level_of(code, reason) == level


def test_limit_when_a_kind_floods_then_the_rest_is_counted_in_its_next_line() -> None:
    log = Log()
    for _ in range(LINES_PER_SECOND_MAX + 30):
        log.write.warning("rpc", code="RESOURCE_EXHAUSTED")
    assert len(log.lines) == LINES_PER_SECOND_MAX
    log.clock.now += 1.0
    log.write.warning("rpc", code="RESOURCE_EXHAUSTED")
    log.write.warning("rpc", code="RESOURCE_EXHAUSTED")
    assert [line.get("left_out") for line in log.lines[LINES_PER_SECOND_MAX:]] == [30, None]


def test_limit_when_one_kind_floods_then_others_are_heard() -> None:
    log = Log()
    for _ in range(LINES_PER_SECOND_MAX + 1):
        log.write.warning("rpc", code="RESOURCE_EXHAUSTED")
    log.write.error("rpc", code="INTERNAL")
    log.write.warning("append_failed")
    assert [line["event"] for line in log.lines[LINES_PER_SECOND_MAX:]] == ["rpc", "append_failed"]


def test_limit_when_debug_is_wanted_then_all_of_it_comes() -> None:
    log = Log()
    for _ in range(LINES_PER_SECOND_MAX + 30):
        log.write.debug("rpc", code="OK")
    assert len(log.lines) == LINES_PER_SECOND_MAX + 30


def test_line_when_for_people_then_short_and_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    event = {
        "timestamp": "09:54:56.646123",
        "process": "ledger",
        "level": "warning",
        "event": "rpc",
        "method": "yupana.ledger.v1.LedgerService/Execute",
        "code": "DEADLINE_EXCEEDED",
        "reason": "DEADLINE_EXCEEDED",
        "took_ms": 1234.56,
        "book": "shop",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
    }
    line = console_renderer()(None, "warning", for_people(None, "warning", event))
    assert str(line).split() == [
        *("09:54:56.646", "ledger", "warning", "LedgerService/Execute", "1,234.6", "ms"),
        *("DEADLINE_EXCEEDED", "book=shop", "trace_id=0af7651916cd43dd8448eb211c80319c"),
    ]
