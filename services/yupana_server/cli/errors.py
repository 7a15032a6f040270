"""Turns errors that a user can mend into one line and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from yupana import YupanaError
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
        _fail(str(error))


def _fail(message: str) -> None:
    print(f"yupana: {message}", file=sys.stderr)
    sys.exit(1)
