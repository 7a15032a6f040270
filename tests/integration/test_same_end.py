"""Random commands of several clients to two servers end as the journal says, for everybody.

YUPANA_HYPOTHESIS_PROFILE=thorough searches for minutes instead of seconds.
"""

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from support.databases import Database
from support.journals import verified
from support.processes import LedgerProcess
from yupana import (
    Command,
    CreateTransfer,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Outcome,
    Reason,
    Yupana,
    convert,
    linked,
)
from yupana.book import BookClient
from yupana.convert import moment
from yupana_server.book.entries import Entry
from yupana_server.book.evolve import evolve
from yupana_server.book.replay import difference
from yupana_server.book.state import State
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.parse import parse_commands
from yupana_server.messages.present import timestamp
from yupana_server.messages.tokens import decode_position

CLIENTS = 4
ACCOUNTS = ["a", "b", "c", "d", "e"]
THOROUGH = os.environ.get("YUPANA_HYPOTHESIS_PROFILE") == "thorough"
SETTINGS = settings(
    max_examples=400 if THOROUGH else 15,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    # What depends on who comes first does not shrink.
    phases=[Phase.explicit, Phase.generate],
    # The second server is there for all examples, on purpose.
    suppress_health_check=list(HealthCheck),
)

# Few ids, so that clients use each other's, with the same content or another.
ids = st.integers(0, 80).map("id{}".format)
limits = st.sampled_from([None, None, -10, 0])
transfers = st.builds(
    lambda id_, sides, amount, asset, labels: CreateTransfer(
        *sides[:2], amount, asset=asset, labels=labels, id=id_
    ),
    ids,
    st.permutations(ACCOUNTS),
    st.integers(0, 12) | st.just(2**128 - 1),
    st.sampled_from(["", "", "", "X", "Y"]),
    st.sampled_from([{}, {}, {"k": "v"}]),
)
openings = st.builds(
    lambda id_, account, asset, side, floor: OpenAccount(
        account, asset, normal_side=side, min_balance=floor, id=id_
    ),
    ids,
    st.sampled_from(ACCOUNTS),
    st.sampled_from(["X", "X", "X", "Y"]),
    st.sampled_from(NormalSide),
    limits,
)
asset_openings = st.builds(lambda id_, scale: OpenAsset("Y", scale=scale, id=id_), ids, st.just(2))
commands = st.one_of(transfers, transfers, transfers, openings, asset_openings)
chains = st.lists(commands, min_size=2, max_size=4, unique_by=lambda command: command.id)
units = commands.map(lambda command: [command]) | chains.map(lambda unit: linked(*unit))


class Request(NamedTuple):
    """What one client sends at once."""

    units: list[list[Command]]
    validate_only: bool
    times: int
    """How often it is sent, all at the same time."""


requests = st.builds(
    Request,
    st.lists(units, min_size=1, max_size=5),
    st.sampled_from([False] * 6 + [True]),
    st.sampled_from([1, 1, 1, 2]),
)
plans = st.lists(st.lists(requests, min_size=2, max_size=7), min_size=CLIENTS, max_size=CLIENTS)


class Answered(NamedTuple):
    """A unit and what a client was told about it."""

    unit: list[Command]
    outcomes: list[Outcome]
    validate_only: bool


class Journal(NamedTuple):
    """What was recorded, and what it comes to."""

    entries: dict[str, Entry]
    state: State


_books = itertools.count(1)


def test_any_commands_of_any_clients_end_as_the_journal_says(
    ledger: LedgerProcess,
    shared_database: Database,
    start_ledger: Callable[..., LedgerProcess],
) -> None:
    other = start_ledger(shared_database)

    @SETTINGS
    @given(plans)
    def check(plan: list[list[Request]]) -> None:
        asyncio.run(play(plan, [ledger.address, other.address], shared_database.ledger_url))

    check()


async def play(plan: list[list[Request]], addresses: list[str], url: str) -> None:
    """Send everything, then compare answers, journal and balances."""
    book_id = f"same-end-{next(_books)}"
    async with Yupana(addresses[0]) as first, Yupana(addresses[1]) as second:
        await first.create_book(book_id)
        books = [client.book(book_id) for client in (first, second)]
        await open_some(books[0])
        told = await asyncio.gather(
            *(send(books[place % 2], requests) for place, requests in enumerate(plan))
        )
        journal = await read_journal(url, book_id)
        answers = [answered for each in told for answered in each]
        for answered in answers:
            check_answer(answered, journal, book_id)
        check_done_once(answers, journal)
        for book in books:
            await check_balances(book, journal)
        await check_transfers(books[1], journal)
    await verified(url, book_id)


