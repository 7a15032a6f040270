"""Runs of plain transfers, decided by one loop, are what `decide` and `evolve` make of each."""

from random import Random

import pytest

from support.posting import contents
from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import CreateTransfer, Kind, NormalSide, UpTo, Words
from yupana_server.book.decide import decide
from yupana_server.book.entries import Entry, Totals
from yupana_server.book.evolve import evolve
from yupana_server.book.plain import post
from yupana_server.book.state import Account, AccountFacts, Hold, HoldState, State
from yupana_server.book.words import seal

NOW = 1_700_000_000_000_000
ABSENT = "absent"
Unit = tuple[CreateTransfer, ...]


def account(name: str, asset: str = "USD", **facts: object) -> Account:
    facts = {"min_balance": None, "max_balance": None, **facts}
    totals = Totals(AMOUNT_MAX - 50, 0, 0, 0) if name == "full" else Totals(500, 500, 0, 0)
    return Account(
        AccountFacts(name, asset, NormalSide.CREDIT, opened_at=1, opened_by="o", **facts),  # type: ignore[arg-type]
        totals,
        7,
    )


ACCOUNTS = [
    account("a"),
    account("b"),
    account("floor", min_balance=0),
    account("ceiling", max_balance=30),
    account("euros", "EUR"),
    account("shut", closed=True),
    account("frozen", debits_frozen=True),
    account("thawed", credits_frozen=True),
    account("full"),
]
NAMES = [each.facts.id for each in ACCOUNTS]
USUAL = ["a", "b", "floor", "ceiling"]


def layers(random: Random) -> State:
    """Return a stack of layers over which the accounts are spread."""
    top = State(seq=9, recorded_at=NOW + random.choice([-5, 0, 10]), closed_before=NOW - 100)
    top.accounts[ABSENT] = None
    top.outcomes["known"] = Entry(1, 1, Kind.TRANSFER, "known", amount=1)
    for _ in range(random.randrange(3)):
        top = top.layer()
    for each in ACCOUNTS:
        layer = top
        while layer.parent is not None and random.random() < 0.5:
            layer = layer.parent
        layer.accounts[each.facts.id] = each
    return top.layer()


def command(random: Random, count: int) -> CreateTransfer:
    """Return a transfer, mostly a plain one."""
    names = USUAL if random.random() < 0.9 else [*NAMES, ABSENT]
    debit, credit = random.sample(names, 2)
    made = CreateTransfer(
        random.choice([f"n{count}"] * 20 + ["known", "n3"]),
        debit,
        credit,
        random.choice([0, 1, 5, 20, 100]),
        asset=random.choice([None] * 8 + ["USD", "EUR"]),
        effective_at=random.choice([None] * 8 + [NOW - 50, NOW - 500, NOW + 3, NOW + 10**9]),
        code=random.choice([None, "sale"]),
        up_to=random.choice([UpTo.NONE] * 15 + [UpTo.DEBIT_LIMITS]),
    )
    if random.random() < 0.2:
        words = Words({"k": "v"})
        made = made._replace(words=words._replace(sealed=seal(words, b"salt" * 4)))
    return made


def one_by_one(layer: State, units: list[Unit]) -> list[Entry]:
    entries: list[Entry] = []
    for unit in units:
        for entry in decide(layer, unit, NOW).entries:
            evolve(layer, entry)
            entries.append(entry)
    return entries


@pytest.mark.parametrize("seed", range(40))
def test_post_when_transfers_are_mixed_then_all_is_as_if_decided_one_by_one(seed: int) -> None:
    random = Random(seed)
    units: list[Unit] = [(command(random, count),) for count in range(200)]
    expected, layer = layers(Random(seed)), layers(Random(seed))
    entries: list[Entry] = []
    posted = place = 0
    while place < len(units):
        run = post(layer, units, place, NOW)
        entries += run
        posted, place = posted + len(run), place + len(run)
        entries += one_by_one(layer, units[place : place + 1])
        place += 1
    assert entries == one_by_one(expected, units)
    assert contents(layer) == contents(expected)
    assert posted > 80, "most of them are plain"


def test_post_when_a_hold_falls_due_within_the_run_then_leaves_it_to_decide() -> None:
    layer = layers(Random(1))
    layer.recorded_at = NOW
    units: list[Unit] = [(CreateTransfer(f"n{count}", "a", "b", 1),) for count in range(10)]
    layer.store_hold(Hold("h", "a", "b", "USD", 0, 5, NOW + 10, HoldState.OPEN, 3))
    assert post(layer, units, 0, NOW) == []
    assert len(post(layer, units, 1, NOW)) == 9


def test_post_when_a_trace_is_given_then_each_entry_carries_it() -> None:
    layer = layers(Random(1))
    trace_id = bytes(range(16))
    [entry] = post(
        layer, [(CreateTransfer("n", "a", "b", 1),)], 0, NOW, trace_id=trace_id, actor="key:till"
    )
    assert entry.trace_id == trace_id
    assert layer.outcomes["n"] is entry
