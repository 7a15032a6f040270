"""Keeps where audits stand and what they found.

A worker that audits a book holds a lease on it by the database's clock, renewed with every page.
Where it stands is compared and set, so one whose lease ran out cannot disturb the next.
"""

from collections.abc import Sequence
from typing import Any

from yupana_server.journal.audit_rows import (
    AuditRow,
    Counts,
    Course,
    Difference,
    DifferenceRow,
    Job,
    Stand,
    Unreadable,
)
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link

LEASE_S = 5.0
"""After so long without a page, another worker may audit the book."""

DETAIL_CHARS_MAX = 1_000

KEPT_MAX = 1_000
"""How many open differences of a book are kept; further ones change nothing."""

_MINE = "AND a.leased_until > clock_timestamp() AND a.worker <> %(worker)s"
# An index probe for the tail of every book, none for its entries.
_BEHIND = f"""
    SELECT b.book, b.id, 'newest', coalesce(a.seq, 0), coalesce(newest.seq, 0),
        coalesce(a.worker IS NOT NULL {_MINE}, false)
    FROM yupana.books b
    LEFT JOIN LATERAL (
        SELECT seq, hash FROM yupana.journal j WHERE j.book = b.book ORDER BY seq DESC LIMIT 1
    ) newest ON true
    LEFT JOIN yupana.audits a ON a.book = b.book AND a.course = 'newest'
    WHERE a.hash IS DISTINCT FROM newest.hash
    ORDER BY a.audited_at NULLS FIRST, b.book
"""
_LAPS = f"""
    SELECT b.book, b.id, 'again', a.seq, a.until_seq, coalesce(a.worker IS NOT NULL {_MINE}, false)
    FROM yupana.audits a JOIN yupana.books b USING (book)
    WHERE a.course = 'again' AND a.seq < a.until_seq ORDER BY a.audited_at NULLS FIRST, b.book
"""
# The first lap is due when everything was audited once for so long.
_BEGIN_LAPS = """
    INSERT INTO yupana.audits AS a (book, course, until_seq, lap_at)
    SELECT n.book, 'again', CASE WHEN o.book IS NULL THEN 0 ELSE n.seq END, clock_timestamp()
    FROM yupana.audits n
    LEFT JOIN yupana.audits o ON o.book = n.book AND o.course = 'again'
    WHERE n.course = 'newest' AND n.seq > 0 AND (o.book IS NULL OR (o.seq >= o.until_seq
        AND o.lap_at < clock_timestamp() - make_interval(secs => %(every_s)s::double precision)))
    ON CONFLICT (book, course) DO UPDATE
    SET seq = 0, hash = NULL, until_seq = excluded.until_seq, lap_at = excluded.lap_at
    RETURNING a.book
"""
_LEASE_END = f"clock_timestamp() + interval '{LEASE_S} seconds'"
_CLAIM = f"""
    INSERT INTO yupana.audits AS a (book, course, worker, leased_until)
    VALUES (%(book)s, %(course)s, %(worker)s, {_LEASE_END})
    ON CONFLICT (book, course) DO UPDATE
    SET worker = excluded.worker, leased_until = excluded.leased_until
    WHERE a.worker IS NOT DISTINCT FROM excluded.worker OR a.leased_until <= clock_timestamp()
    RETURNING a.seq
"""
_RELEASE = """
    UPDATE yupana.audits SET leased_until = '-infinity' WHERE worker = %(worker)s
        AND leased_until > clock_timestamp() RETURNING book
"""
_STAND = """
    SELECT a.seq, a.hash, a.epoch, b.epoch, (
            SELECT min(common_seq) FROM yupana.epochs e WHERE e.book = a.book AND e.epoch > a.epoch
        ), j.hash, coalesce((extract(epoch FROM j.recorded_at) * 1000000)::bigint, 0), (
            SELECT (content ->> 'before')::bigint FROM yupana.journal p
            WHERE p.book = a.book AND p.reason IS NULL AND p.kind = 17 AND p.seq <= a.seq
            ORDER BY p.seq DESC LIMIT 1
        )
    FROM yupana.audits a JOIN yupana.books b USING (book)
    LEFT JOIN yupana.journal j ON j.book = a.book AND j.seq = a.seq
    WHERE a.book = %(book)s AND a.course = %(course)s AND a.worker = %(worker)s
"""
_HELD = """
    a.book = %(book)s AND a.course = %(course)s AND a.worker = %(worker)s
    AND a.seq = %(from_seq)s AND a.hash IS NOT DISTINCT FROM %(from_hash)s::bytea
"""
_KEPT = f"""
    kept AS (
        INSERT INTO yupana.audit_differences (book, seq, what, detail)
        SELECT moved.book, found.seq, found.what, found.detail
        FROM moved CROSS JOIN unnest(%(seqs)s::bigint[], %(whats)s::text[], %(details)s::text[])
            AS found (seq, what, detail)
        WHERE (
            SELECT count(*) FROM yupana.audit_differences d
            WHERE d.book = moved.book AND d.acknowledged_at IS NULL
        ) < {KEPT_MAX}
        ON CONFLICT (book, seq, what) DO NOTHING RETURNING seq, what
    )
    SELECT moved.book, kept.seq, kept.what FROM moved LEFT JOIN kept ON true ORDER BY kept.seq
"""
# R1: what was found in entries that are lost by now is not kept.
_ADVANCE = f"""
    WITH moved AS (
        UPDATE yupana.audits a SET seq = %(seq)s, hash = %(hash)s, epoch = %(epoch)s::integer,
            audited_at = clock_timestamp(), leased_until = {_LEASE_END}
        WHERE {_HELD} AND EXISTS (
            SELECT FROM yupana.journal j
            WHERE j.book = a.book AND j.seq = %(seq)s AND j.hash = %(hash)s
        )
        RETURNING a.book
    ), {_KEPT}
"""
_STEP_BACK = f"""
    WITH moved AS (
        UPDATE yupana.audits a SET epoch = %(epoch)s::integer, leased_until = {_LEASE_END},
            seq = coalesce(back.seq, 0), hash = back.hash
        FROM (SELECT) here LEFT JOIN LATERAL (
            SELECT seq, hash FROM yupana.journal j
            WHERE j.book = %(book)s AND j.seq <= %(seq)s ORDER BY seq DESC LIMIT 1
        ) back ON true
        WHERE {_HELD} RETURNING a.book
    ), {_KEPT}
"""
_END_LAP = f"""
    UPDATE yupana.audits a SET until_seq = a.seq WHERE {_HELD} AND a.course = 'again'
    RETURNING a.seq
"""
_NEXT = """
    SELECT seq, hash, (extract(epoch FROM recorded_at) * 1000000)::bigint, epoch
    FROM yupana.journal WHERE book = %(book)s AND seq > %(after)s ORDER BY seq LIMIT 1
"""
_COUNTS = """
    SELECT count(*), count(DISTINCT book) FROM yupana.audit_differences
    WHERE acknowledged_at IS NULL
"""
_ROWS = """
    SELECT b.id, coalesce(newest.seq, 0), coalesce(n.seq, 0), coalesce(o.seq, 0),
        coalesce(o.until_seq, 0), o.lap_at, (
            SELECT count(*) FROM yupana.audit_differences d
            WHERE d.book = b.book AND d.acknowledged_at IS NULL
        )
    FROM yupana.books b
    LEFT JOIN LATERAL (
        SELECT seq FROM yupana.journal j WHERE j.book = b.book ORDER BY seq DESC LIMIT 1
    ) newest ON true
    LEFT JOIN yupana.audits n ON n.book = b.book AND n.course = 'newest'
    LEFT JOIN yupana.audits o ON o.book = b.book AND o.course = 'again'
    WHERE %(id)s::text IS NULL OR b.id = %(id)s ORDER BY b.id
"""
_DIFFERENCES = """
    SELECT b.id, d.seq, d.what, d.detail, d.found_at, d.acknowledged_at
    FROM yupana.audit_differences d JOIN yupana.books b USING (book)
    WHERE %(id)s::text IS NULL OR b.id = %(id)s
    ORDER BY d.acknowledged_at IS NOT NULL, b.id, d.seq, d.what LIMIT %(limit)s
"""
_ACKNOWLEDGE = """
    UPDATE yupana.audit_differences SET acknowledged_at = clock_timestamp()
    WHERE book = %(book)s AND acknowledged_at IS NULL RETURNING seq
"""
_FORGET = "DELETE FROM yupana.audit_differences WHERE book = %(book)s AND seq > %(seq)s"
_GO_BACK = f"""
    WITH forgotten AS ({_FORGET})
    UPDATE yupana.audits a SET seq = coalesce(back.seq, 0), hash = back.hash, worker = NULL,
        leased_until = '-infinity'
    FROM (SELECT) here LEFT JOIN LATERAL (
        SELECT seq, hash FROM yupana.journal j
        WHERE j.book = %(book)s AND j.seq <= %(seq)s ORDER BY seq DESC LIMIT 1
    ) back ON true
    WHERE a.book = %(book)s AND a.course = 'newest' AND a.seq > %(seq)s RETURNING a.seq
"""


