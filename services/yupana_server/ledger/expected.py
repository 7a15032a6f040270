"""What exceptions of the journal mean to a caller of the ledger."""

from collections.abc import Callable, Mapping
from typing import Any

from yupana_server.journal.errors import (
    PrefixTooWideError,
    ProjectionBehindError,
    UnavailableError,
)
from yupana_server.journal.transfer_lists import PREFIX_ACCOUNTS_MAX
from yupana_server.runtime.errors import CallError, database_unavailable


def _projection_behind(error: ProjectionBehindError) -> CallError:
    return CallError(
        "PROJECTION_BEHIND",
        f"the projection {error.projection} lacks {error.lag} entries: try again, and see to the "
        "feed if that goes on",
        metadata={"projection": error.projection, "lag": str(error.lag)},
    )


def _prefix_too_wide(error: PrefixTooWideError) -> CallError:
    return CallError(
        "PREFIX_TOO_WIDE",
        f"more than {PREFIX_ACCOUNTS_MAX} accounts begin with {error.prefix}: give a longer prefix",
        metadata={"prefix": error.prefix, "accounts_max": str(PREFIX_ACCOUNTS_MAX)},
    )


EXPECTED: Mapping[type[Exception], Callable[[Any], CallError]] = {
    UnavailableError: database_unavailable,
    ProjectionBehindError: _projection_behind,
    PrefixTooWideError: _prefix_too_wide,
}
