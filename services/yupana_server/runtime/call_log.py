"""The line that a call leaves in the log.

Its level says who has to look: nobody (debug, and info when it was slow), the caller (info), the
operator when it goes on (warning), the operator now (error).
"""

import structlog

from yupana_server.runtime.errors import CallError

SLOW_S = 1.0
"""What took longer is told even where calls that went well are not."""

OPERATORS_NOW = {"UNKNOWN", "INTERNAL", "DATA_LOSS", "UNIMPLEMENTED"}
OPERATORS_IF_IT_GOES_ON = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
AS_TOLD = {"DRAINING"}
"""Reasons that belong to every restart."""

log = structlog.get_logger("yupana.rpc")


def log_call(
    method: str, code: str, error: CallError | None, *, took_s: float, book: str | None
) -> None:
    """Log a call that ended; `method` is its path on the wire. Never what was asked or answered."""
    level = level_of(code, None if error is None else error.reason)
    write = log.info if level == "debug" and took_s > SLOW_S else getattr(log, level)
    fields = {"book": book, "reason": None if error is None else error.reason}
    write(
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
