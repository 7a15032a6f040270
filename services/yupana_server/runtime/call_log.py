"""The line that a call leaves in the log.

Its level says who has to look: nobody (debug, and info when it was slow), the caller (info), the
operator when it goes on (warning), the operator now (error).
"""

import logging
from typing import Any

import structlog

from yupana_server.runtime.call_spans import book_of, current_key
from yupana_server.runtime.errors import CallError

SLOW_S = 1.0
"""What took longer is told even where calls that went well are not."""

OPERATORS_NOW = {"UNKNOWN", "INTERNAL", "DATA_LOSS", "UNIMPLEMENTED"}
OPERATORS_IF_IT_GOES_ON = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
AS_TOLD = {"DRAINING", "QUOTA_EXCEEDED"}
"""Reasons that belong to every restart, or to what callers may do."""


class CallLog:
    """Logs calls as logs are set up when it is made: to find that out takes 9 us a call."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("yupana.rpc").bind()
        self._tells_all = self._log.is_enabled_for(logging.DEBUG)

    def note(
        self, method: str, code: str, error: CallError | None, *, took_s: float, request: Any
    ) -> None:
        """Log a call that ended; `method` is its path on the wire.

        Of what was asked only the book is told, of who asked the key's id, and nothing of what was
        answered.
        """
        level = level_of(code, None if error is None else error.reason)
        if level == "debug" and took_s > SLOW_S:
            level = "info"
        if level == "debug" and not self._tells_all:
            return
        reason = None if error is None else error.reason
        fields = {"key": current_key(), "book": book_of(request), "reason": reason}
        getattr(self._log, level)(
            "rpc",
            method=method.removeprefix("/"),
            code=code,
            took_ms=round(took_s * 1000, 2),
            **{name: value for name, value in fields.items() if value is not None},
        )


def level_of(code: str, reason: str | None) -> str:
    """Return the level of a call that ended with a code for a reason."""
    if code in {"OK", "CANCELLED"}:
        return "debug"
    if code in OPERATORS_NOW:
        return "error"
    if code in OPERATORS_IF_IT_GOES_ON and reason not in AS_TOLD:
        return "warning"
    return "info"
