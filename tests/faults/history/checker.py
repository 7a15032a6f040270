"""Compares what clients were told with what the journal says, and finds every broken promise.

Checked: one outcome an id; every acknowledged outcome is in the journal, where it was said to be
and as it was said to be; real time respects the journal's order, for reads as well; no gap in seq
and time strictly increasing; the entries are what the rules give, by the pure heart (which also
checks the chain of hashes) and by a naive model that shares nothing with it; debits equal credits.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from faults.history.answers import Answers
from faults.history.journal import Journal, read_journal
from faults.history.log import Log
from faults.history.order import RealTime, check_new, check_reads, check_writes
from faults.history.replay import Replay
from faults.history.report import Report

from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.verify import Verifier
from yupana_server.messages.tokens import Position


async def check(
    log: Log, database_url: str, book_id: str, *, allowed_to_lose_after: Position | None = None
) -> Report:
    """Compare the log with the journal.

    Args:
        log: Of all clients of the book.
        database_url: Of the primary, when all is over.
        book_id: The book that the clients used, and nobody else.
        allowed_to_lose_after: The last common position of an asynchronous failover that lost a
            tail. Acknowledged outcomes of that epoch beyond it may be gone; all else must hold.
    """
    journal = await read_journal(database_url, book_id)
    report = judge(log, journal, allowed_to_lose_after)
    for difference in await _pure_heart(database_url, book_id):
        report.wrong(f"verify: {difference}")
    return report


def judge(log: Log, journal: Journal, lost_after: Position | None = None) -> Report:
    """Compare the log with a journal, without the pure heart."""
    report = Report(calls=len(log), acknowledged=len(log.answered_ids()))
    for problem in _unlike_a_journal(journal):
        report.wrong(problem)
    for id_, count in Counter(row.id for row in journal.rows).items():
        if count > 1:
            report.double(f"{id_} has {count} entries")
    replay = Replay(log, journal, report)
    answers = Answers(journal, replay, report, lost_after)
    answers.check(log)
    real_time = RealTime(log, journal, answers)
    check_writes(journal, replay, real_time, report)
    check_new(log, answers, real_time, report)
    check_reads(log, replay, answers, real_time, report)
    _check_answered(log, report)
    return report


def _unlike_a_journal(journal: Journal) -> Iterable[str]:
    seqs = [row.seq for row in journal.rows]
    if seqs != list(range(1, len(seqs) + 1)):
        missing = sorted(set(range(1, max(seqs) + 1)) - set(seqs))
        yield f"seq has gaps: {missing[:5]}"
    for earlier, later in pairwise(journal.rows):
        if later.recorded_at <= earlier.recorded_at:
            yield f"entry {later.seq} is not later than the one before it"
        if later.place <= earlier.place:
            yield f"entry {later.seq} is of epoch {later.place[0]}, after {earlier.place[0]}"
    if journal.ids != {row.id: row.seq for row in journal.rows}:
        yield "the table of ids does not say what the journal says"


def _check_answered(log: Log, report: Report) -> None:
    known = log.answered_ids()
    asked = {command.id for call in log for command in call.commands}
    report.unanswered = len(asked - known)
    if report.unanswered:
        examples = ", ".join(sorted(asked - known)[:5])
        report.wrong(f"{report.unanswered} ids have no answer, such as {examples}")


async def _pure_heart(database_url: str, book_id: str) -> list[str]:
    reader = JournalReader(database_url, connections_max=2)
    await reader.open()
    try:
        book = await reader.book(book_id)
        if book is None:
            return [f"there is no book {book_id}"]
        return (await Verifier(reader, book, lambda _: None).run()).differences
    finally:
        await reader.close()
