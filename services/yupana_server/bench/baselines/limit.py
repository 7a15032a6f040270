"""The limit: the very rows that a profile wrote, in the very commits, written by a bare COPY loop.

The tables are those of the ledger's schema, made by its migrations in another database of the same
server: same columns, indexes and partitions. Rows are encoded before the clock starts. One
connection, one commit a batch, nothing else: no request, no decision, no lock, no look at the tail.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import psycopg
from psycopg import sql

from yupana_server.bench.clients import Line
from yupana_server.bench.copying import ROWS, Batch, Connection, commit
from yupana_server.bench.percentiles import curve, summary
from yupana_server.bench.results import LoadRun
from yupana_server.bench.schedule import Window
from yupana_server.bench.summing import buckets

LEAD_IN = 8
"""One of so many commits comes before the clock starts."""

WRITTEN = "written"
"""What rows are counted as."""

FILL_ROWS = 20_000
"""How many rows are written at a time where it is not measured."""

# xmin tells which commit wrote a row.
_JOURNAL_OUT = sql.SQL(
    f"COPY (SELECT xmin, {ROWS} FROM yupana.journal WHERE book = {{}} AND seq > {{}} "  # noqa: S608
    "AND seq <= {} ORDER BY seq) TO STDOUT"
)
_IDS_OUT = sql.SQL(
    "COPY (SELECT j.xmin, i.book, i.id, i.seq FROM yupana.journal j JOIN yupana.ids i "
    "ON i.book = j.book AND i.id = j.id WHERE j.book = {} AND j.seq > {} AND j.seq <= {} "
    "ORDER BY j.seq) TO STDOUT"
)


@dataclass(frozen=True, slots=True)
class Slice:
    """What a run of a profile wrote."""

    book: int
    after: int
    up_to: int


def run_limit(source_url: str, limit_url: str, wrote: Slice, line: Line) -> LoadRun:
    """Write what a run wrote, after bringing the tables to where the book was before it."""
    with psycopg.connect(limit_url, autocommit=True) as limit:
        with psycopg.connect(source_url, autocommit=True) as source:
            _catch_up(source, limit, wrote)
            batches = list(_batches(source, wrote))
        line.window()
        lead_in = len(batches) // LEAD_IN
        for batch in batches[:lead_in]:
            commit(limit, batch)
        return _timed(limit, batches[lead_in:])


def _timed(limit: Connection, batches: Sequence[Batch]) -> LoadRun:
    began = time.monotonic()
    done: list[tuple[float, float]] = []
    for batch in batches:
        sent = time.monotonic()
        commit(limit, batch)
        done.append((sent, time.monotonic()))
    took_s = time.monotonic() - began
    latencies_ms = [(end - start) * 1000 for start, end in done]
    entries = sum(batch.entries for batch in batches)
    window = Window(began, warmup_s=0.0, duration_s=took_s)
    return LoadRun(
        commands_per_s=entries / took_s,
        calls_per_s=len(batches) / took_s,
        outcomes={WRITTEN: entries},
        latency_ms=summary(latencies_ms),
        curve_ms=curve(latencies_ms),
        per_bucket=buckets(window, [end for _, end in done], [batch.entries for batch in batches]),
    )


def _catch_up(source: Connection, limit: Connection, wrote: Slice) -> None:
    row = limit.execute(
        "SELECT coalesce(max(seq), 0) FROM yupana.journal WHERE book = %s", [wrote.book]
    ).fetchone()
    done = int(str(row[0])) if row else 0
    for start in range(done, wrote.after, FILL_ROWS):
        up_to = min(start + FILL_ROWS, wrote.after)
        batches = list(_batches(source, Slice(wrote.book, start, up_to)))
        journal = b"".join(batch.journal for batch in batches)
        ids = b"".join(batch.ids for batch in batches)
        commit(limit, Batch(journal, ids, up_to - start))


def _batches(source: Connection, wrote: Slice) -> Iterator[Batch]:
    """Return the rows of each commit, in the order of the commits."""
    journal = _by_commit(source, _JOURNAL_OUT, wrote)
    ids = _by_commit(source, _IDS_OUT, wrote)
    for journal_rows, id_rows in zip(journal, ids, strict=True):
        yield Batch(b"".join(journal_rows), b"".join(id_rows), len(journal_rows))


def _by_commit(source: Connection, query: sql.SQL, wrote: Slice) -> list[list[bytes]]:
    statement = query.format(wrote.book, wrote.after, wrote.up_to)
    with source.cursor().copy(statement) as copy:
        text = b"".join(bytes(block) for block in copy)
    rows = (line.split(b"\t", 1) for line in text.splitlines(keepends=True))
    return [[row for _, row in commit] for _, commit in groupby(rows, key=lambda each: each[0])]
