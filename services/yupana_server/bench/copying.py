"""Writes rows of the journal and of ids by COPY, one commit at a time."""

from typing import NamedTuple

import psycopg
from psycopg import sql

from yupana_server.journal.rows import COLUMNS

ROWS = f"book, {COLUMNS}, hash"
_JOURNAL = sql.SQL(f"COPY yupana.journal ({ROWS}) FROM STDIN")
_IDS = sql.SQL("COPY yupana.ids (book, id, seq) FROM STDIN")

Connection = psycopg.Connection[tuple[object, ...]]


class Batch(NamedTuple):
    """The rows of one commit, as COPY takes them."""

    journal: bytes
    ids: bytes
    entries: int


def commit(connection: Connection, batch: Batch) -> None:
    """Write the rows and commit. The connection is in autocommit mode."""
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(_JOURNAL) as copy:
            copy.write(batch.journal)
        with cursor.copy(_IDS) as copy:
            copy.write(batch.ids)
