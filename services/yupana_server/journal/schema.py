"""Which schema this release needs, without the tools that migrate: servers do not load them."""

from functools import cache
from pathlib import Path

VERSIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def newest_revision() -> str:
    """Return the name of the newest migration that this release has: what its file begins with."""
    return max(path.name for path in VERSIONS.glob("[0-9]*.py")).partition("_")[0]
