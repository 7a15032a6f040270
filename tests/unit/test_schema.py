"""The schema that a release needs, and that servers know it without the tools that migrate."""

import subprocess
import sys

from alembic.script import ScriptDirectory

from yupana_server.journal import migrate
from yupana_server.journal.schema import newest_revision


def test_newest_revision_when_read_from_names_then_it_is_what_the_migrations_say() -> None:
    scripts = ScriptDirectory.from_config(migrate._config(""))
    assert newest_revision() == scripts.get_current_head()


def test_servers_when_loaded_then_the_tools_that_migrate_are_not() -> None:
    """They take a good part of the time of a start."""
    services = ("ledger", "feed", "worker")
    program = "".join(f"import yupana_server.{name}.service; " for name in services)
    program += "import sys; print({'alembic', 'sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == b"set()\n"
