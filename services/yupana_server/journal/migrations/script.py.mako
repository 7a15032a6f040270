"""${message}

Forward only. The code of the previous release must still run on the schema that this leaves:
add first, fill in batches, remove one release later. Indexes on large tables concurrently.
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
