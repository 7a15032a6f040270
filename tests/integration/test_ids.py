"""R7: ids that nobody looked up are taken for new, and never wrongly answered for that."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable

import pytest

from support.databases import Database
from support.journals import count_entries, verified
from support.random_commands import ACCOUNTS, RandomCommands
from support.writers import MakeWriter, open_accounts, reasons, send
from yupana_server.book.commands import Chain, Command, CreateHold, CreateTransfer, ReverseTransfer
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason, Refusal
from yupana_server.journal.points import Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger import memory
from yupana_server.ledger.memory import MemoryBounds
from yupana_server.ledger.quota import RejectionQuota
from yupana_server.ledger.submission import Submission
from yupana_server.ledger.writer import Writer


class CountingReader(JournalReader):
    """Takes note of the ids that are looked up."""

    def __init__(self, url: str):
        super().__init__(url, connections_max=2)
        self.looked_up: list[set[str]] = []

    async def outcomes(self, book: int, ids: Iterable[str]) -> Loaded[Entry]:
        wanted = set(ids)
        self.looked_up.append(wanted)
        return await super().outcomes(book, wanted)


@pytest.fixture
async def counting(database: Database) -> AsyncIterator[CountingReader]:
    reader = CountingReader(database.ledger_url)
    await reader.open()
    yield reader
    await reader.close()


def transfer(id_: str, *, asset: str | None = None, to: str = "a1") -> CreateTransfer:
    return CreateTransfer(id_, "a0", to, 5, asset)


def chain(*ids: str) -> tuple[CreateTransfer, ...]:
    return tuple(
        transfer(id_)._replace(chain=Chain(ids[0], place, len(ids)))
        for place, id_ in enumerate(ids, 1)
    )


async def submit(
    writer: Writer, *units: tuple[Command, ...], validate_only: bool = False
) -> list[Outcome]:
    deadline = asyncio.get_running_loop().time() + 20
    answer = await writer.submit(Submission(units, deadline, validate_only=validate_only))
    return answer.outcomes


def replayed(outcome: Outcome) -> Entry:
    assert isinstance(outcome, Replay)
    return outcome.entry


async def late_writer(
    make_writer: MakeWriter, *known: tuple[Command, ...], **options: object
) -> tuple[Writer, list[Outcome]]:
    """Have commands recorded by one writer; return another one that knows none of their ids."""
    early = make_writer()
    await open_accounts(early, 2)
    outcomes = await submit(early, *known)
    late = make_writer(**options)
    await send(late, transfer("warm"))
    return late, outcomes


async def test_r7_ids_when_beyond_memory_and_new_then_nobody_looks_them_up(
    database: Database, make_writer: MakeWriter, counting: CountingReader
) -> None:
    late, _ = await late_writer(make_writer, (transfer("known"),), reader=counting)
    for number in range(5):
        assert reasons(await send(late, transfer(f"new-{number}"))) == [None]
    assert not counting.looked_up
    assert (await verified(database.ledger_url, "b")).posted == 3 + 1 + 1 + 5


async def test_r7_ids_when_one_is_known_beyond_memory_then_it_is_replayed_and_others_post_once(
    database: Database, make_writer: MakeWriter, counting: CountingReader
) -> None:
    late, [first] = await late_writer(make_writer, (transfer("known"),), reader=counting)
    before, again, after = await send(late, transfer("one"), transfer("known"), transfer("two"))
    assert replayed(again) == first
    assert reasons([before, after]) == [None, None]
    assert [count_entries(database.ledger_url, "b", id_) for id_ in ("one", "known", "two")] == [
        1, 1, 1
    ]  # fmt: skip
    # For a while all ids are looked up, so that the next retry does not spoil a batch.
    looked_up = len(counting.looked_up)
    await send(late, transfer("three"))
    assert counting.looked_up[looked_up:] == [{"three"}]
    await verified(database.ledger_url, "b")


async def test_outcomes_when_committed_folded_or_found_then_memory_holds_no_containers_for_them(
    make_writer: MakeWriter,
) -> None:
    late, [first] = await late_writer(make_writer, (transfer("known"),))
    other = make_writer()
    for writer, id_ in ((late, "late"), (other, "other"), (late, "later")):
        await send(writer, transfer(id_))
    again, _ = await send(late, transfer("known"), transfer("new"))
    assert replayed(again) == first
    kept = late._memory.base.outcomes
    assert {"known", "late", "later", "new", "other", "warm"} <= kept.keys()
    assert not any(map(gc.is_tracked, kept.values()))
    assert kept["known"] == first


async def test_r7_ids_when_known_with_other_content_beyond_memory_then_id_reused(
    database: Database, make_writer: MakeWriter
) -> None:
    late, _ = await late_writer(make_writer, (transfer("known"),))
    assert reasons(await send(late, transfer("known", to="a0"))) == [Reason.ID_REUSED]
    await verified(database.ledger_url, "b")


async def test_r7_ids_when_a_refusal_would_not_be_recorded_then_the_id_is_looked_up_first(
    make_writer: MakeWriter,
) -> None:
    late, [first] = await late_writer(make_writer, (transfer("known"),))
    # As long as the first is in memory, the second is what nobody remembers.
    outcomes = await send(late, transfer("new", asset="EUR"), transfer("known", asset="EUR"))
    assert reasons(outcomes) == [Reason.ASSET_MISMATCH, Reason.ID_REUSED]
    assert isinstance(first, Entry)


async def test_r7_ids_when_a_rejection_is_beyond_the_quota_then_the_id_is_looked_up_first(
    make_writer: MakeWriter,
) -> None:
    quota = RejectionQuota(per_s=0.001, burst=2)
    late, [first] = await late_writer(
        make_writer, (CreateTransfer("known", "a0", "nobody", 5),), quota=quota
    )
    lost = [CreateTransfer(f"lost-{number}", "a0", "nobody", 5) for number in range(3)]
    *rejected, again = await send(late, *lost, CreateTransfer("known", "a0", "nobody", 5))
    assert reasons(rejected) == [
        Reason.ACCOUNT_NOT_FOUND,
        Reason.ACCOUNT_NOT_FOUND,
        Reason.REJECTION_QUOTA_EXCEEDED,
    ]
    assert replayed(again) == first


async def test_r7_ids_when_only_validating_then_a_known_one_is_found(
    make_writer: MakeWriter,
) -> None:
    late, [first] = await late_writer(make_writer, (transfer("known"),))
    (outcome,) = await submit(late, (transfer("known"),), validate_only=True)
    assert replayed(outcome) == first


async def test_r7_ids_when_a_chain_is_half_in_memory_then_all_of_it_is_replayed(
    database: Database, make_writer: MakeWriter
) -> None:
    members = chain("c1", "c2")
    early = make_writer()
    await open_accounts(early, 2)
    first = await submit(early, members)
    # Of the chain only the second member stays in memory.
    late = make_writer()
    await send(late, transfer("warm"))
    assert isinstance(first[1], Entry)
    late._memory.base.outcomes["c2"] = first[1]
    assert [replayed(each) for each in await submit(late, members)] == first
    mixed = await submit(late, chain("c2", "c3"))
    assert reasons(mixed) == [Reason.ID_REUSED, Reason.CHAIN_MIXED]
    await verified(database.ledger_url, "b")


async def test_r7_ids_when_what_is_reversed_is_beyond_memory_then_it_is_found(
    database: Database, make_writer: MakeWriter
) -> None:
    late, _ = await late_writer(make_writer, (transfer("known"),))
    (outcome,) = await send(late, ReverseTransfer("back", "known"))
    assert reasons([outcome]) == [None]
    await verified(database.ledger_url, "b")


async def test_r7_ids_when_two_late_writers_get_the_same_retries_then_each_id_has_one_entry(
    database: Database, make_writer: MakeWriter
) -> None:
    known = [(transfer(f"known-{number}"),) for number in range(50)]
    early = make_writer()
    await open_accounts(early, 2)
    first = await submit(early, *known)
    pair = [make_writer(), make_writer()]
    for late in pair:
        await send(late, transfer("warm"))
    answers = await asyncio.gather(*(submit(late, unit) for late in pair for unit in known))
    assert [replayed(outcome) for [outcome] in answers] == first * 2
    assert (await verified(database.ledger_url, "b")).posted == 3 + 50 + 1


@pytest.mark.parametrize("linked", [False, True])
async def test_r7_ids_when_a_hold_is_in_memory_and_its_entry_is_not_then_it_is_replayed(
    database: Database, make_writer: MakeWriter, linked: bool
) -> None:
    hold = CreateHold("hold", "a0", "a1", 5)
    unit: tuple[Command, ...] = (hold,)
    if linked:
        unit = (hold._replace(chain=Chain("hold", 1, 2)), chain("hold", "with")[1])
    late, first = await late_writer(make_writer, unit)
    # With their accounts, open holds were loaded.
    assert late._memory.base.knows("holds", "hold")
    assert [replayed(each) for each in await submit(late, unit)] == first
    await verified(database.ledger_url, "b")


@pytest.mark.parametrize("seed", [1, 2])
async def test_r7_ids_when_everything_comes_again_to_who_forgot_it_then_all_is_replayed(
    database: Database, make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(memory, "DOUBT_S", 0.0)  # Every id is taken for new.
    early = make_writer()
    await open_accounts(early, len(ACCOUNTS))
    commands, new = RandomCommands(seed), RandomCommands(seed, "new-")
    units = [commands.unit() for _ in range(150)]
    first = [await submit(early, unit) for unit in units]
    late = make_writer(bounds=MemoryBounds(outcomes_max=10))
    for unit, outcomes in zip(units, first, strict=True):
        answer = await submit(late, unit, new.unit())
        for outcome, again in zip(outcomes, answer, strict=False):
            if not isinstance(outcome, Refusal):  # Which is not recorded.
                assert replayed(again) == (
                    outcome.entry if isinstance(outcome, Replay) else outcome
                )
    await verified(database.ledger_url, "b")