class AuditStore:
    """Reads and writes the tables of audits, as the role of the worker.

    Every method raises UnavailableError when the database cannot answer.
    """

    def __init__(self, reader: JournalReader, worker: str):
        """`worker` names the process that leases books."""
        self.reader = reader
        self._worker = worker

    async def schema(self) -> str:
        """Return the name of the newest migration that the database has."""
        rows = await self.reader.rows("SELECT version_num FROM yupana.migrations", {})
        return str(rows[0][0]) if rows else "none"

    async def behind(self) -> list[Job]:
        """Return every book whose newest entry is not audited, the longest neglected first."""
        return await self._jobs(_BEHIND)

    async def laps(self, *, every_s: float) -> list[Job]:
        """Return every book whose past is being audited again; begins the laps that are due."""
        await self.reader.rows(_BEGIN_LAPS, {"every_s": every_s})
        return await self._jobs(_LAPS)

    async def _jobs(self, statement: str) -> list[Job]:
        rows = await self.reader.rows(statement, {"worker": self._worker})
        return [Job._make((*row[:2], Course(row[2]), *row[3:])) for row in rows]

    async def claim(self, job: Job) -> Stand | None:
        """Take the lease and return where the audit stands; None while another worker is at it."""
        names = self._names(job)
        if not await self.reader.rows(_CLAIM, names):
            return None
        rows = await self.reader.rows(_STAND, names)
        return Stand(*rows[0]) if rows else None

    async def release(self) -> None:
        """Give back all leases, so that others need not wait for their end."""
        await self.reader.rows(_RELEASE, {"worker": self._worker})

    async def advance(
        self, job: Job, before: Link, after: Link, epoch: int, found: Sequence[Difference]
    ) -> list[Difference] | None:
        """Set where the audit stands and keep what it found; renews the lease.

        Returns the differences that were not known; None, and nothing was done, when the lease is
        lost, somebody reset the audit, or the journal is no longer what was read.
        """
        return await self._move(_ADVANCE, job, before, after, epoch, found)

    async def step_back(
        self, job: Job, stand: Stand, to_seq: int, found: Sequence[Difference]
    ) -> list[Difference] | None:
        """Set the audit back to an earlier entry, or the one before that is there; as `advance`."""
        before = Link(stand.seq, stand.hash or b"")
        after = Link(to_seq, b"")
        return await self._move(_STEP_BACK, job, before, after, stand.book_epoch, found)

    async def end_lap(self, job: Job, at: Link) -> None:
        """Have a lap over the past end where it stands; does nothing to what follows the tail."""
        held = {"from_seq": at.seq, "from_hash": at.hash if at.seq else None}
        await self.reader.rows(_END_LAP, self._names(job) | held)

    async def _move(
        self,
        statement: str,
        job: Job,
        before: Link,
        after: Link,
        epoch: int,
        found: Sequence[Difference],
    ) -> list[Difference] | None:
        parameters = self._names(job) | {
            "from_seq": before.seq,
            "from_hash": before.hash if before.seq else None,
            "seq": after.seq,
            "hash": after.hash,
            "epoch": epoch,
            "seqs": [each.seq for each in found],
            "whats": [each.what for each in found],
            "details": [each.detail[:DETAIL_CHARS_MAX] for each in found],
        }
        rows = await self.reader.rows(statement, parameters)
        if not rows:
            return None
        new = {(row[1], row[2]) for row in rows}
        return [each for each in found if (each.seq, each.what) in new]

    def _names(self, job: Job) -> dict[str, Any]:
        return {"book": job.book, "course": job.course.value, "worker": self._worker}

    async def next(self, book: int, after: int) -> Unreadable | None:
        """Return the little that must be known of an entry that cannot be read."""
        rows = await self.reader.rows(_NEXT, {"book": book, "after": after})
        return Unreadable(Link(*rows[0][:2]), *rows[0][2:]) if rows else None

    async def counts(self) -> Counts:
        """Return how many differences nobody acknowledged, and in how many books."""
        return Counts(*(await self.reader.rows(_COUNTS, {}))[0])

    async def rows(self, book_id: str | None) -> list[AuditRow]:
        """Return how far a book, or each of them, is audited."""
        rows = await self.reader.rows(_ROWS, {"id": book_id})
        return [AuditRow(*row) for row in rows]

    async def differences(self, book_id: str | None, *, limit: int) -> list[DifferenceRow]:
        """Return the differences of a book, or of all; those first that nobody acknowledged."""
        rows = await self.reader.rows(_DIFFERENCES, {"id": book_id, "limit": limit})
        return [DifferenceRow(*row) for row in rows]

    async def book_number(self, book_id: str) -> int | None:
        """Return the number of a book, None when there is none."""
        rows = await self.reader.rows(
            "SELECT book FROM yupana.books WHERE id = %(id)s", {"id": book_id}
        )
        return int(rows[0][0]) if rows else None

    async def acknowledge(self, book: int) -> int:
        """Acknowledge all differences of a book; returns how many."""
        return len(await self.reader.rows(_ACKNOWLEDGE, {"book": book}))

    async def go_back(self, book: int, seq: int) -> None:
        """Audit a book anew after an entry; what was found there is forgotten."""
        await self.reader.rows(_GO_BACK, {"book": book, "seq": seq})
