"""The checker catches servers that break a promise, and finds nothing in an honest one."""

import itertools
from collections.abc import Awaitable, Callable

import pytest
from faults.history.checker import check
from faults.history.load import Load
from faults.history.report import Report

from support.databases import Database
from support.journals import execute
from support.liars import (
    ChangesOutcomes,
    ForgesReads,
    ForgetsReplays,
    ForgetsReversals,
    KeepsMembers,
    Liar,
    LosesEntries,
    LosesStreamed,
    PaysHalf,
    PostsTwice,
    ReordersReads,
    ReordersStreams,
    RepeatsReads,
    ReusesIds,
    ReversesTwice,
)
from support.processes import LedgerProcess

LIES = 5
"""How often a server must have lied before it is looked at."""

Serve = Callable[[type[Liar]], Awaitable[tuple[Liar, Report]]]


_books = itertools.count(1)


@pytest.fixture
def serve(shared_database: Database, ledger: LedgerProcess) -> Serve:
    """Returns what has a load work through such a server, and the report of it."""

    async def serve(kind: type[Liar]) -> tuple[Liar, Report]:
        book_id = f"lied-to-{next(_books)}"
        async with kind(ledger.address) as liar:
            async with Load([liar.address], book_id, seed=1, pause_s=0.005) as load:
                await load.acknowledged(300)
                while liar.lies < LIES and kind is not Liar:
                    await load.acknowledged(50, more=True)
            return liar, await check(load.log, shared_database.ledger_url, book_id)

    return serve


async def test_checker_when_server_is_honest_then_finds_nothing(serve: Serve) -> None:
    _, report = await serve(Liar)
    report.require_good()
    assert report.acknowledged >= 300
    assert report.calls > 50
    assert not report.unanswered


async def test_checker_when_entries_are_lost_then_tells(serve: Serve) -> None:
    liar, report = await serve(LosesEntries)
    assert report.lost >= liar.lies


async def test_checker_when_something_is_posted_twice_then_tells(serve: Serve) -> None:
    liar, report = await serve(PostsTwice)
    assert report.doubled >= liar.lies


@pytest.mark.parametrize("kind", [LosesStreamed, ForgetsReversals, KeepsMembers])
async def test_checker_when_outcomes_are_not_those_of_the_journal_then_tells(
    serve: Serve, kind: type[Liar]
) -> None:
    liar, report = await serve(kind)
    assert report.lost >= liar.lies / 2  # Some is told again and again.


@pytest.mark.parametrize("kind", [PaysHalf, ReversesTwice])
async def test_checker_when_something_else_is_done_than_was_asked_for_then_tells(
    serve: Serve, kind: type[Liar]
) -> None:
    _, report = await serve(kind)
    assert report.doubled >= LIES


async def test_checker_when_a_stream_is_not_decided_in_its_order_then_tells(serve: Serve) -> None:
    _, report = await serve(ReordersStreams)
    assert any("are not in its order" in each for each in report.problems)
    assert not report.lost


@pytest.mark.parametrize("kind", [RepeatsReads, ForgesReads, ReordersReads])
async def test_checker_when_reads_are_not_of_now_then_tells(serve: Serve, kind: type[Liar]) -> None:
    _, report = await serve(kind)
    assert report.wrong_reads
    assert not report.lost
    assert not report.doubled


async def test_checker_when_replay_is_called_reuse_then_tells(serve: Serve) -> None:
    _, report = await serve(ReusesIds)
    assert any("was told as reused and is what entry" in each for each in report.problems)


async def test_checker_when_outcome_changes_then_tells(serve: Serve) -> None:
    _, report = await serve(ChangesOutcomes)
    assert report.lost
    assert report.doubled


async def test_checker_when_replay_is_called_new_then_tells(serve: Serve) -> None:
    _, report = await serve(ForgetsReplays)
    assert report.doubled
    assert not report.lost


async def test_checker_when_journal_was_changed_then_tells(
    shared_database: Database, ledger: LedgerProcess
) -> None:
    async with Load([ledger.address], "changed", seed=1) as load:
        await load.acknowledged(100)
    url = shared_database.ledger_url
    (await check(load.log, url, "changed")).require_good()
    [(seq,)] = execute(
        shared_database.admin_url,
        "UPDATE yupana.journal SET effective_at = recorded_at WHERE (book, seq) = "
        "(SELECT j.book, min(seq) FROM yupana.journal j JOIN yupana.books b USING (book) "
        "WHERE b.id = 'changed' AND kind = 3 AND reason IS NULL GROUP BY 1) RETURNING seq",
    )
    report = await check(load.log, url, "changed")
    problem = f"verify: entry {seq} does not have the hash of its content and history"
    assert report.problems == [problem]
