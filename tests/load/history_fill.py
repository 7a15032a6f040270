"""Fills a journal by SQL, a hundred times as fast as ledgers would.

The entries are plausible, but their totals and hashes are dummies, and their ids are in no table.
"""

import time
from collections.abc import Callable

import psycopg
from rich.console import Console

console = Console(highlight=False, markup=False, soft_wrap=True)

BOOK = "history"
USERS = 100_000
"""Each has a wallet and a savings account; beside them there is `world`."""

BEGAN_AT = 1_700_000_000_000_000
STEP_US = 100
"""One entry follows the other."""

PREPARED = """
    INSERT INTO yupana.books (id) VALUES ('history');
    ALTER TABLE yupana.journal DETACH PARTITION yupana.journal_p0;
"""
# Without its indexes a partition is filled several times as fast; attaching makes them again.
BARE = """
    SELECT CASE WHEN conname IS NULL THEN format('DROP INDEX yupana.%I', c.relname)
        ELSE format('ALTER TABLE yupana.journal_p0 DROP CONSTRAINT %I', conname) END
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid
    WHERE i.indrelid = 'yupana.journal_p0'::regclass
"""
ATTACHED = """
    ALTER TABLE yupana.journal ATTACH PARTITION yupana.journal_p0 FOR VALUES FROM (0) TO (16777216)
"""
_COLUMNS = "book, seq, epoch, format, rules, hash, recorded_at, id"
_VALUES = f"""
    1, seq, 1, 2, 2, decode(md5(seq::text), 'hex'),
    to_timestamp(0) + {BEGAN_AT} * interval '1 us' + seq * interval '{STEP_US} us', 't' || seq
"""
OPENED = f"""
    INSERT INTO yupana.journal_p0 ({_COLUMNS}, kind, asset, account, content, code, sealed_labels)
    SELECT {_VALUES}, CASE seq WHEN 1 THEN 1 ELSE 2 END, 'USD',
        CASE WHEN seq = 2 THEN 'world'
            WHEN seq > 2 THEN 'users:' || (seq - 3) / 2
                || CASE seq %% 2 WHEN 0 THEN ':wallet' ELSE ':savings' END
        END,
        CASE seq WHEN 1 THEN '{{"scale": 2}}'::jsonb ELSE '{{"normal_side": 1}}' END,
        CASE WHEN seq %% 50 = 3 THEN 'vip' END,
        CASE WHEN seq %% 100 = 4 THEN '\\x00'::bytea END
    FROM generate_series(1, %(opened)s) seq
"""
# Of a hundred entries one creates a hold that stays open, one creates a hold that the next one
# releases, four have an effective time (half of them a date), ten a code, two labels; twenty-two
# are the account `world`'s, two of them with an effective time. One is rejected.
MOVED = f"""
    INSERT INTO yupana.journal_p0 ({_COLUMNS}, kind, effective_at, debit_account, credit_account,
        amount, asset, code, hold, hold_change, hold_captured, hold_remaining, hold_group, reason,
        facts, sealed_labels,
        debit_debits_posted, debit_credits_posted, debit_debits_pending, debit_credits_pending,
        credit_debits_posted, credit_credits_posted, credit_debits_pending, credit_credits_pending)
    SELECT {_VALUES},
        CASE WHEN dice IN (3, 4) THEN 4 WHEN dice = 5 THEN 6 ELSE 3 END,
        CASE WHEN dice IN (10, 11) THEN date_trunc('day', at - seq %% 90 * interval '1 day')
            WHEN dice IN (12, 13) THEN at - seq %% 7919 * interval '10 ms' END,
        CASE WHEN dice IN (10, 12) OR dice BETWEEN 40 AND 49 THEN 'world'
            ELSE 'users:' || one || ':wallet' END,
        CASE WHEN dice BETWEEN 50 AND 59 THEN 'world' ELSE 'users:' || other || ':savings' END,
        CASE WHEN dice BETWEEN 3 AND 5 THEN 5 ELSE seq %% 1000 END, 'USD',
        CASE WHEN dice BETWEEN 20 AND 29 THEN 'code-' || seq / 100 %% 20 END,
        CASE WHEN dice IN (3, 4) THEN 't' || seq WHEN dice = 5 THEN 't' || seq - 1 END,
        CASE WHEN dice IN (3, 4) THEN 5 WHEN dice = 5 THEN -5 END,
        CASE WHEN dice BETWEEN 3 AND 5 THEN 0 END,
        CASE WHEN dice IN (3, 4) THEN 5 WHEN dice = 5 THEN 0 END,
        CASE WHEN dice = 3 THEN 'group-' || seq / 10000 END,
        CASE WHEN dice = 60 THEN 5 END,
        CASE WHEN dice = 60 THEN '{{
            "account": "a", "available": "0", "amount": "1", "min_balance": "0"
        }}'::jsonb END,
        CASE WHEN dice IN (30, 31) THEN '\\x00'::bytea END,
        seq, 0, 0, 0, 0, seq, 0, 0
    FROM (
        SELECT seq, seq %% 100 AS dice,
            to_timestamp(0) + {BEGAN_AT} * interval '1 us' + seq * interval '{STEP_US} us' AS at,
            (hashint8(seq - (seq %% 100 = 5)::int) & 2147483647) %% {USERS} AS one,
            (hashint8(7 * (seq - (seq %% 100 = 5)::int)) & 2147483647) %% {USERS} AS other
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) seq
    ) chosen
"""
LABELLED = """
    INSERT INTO yupana.labels (book, seq, labels)
    SELECT 1, seq, jsonb_build_object('order', (seq / 100 % 50000)::text, 'channel', 'web')
    FROM yupana.journal WHERE book = 1 AND sealed_labels IS NOT NULL
"""


def fill(url: str, entries: int) -> None:
    """Make the book and its entries, then have Postgres look at them as it would by itself."""
    opened = 2 * USERS + 2
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET synchronous_commit = off")
        connection.execute(PREPARED)
        for [statement] in connection.execute(BARE).fetchall():
            connection.execute(statement)
        timed("accounts", lambda: connection.execute(OPENED, {"opened": opened}))
        moved = {"first": opened + 1, "last": entries}
        timed("transfers", lambda: connection.execute(MOVED, moved))
        timed("indexes", lambda: connection.execute(ATTACHED))
        timed("labels", lambda: connection.execute(LABELLED))
        timed("vacuum", lambda: connection.execute("VACUUM (ANALYZE) yupana.journal"))
        connection.execute("VACUUM (ANALYZE) yupana.labels")


def timed(what: str, work: Callable[[], object]) -> None:
    """Do it and say how long it took."""
    began = time.perf_counter()
    work()
    console.print(f"filled {what} in {time.perf_counter() - began:.0f} s")
