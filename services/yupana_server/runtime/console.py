"""Lines of the log for people at a terminal."""

import os
import sys
from collections.abc import Mapping

import structlog
from structlog.dev import Column, KeyValueColumnFormatter
from structlog.typing import EventDict, WrappedLogger

RESET, DIM, BOLD = "\x1b[0m", "\x1b[2m", "\x1b[1m"
RED, GREEN, YELLOW, CYAN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"

OF_LEVELS: Mapping[str, str] = {
    "debug": DIM,
    "info": GREEN,
    "warning": YELLOW,
    "error": BOLD + RED,
}

EVENT_WIDTH = 31
"""As long as `LedgerService/BatchGetAccounts`."""


def for_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make a line short: a call is told by its method, first how long it took and how it ended."""
    event["timestamp"] = str(event["timestamp"])[:-3]  # Milliseconds will do.
    event.pop("span_id", None)  # The trace's id is long enough for a line.
    method = event.pop("method", None)
    if event["event"] == "rpc" and isinstance(method, str):
        package, _, name = method.partition("/")
        event["event"] = f"{package.rpartition('.')[2]}/{name}"
        event["took"] = f"{event.pop('took_ms'):,.1f} ms".rjust(12)
        if event.get("reason") == event["code"]:
            del event["reason"]  # Such as DEADLINE_EXCEEDED.
    return event


def console_renderer() -> structlog.dev.ConsoleRenderer:
    """Return what writes a line: when, which process, how grave, what, and then the facts."""
    coloured = _coloured()

    def shown(style: str, width: int = 0) -> KeyValueColumnFormatter:
        style, reset = (style, RESET) if coloured else ("", "")
        return KeyValueColumnFormatter(None, style, reset, str, width)

    def level(key: str, value: object) -> str:
        return shown(OF_LEVELS.get(str(value), ""), len("warning"))(key, value)

    facts = KeyValueColumnFormatter(
        DIM if coloured else "", CYAN if coloured else "", RESET if coloured else "", _shown
    )
    return structlog.dev.ConsoleRenderer(
        columns=[
            Column("", facts),
            Column("timestamp", shown(DIM)),
            Column("process", shown(DIM, len("ledger"))),
            Column("level", level),
            Column("event", shown(BOLD, EVENT_WIDTH)),
            Column("took", shown("")),
            Column("code", shown(BOLD)),
        ],
        sort_keys=False,
        # The usual one prints the variables of every frame: amounts beside identities.
        exception_formatter=structlog.dev.plain_traceback,
    )


def _shown(fact: object) -> str:
    text = str(fact)
    return text if text.isprintable() and " " not in text else repr(fact)


def _coloured() -> bool:
    """Colour what people look at; `yupana dev`, which shows our file, says FORCE_COLOR."""
    if os.environ.get("NO_COLOR"):
        return False
    return sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))
