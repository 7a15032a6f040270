"""A brief append: a few entries recorded by one message, in one round trip instead of four.

`BEGIN; lock the book's row; insert the first entry if …; insert the others after it; COMMIT`. What
a writer else looks at while it holds the lock, Postgres looks at here: the entry before and its
hash (R1), that nobody appended after it, the book's epoch (R9), and the clocks (R8). If something
is different, nothing is inserted, and the writer has lost its place in the queue for the lock. So
this is for books that nobody else writes at the moment.
"""

from collections.abc import Iterator, Mapping, Sequence

from psycopg.pq.abc import PGresult

from yupana_server.journal.rows import COLUMNS, Link, format_time, unescape

ENTRIES_MAX = 8
"""An entry takes Postgres 0.13 ms here and 0.02 ms by COPY, which takes three round trips more."""

DECISION_AGE_MAX_US = 1_000_000
"""R8: what was decided longer ago is decided again."""

DATABASE_SKEW_MAX_US = 250_000
"""R8: by how much a ledger's clock may differ from Postgres'."""

COLUMN_TYPES = (
    "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
    "WHERE attrelid = 'yupana.journal'::regclass AND attnum > 0"
)

_PLACES = {
    name: number for number, name in enumerate(["previous", *COLUMNS.split(", "), "hash"], 2)
}
"""Parameters by name; $1 is the book, $2 the hash of the entry before."""

_FIRST = len(_PLACES) + 2
"""The first entry has two parameters more: when it was decided, and when the message was sent."""


def preparations(types: Mapping[str, str]) -> Iterator[str]:
    """Yield what a connection prepares once. `types` are those of the journal's columns."""
    own = ["integer", "bytea", *(types[name] for name in COLUMNS.split(", ")), "bytea"]
    yield (
        "PREPARE lock_book (integer) AS SELECT FROM yupana.books WHERE book = $1 FOR NO KEY UPDATE"
    )
    yield f"PREPARE append_next ({', '.join(own)}) AS {_insert(_follows())}"
    decided, sent = f"${_FIRST}", f"${_FIRST + 1}"
    skew, age = (
        f"interval '{us} microseconds'" for us in (DATABASE_SKEW_MAX_US, DECISION_AGE_MAX_US)
    )
    first = (
        f"{_follows()} "
        f"AND NOT EXISTS (SELECT FROM yupana.journal WHERE book = $1 AND seq = {_place('seq')}) "
        f"AND EXISTS (SELECT FROM yupana.books WHERE book = $1 AND epoch = {_place('epoch')}) "
        f"AND clock_timestamp() BETWEEN {decided} - {skew} AND {decided} + {age} "
        # When the message came, before it waited for the lock.
        f"AND statement_timestamp() BETWEEN {sent} - {skew} AND {sent} + {skew}"
    )
    types_of_first = [*own, "timestamptz", "timestamptz"]
    yield f"PREPARE append_first ({', '.join(types_of_first)}) AS {_insert(first)}"


def _follows() -> str:
    """R1: the entry before is there, with the hash that this one is chained to."""
    return (
        "EXISTS (SELECT FROM yupana.journal "
        f"WHERE book = $1 AND seq = {_place('seq')} - 1 AND hash = {_place('previous')})"
    )


def _insert(condition: str) -> str:
    """Write journal and ids, or neither."""
    values = ", ".join(_place(name) for name in [*COLUMNS.split(", "), "hash"])
    return (
        f"WITH entry AS (INSERT INTO yupana.journal (book, {COLUMNS}, hash) "
        f"SELECT $1, {values} WHERE {condition} RETURNING book, id, seq) "
        "INSERT INTO yupana.ids (book, id, seq) SELECT book, id, seq FROM entry"
    )


def _place(name: str) -> str:
    return f"${_PLACES[name]}"


def message(book: int, after: Link, rows: str, *, decided_at: int, sent_at: int) -> str:
    """Return what records `rows`, which are written as COPY takes them, after an entry.

    The times are in microseconds since the Unix epoch: when the first row was decided, and now.
    """
    statements = ["BEGIN", f"EXECUTE lock_book ({book})"]
    previous = f"'\\x{after.hash.hex()}'"
    for line in rows.rstrip("\n").split("\n"):
        values = [_literal(field) for field in line.split("\t")]
        values.insert(1, previous)
        previous = values[-1]
        name = "append_next"
        if len(statements) == 2:
            name = "append_first"
            values += [f"'{format_time(decided_at)}'", f"'{format_time(sent_at)}'"]
        statements.append(f"EXECUTE {name} ({', '.join(values)})")
    return "; ".join([*statements, "COMMIT"])


def recorded(results: Sequence[PGresult]) -> bool:
    """Tell by the results of a message whether it recorded its rows: all of them, or none."""
    return results[2].command_tuples == 1


def _literal(field: str) -> str:
    """Write a field of COPY's text format as a literal of SQL."""
    text = unescape(field)
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
