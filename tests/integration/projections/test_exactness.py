"""Strong reads are exact whatever is folded."""

import time
from random import Random

import pytest

from support.databases import Database
from support.journals import execute, verified
from support.projection_reads import ALL, SECOND, Reads, add_entries, moments
from support.projectors import projector_of, store_of
from support.random_book import RandomBook
from support.writers import MakeWriter, send
from yupana_server.book.commands import (
    CaptureHold,
    Command,
    CreateHold,
    CreateTransfer,
    OpenAccount,
    OpenAsset,
)
from yupana_server.feed.rebuild import Rebuild
from yupana_server.journal.account_lists import AccountSpan
from yupana_server.journal.effective import DENSE_ENTRIES, effective_accounts
from yupana_server.journal.errors import ProjectionBehindError
from yupana_server.journal.marks import LAG_MAX, Projection
from yupana_server.journal.prefixes import WIDE_ACCOUNTS, prefix_sums
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.transfer_lists import Span


@pytest.mark.parametrize("seed", range(3))
async def test_strong_reads_when_folded_now_and_then_then_they_are_what_the_entries_say(
    database: Database, make_writer: MakeWriter, reader: JournalReader, seed: int
) -> None:
    random, book, writer = Random(seed), RandomBook(seed), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    async with projector_of(database) as projector:
        for _ in range(6):
            await send(writer, *book.commands(random.randint(1, 120)))
            if random.random() < 0.6:
                await projector.catch_up()
                await reads.check_rows()
            if random.random() < 0.6:
                await send(writer, *book.commands(random.randint(1, 20)))
            history = await reads.history()
            await reads.check(moments(book, history, random, 4))