async def open_some(book: BookClient) -> None:
    """Open so much that most transfers can be posted."""
    openings = [OpenAccount(each, "X") for each in ("a", "b", "c")]
    outcomes = await book.execute([OpenAsset("X", scale=0), *openings])
    assert all(outcome.ok for outcome in outcomes)


async def send(book: BookClient, requests: list[Request]) -> list[Answered]:
    answers: list[Answered] = []
    for request in requests:
        flat = [command for unit in request.units for command in unit]
        calls = [
            book.execute(flat, validate_only=request.validate_only) for _ in range(request.times)
        ]
        for outcomes in await asyncio.gather(*calls):
            rest = iter(outcomes)
            for unit in request.units:
                mine = list(itertools.islice(rest, len(unit)))
                answers.append(Answered(unit, mine, request.validate_only))
    return answers


async def read_journal(url: str, book_id: str) -> Journal:
    reader = JournalReader(url, connections_max=1)
    await reader.open()
    try:
        row = await reader.book(book_id)
        assert row is not None
        stored = await reader.entries(row.number, after=0, limit=100_000)
    finally:
        await reader.close()
    state = State()
    for each in stored:
        evolve(state, each.entry)
    assert len(state.outcomes) == len(stored) == row.seq
    return Journal(state.outcomes, state)


def check_answer(answered: Answered, journal: Journal, book_id: str) -> None:
    """Hold what was told against what is recorded."""
    request = convert.execute_request(book_id, answered.unit)
    [asked] = parse_commands(request).units
    for command, outcome in zip(asked, answered.outcomes, strict=True):
        assert outcome.id == command.id
        event(f"{outcome.reason or outcome.kind}{' again' if outcome.replayed else ''}")
        entry = journal.entries.get(outcome.id)
        if outcome.refused:
            check_refusal(outcome, entry, asked, validate_only=answered.validate_only)
        elif outcome.position:
            assert entry is not None
            check_recorded(outcome, entry, book_id)
            assert difference(command, entry) is None
        else:
            assert answered.validate_only


def check_recorded(outcome: Outcome, entry: Entry, book_id: str) -> None:
    assert decode_position(book_id, outcome.position).seq == entry.seq
    assert outcome.recorded_at == moment(timestamp(entry.recorded_at))
    assert outcome.reason == (Reason(entry.reason.name) if entry.reason else None)
    assert outcome.facts == (entry.facts or {})
    assert outcome.rejected == (entry.reason is not None)
    if outcome.amount is not None:
        assert outcome.amount == entry.amount


def check_refusal(
    outcome: Outcome, entry: Entry | None, asked: Any, *, validate_only: bool
) -> None:
    assert (outcome.position, outcome.replayed) == ("", False)
    if outcome.reason is Reason.ID_REUSED:
        command = next(command for command in asked if command.id == outcome.id)
        # A request that is only validated may know the id by a command of its own before it,
        # whatever is recorded under that id later.
        if not validate_only:
            assert entry is not None
            assert difference(command, entry) is not None
    elif outcome.reason is Reason.CHAIN_MIXED:
        assert outcome.facts["known_id"] in {command.id for command in asked} - {outcome.id}
    else:
        assert outcome.reason in {Reason.ASSET_MISMATCH, Reason.LINKED_FAILED}


def check_done_once(answers: list[Answered], journal: Journal) -> None:
    """Every entry was answered as new exactly once."""
    new = Counter(
        outcome.id
        for answered in answers
        for outcome in answered.outcomes
        if outcome.position and not outcome.replayed
    )
    sent = {id_ for id_ in journal.entries if id_.startswith("id")}
    assert new == Counter(sent)


async def check_balances(book: BookClient, journal: Journal) -> None:
    accounts = await book.accounts(ACCOUNTS)
    folded = {k: account for k, account in journal.state.accounts.items() if account is not None}
    assert accounts.keys() == folded.keys()
    for account_id, account in folded.items():
        read = accounts[account_id]
        assert account.totals == (
            read.debits_posted,
            read.credits_posted,
            read.debits_pending,
            read.credits_pending,
        )
        assert decode_position(book.id, read.last_position).seq == account.last_seq
        assert (read.asset, read.min_balance) == (account.facts.asset, account.facts.min_balance)
    for asset in ("X", "Y"):
        assert sum(read.balance for read in accounts.values() if read.asset == asset) == 0


async def check_transfers(book: BookClient, journal: Journal) -> None:
    listed = [transfer.id async for transfer in book.list_transfers()]
    moved = [entry for entry in journal.entries.values() if entry.amount is not None]
    assert listed == [entry.id for entry in sorted(moved, key=lambda e: e.seq, reverse=True)]
