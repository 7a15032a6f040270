"""How entries are folded into projections: each by one statement, inside the database.

A fold takes the entries after `after` up to `until` of one book and changes the rows of one version
of one projection. It is never run twice for the same entries: see projections.py.

What a table is joined with is often a page of entries whose size the planner guesses badly, and a
scan of a whole projection costs more than the fold. So pages are read behind OFFSET 0, by seq and
nothing else, and projections by arrays of keys or LATERAL, by index and nothing else.
"""

from collections.abc import Mapping

from yupana_server.book.commands import Kind
from yupana_server.journal import effective, prefixes
from yupana_server.journal.marks import Projection
from yupana_server.journal.pieces import LISTED_KINDS

_PAGE = """
    (SELECT * FROM yupana.journal
    WHERE book = %(book)s AND seq > %(after)s AND seq <= %(until)s OFFSET 0) page
"""

_OPEN_HOLDS = f"""
    WITH changes AS MATERIALIZED (
        SELECT hold, seq, kind, debit_account, credit_account, hold_remaining, hold_expires_at
        FROM {_PAGE} WHERE reason IS NULL AND hold IS NOT NULL
    ), newest AS MATERIALIZED (
        SELECT DISTINCT ON (hold) * FROM changes ORDER BY hold, seq DESC
    ), closed AS (
        DELETE FROM yupana.open_holds WHERE book = %(book)s AND version = %(version)s
            AND hold = ANY(ARRAY(SELECT hold FROM newest WHERE hold_remaining = 0))
    ), changed AS (
        UPDATE yupana.open_holds o SET expires_at = newest.hold_expires_at FROM newest
        WHERE o.book = %(book)s AND o.version = %(version)s AND o.hold = newest.hold
            AND o.hold = ANY(ARRAY(SELECT hold FROM newest WHERE hold_remaining > 0))
            AND o.expires_at IS DISTINCT FROM newest.hold_expires_at
    )
    INSERT INTO yupana.open_holds
        (book, version, hold, debit_account, credit_account, created_seq, expires_at)
    SELECT %(book)s, %(version)s, hold, created.debit_account, created.credit_account, created.seq,
        newest.hold_expires_at
    FROM changes created JOIN newest USING (hold)
    WHERE created.kind = {int(Kind.HOLD)} AND newest.hold_remaining > 0
"""


_OPENED = f"kind = {int(Kind.OPEN_ACCOUNT)} AND reason IS NULL"

# What was erased up to `until` is gone from `labels` already, so what is deleted here was tagged by
# an earlier fold.
_TAGS = f"""
    WITH page AS MATERIALIZED (
        SELECT seq, kind, reason, code, result FROM {_PAGE}
        WHERE code IS NOT NULL OR kind = {int(Kind.ERASE)}
    ), labelled AS MATERIALIZED (
        SELECT l.seq, kind, reason, account, 'label:' || label.key || '=' || label.value AS tag
        FROM yupana.labels l CROSS JOIN LATERAL jsonb_each_text(l.labels) label
        CROSS JOIN LATERAL (
            SELECT kind, reason, account FROM yupana.journal
            WHERE book = %(book)s AND seq = l.seq OFFSET 0
        ) entry
        WHERE l.book = %(book)s AND l.seq > %(after)s AND l.seq <= %(until)s
    ), erased AS MATERIALIZED (
        SELECT (result ->> 'seq')::bigint AS seq FROM page
        WHERE kind = {int(Kind.ERASE)} AND reason IS NULL
    ), erased_tags AS (
        DELETE FROM yupana.tags WHERE book = %(book)s AND version = %(version)s
            AND seq = ANY(ARRAY(SELECT seq FROM erased)) AND left(tag, 6) = 'label:'
    ), erased_account_tags AS (
        DELETE FROM yupana.account_tags WHERE book = %(book)s AND version = %(version)s
            AND seq = ANY(ARRAY(SELECT seq FROM erased))
    ), account_tags AS (
        INSERT INTO yupana.account_tags (book, version, tag, account, seq)
        SELECT %(book)s, %(version)s, tag, account, seq FROM labelled WHERE {_OPENED}
    )
    INSERT INTO yupana.tags (book, version, tag, seq)
    SELECT %(book)s, %(version)s, 'code:' || code, seq FROM page
    WHERE code IS NOT NULL AND kind IN ({LISTED_KINDS})
    UNION ALL
    SELECT %(book)s, %(version)s, tag, seq FROM labelled WHERE kind IN ({LISTED_KINDS})
"""

FOLDS: Mapping[Projection, str] = {
    Projection.OPEN_HOLDS: _OPEN_HOLDS,
    Projection.TAGS: _TAGS,
    Projection.PREFIX_SUMS: prefixes.FOLD,
    Projection.EFFECTIVE_SUMS: effective.FOLD,
}
"""What folds entries into each projection. Parameters: book, version, after, until."""

TABLES: Mapping[Projection, tuple[str, ...]] = {
    Projection.OPEN_HOLDS: ("open_holds",),
    Projection.TAGS: ("tags", "account_tags"),
    Projection.PREFIX_SUMS: ("prefix_sums",),
    Projection.EFFECTIVE_SUMS: ("effective_sums",),
}
"""The tables that hold the rows of each projection."""