async def test_effective_sums_when_an_account_has_many_then_they_are_what_the_entries_say(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    random, book, writer = Random(7), RandomBook(7), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    async with projector_of(database) as projector:
        for round_ in range(5):
            await send(writer, *back_dated(random, round_, DENSE_ENTRIES * 2 // 5))
            if round_ != 3:  # What it lacks then is added by the read.
                await projector.catch_up()
            history = await reads.history()
            book.effects = [e.effective_at for e in history.entries if e.effective_at is not None]
            await reads.check_effects(history, moments(book, history, random, 6))
    [[dense]] = execute(
        database.admin_url,
        "SELECT count(*) FROM yupana.effective_sums WHERE level = 63 AND entries >= %s",
        DENSE_ENTRIES,
    )
    assert dense == 1
    [[running]] = execute(
        database.admin_url, "SELECT count(*) FROM yupana.effective_sums WHERE level = -1"
    )
    assert running == DENSE_ENTRIES * 2


def back_dated(random: Random, round_: int, count: int) -> list[CreateTransfer]:
    """Make transfers of one account, most of them days ago, some of them an instant ago."""
    now = time.time_ns() // 1000
    users = ["users:1:wallet", "users:1:savings", "users:10:wallet", "users:1", "odd::name"]
    ago = [1, 1000, SECOND, 3600 * SECOND, 24 * 3600 * SECOND]
    return [
        CreateTransfer(
            f"back:{round_}:{number}",
            *random.choice([("world", user), (user, "world")]),
            random.randint(1, 1000),
            effective_at=now - SECOND - random.choice(ago) * random.randint(0, 1000),
        )
        for number, user in enumerate(random.choices(users, k=count))
    ]


async def test_r1_projections_when_the_tail_was_lost_then_reads_are_right_and_it_is_folded_again(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(29), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening(), *book.commands(200))
    async with projector_of(database) as projector:
        await projector.catch_up()
        cut_tail(database, (await reads.history()).seq - 100)
        await reads.check([])
        await send(make_writer(), *book.commands(30))  # Fewer than were lost.
        await reads.check([])
        await projector.catch_up()
        await reads.check([])
        await reads.check_rows()
        # Now the journal goes on beyond where it was, on another way.
        cut_tail(database, (await reads.history()).seq - 20)
        await send(make_writer(), *book.commands(100))
        await reads.check([])
        await projector.catch_up()
        await reads.check_rows()
    await reads.check([])
    states = execute(database.admin_url, "SELECT DISTINCT state FROM yupana.projections")
    assert states == [("live",)]
    folded = execute(database.admin_url, "SELECT DISTINCT seq FROM yupana.projections")
    assert folded == [((await reads.history()).seq,)]


def cut_tail(database: Database, after: int) -> None:
    """Lose entries, as a failover to a standby that lags would."""
    for table in ("journal", "ids", "labels"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > %s", after)


async def test_reads_when_the_projection_lacks_too_much_then_they_say_so(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(31), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening(), *book.commands(20))
    seq = (await reads.history()).seq
    async with projector_of(database) as projector:
        await projector.catch_up()
        add_entries(database, LAG_MAX)
        assert (await prefix_sums(reader, 1, "")).seq == seq + LAG_MAX
        add_entries(database, 1)
        refused = [
            lambda: prefix_sums(reader, 1, ""),
            lambda: effective_accounts(reader, 1, ["world"], at=0),
            lambda: reads.lists.with_code(1, ALL, code="sale"),
            lambda: reads.lists.with_label(1, ALL, key="k", value="v"),
            lambda: reads.holds.open(1, after=0, limit=10),
            lambda: reads.accounts.with_label(1, AccountSpan("", "", 9), key="k", value="v"),
        ]
        for read in refused:
            with pytest.raises(ProjectionBehindError, match=f"lacks {LAG_MAX + 1} entries"):
                await read()
        # What lies before the watermark is served all the same, and so is what needs no projection.
        await reads.lists.with_code(1, Span(seq + 1, 10), code="sale")
        await reads.holds.open(1, after=seq + 1, limit=10)
        await reads.reader.open_holds(1, ["world"])
        await projector.catch_up()
        for read in refused:
            await read()


async def test_prefix_sums_when_a_prefix_becomes_wide_then_they_are_what_the_entries_say(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    random, writer = Random(37), make_writer()
    reads = Reads(database, reader)
    await send(writer, OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2))
    opened: list[tuple[str, str]] = []

    def pairs(count: int) -> list[list[str]]:
        among = [name for name, asset in opened if asset == "USD"]
        return [random.sample(among, 2) for _ in range(count)]

    async with projector_of(database) as projector, store_of(database) as store:
        for round_ in range(8):
            opening = [
                (f"users:{len(opened) + number}:wallet", "EUR" if number == 7 else "USD")
                for number in range(WIDE_ACCOUNTS // 4)
            ]
            opening += [(f"shop:{round_}:{number}", "USD") for number in range(3)]
            opened += opening
            await send(writer, *(OpenAccount(f"o:{name}", name, each) for name, each in opening))
            if round_ == 2:
                await projector.catch_up()
            await send(writer, *moves(random, f"{round_}", opened))
            if round_ == 6:  # More than one page to fold, from nothing.
                plain = [CreateTransfer(f"p:{n}", *pair, 1) for n, pair in enumerate(pairs(5_100))]
                await send(writer, *plain)
                await Rebuild(store, 1, Projection.PREFIX_SUMS).run()
            elif round_ % 2:
                await projector.catch_up()
            history = await reads.history()
            for prefix in ("", "users", "users:3", "shop", "shop:1", "nobody"):
                found = await prefix_sums(reader, 1, prefix)
                sums = {each.asset: (each.accounts, each.totals) for each in found.sums}
                assert sums == history.sums(prefix)
    wide = execute(
        database.admin_url,
        "SELECT DISTINCT prefix FROM yupana.prefix_sums WHERE asset <> '' ORDER BY prefix",
    )
    assert wide == [("",), ("users",)]


def moves(random: Random, round_: str, opened: list[tuple[str, str]]) -> list[Command]:
    """Make transfers and holds between accounts of the same asset."""
    made: list[Command] = []
    for number in range(60):
        asset = random.choice(["USD", "USD", "EUR"]) if len(opened) > 40 else "USD"
        debit, credit = random.sample([name for name, each in opened if each == asset], 2)
        kind = random.choice([CreateTransfer, CreateTransfer, CreateHold])
        made.append(kind(f"{round_}:{number}", debit, credit, random.randint(1, 99)))
    return [*made, CaptureHold(f"{round_}:capture", f"{round_}:7", 1)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM yupana.open_holds WHERE hold = '0:hold'", "open_holds differs"),
        ("UPDATE yupana.prefix_sums SET accounts = accounts + 1", "prefix_sums has"),
        ("UPDATE yupana.prefix_sums SET debits_pending = 7 WHERE asset <> ''", "prefix_sums has"),
    ],
)
async def test_verify_when_a_projection_is_not_what_the_journal_gives_then_it_says_so(
    database: Database, make_writer: MakeWriter, damage: str, said: str
) -> None:
    writer = make_writer()
    opened = [(f"users:{number}:wallet", "USD") for number in range(WIDE_ACCOUNTS)]
    opened += [(f"users:{number}:euros", "EUR") for number in range(3)]
    await send(writer, OpenAsset("usd", "USD", 2), OpenAsset("eur", "EUR", 2))
    await send(writer, *(OpenAccount(f"o:{name}", name, asset) for name, asset in opened))
    await send(writer, CreateHold("0:hold", opened[0][0], opened[1][0], 5))
    async with projector_of(database) as projector:
        await projector.catch_up()
    await send(writer, *moves(Random(43), "1", opened))  # Not folded.
    await verified(database.ledger_url, "b")
    execute(database.admin_url, damage)
    with pytest.raises(AssertionError, match=said):
        await verified(database.ledger_url, "b")
