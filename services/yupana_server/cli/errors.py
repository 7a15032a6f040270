"""Turns errors that a user can mend into a few words, or into JSON, and an exit code."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from yupana import CallError, CommandError, YupanaError
from yupana_server.journal.errors import JournalError
from yupana_server.runtime.config import ConfigError


@contextmanager
def explained() -> Iterator[None]:
    """Print what went wrong without a stack trace and exit with 1."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except (ConfigError, JournalError, YupanaError, OSError) as error:
        print(_shown(error), file=sys.stderr)
        sys.exit(1)


def _shown(error: Exception) -> str:
    # Not from the parsed options: the error may have come before they were parsed.
    if "--json" in sys.argv[1:]:
        return json.dumps({"error": _as_json(error)})
    return "\n  ".join([f"yupana: {_text(error)}", *_advice(error)])


def _as_json(error: Exception) -> dict[str, object]:
    """Return what is known: reason, which may be null, and message; the rest where there is any."""
    found: dict[str, object] = {"reason": None, "message": _text(error)}
    if isinstance(error, CommandError):
        found |= {
            "reason": error.reason,
            "message": error.message,
            "facts": dict(error.facts),
            "id": error.outcome.id,
        }
    elif isinstance(error, CallError):
        violations = [
            {"field": each.field, "description": each.description} for each in error.violations
        ]
        more = {"violations": violations, "ids": list(error.ids), "trace_id": error.trace_id}
        found |= {"reason": error.reason or error.code.name, "message": error.message}
        found |= {name: value for name, value in more.items() if value}
    if advice := _advice(error):
        found["advice"] = list(advice)
    return found


def _advice(error: Exception) -> Sequence[str]:
    return getattr(error, "__notes__", ())


def _text(error: Exception) -> str:
    if not isinstance(error, OSError) or error.filename is None or error.strerror is None:
        return str(error)
    name = str(error.filename)
    match error:
        case FileNotFoundError():
            return f"there is no {name}: check the path"
        case PermissionError():
            return f"no permission to use {name}"
        case IsADirectoryError():
            return f"{name} is a folder, not a file"
    return f"{name}: {error.strerror[:1].lower()}{error.strerror[1:]}"
