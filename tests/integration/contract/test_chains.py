"""Chains over the wire: all or nothing, also when parts are known."""

import asyncio
from dataclasses import replace

import pytest

from support.contract import open_accounts, position, seq
from support.processes import LedgerProcess
from yupana import CreateTransfer, OpenAccount, OpenAsset, Reason, Yupana, linked
from yupana.book import BookClient

# Chains


async def test_chain_when_all_are_good_then_each_sees_those_before_it(book: BookClient) -> None:
    outcomes = await book.execute(
        linked(
            OpenAccount("a", "USD", min_balance=0),
            OpenAccount("b", "USD", min_balance=0),
            CreateTransfer("world", "a", 7),
            CreateTransfer("a", "b", 7, id="last"),
        )
    )
    assert all(outcome.ok for outcome in outcomes)
    seqs = [seq(book, outcome.position) for outcome in outcomes]
    assert seqs == list(range(seqs[0], seqs[0] + 4))
    times = [outcome.recorded_at for outcome in outcomes]
    assert times == sorted(set(times))
    assert (await book.account("b")).balance == 7
    chain = (await book.get_transfer("last")).chain
    assert (chain.first_id, chain.place, chain.length) == ("open-account:a", 4, 4)


@pytest.mark.parametrize("culprit", [0, 1, 2])
async def test_chain_when_one_fails_then_all_fail_and_say_why_and_are_replayed(
    book: BookClient, culprit: int
) -> None:
    await open_accounts(book, "a", min_balance=0)
    transfers = [CreateTransfer("world", "a", 1, id=f"t{place}") for place in range(3)]
    transfers[culprit] = CreateTransfer("a", "world", 100, id="culprit")
    alone = CreateTransfer("world", "a", 2, id="alone")
    *chained, after = await book.execute([*linked(*transfers), alone])

    assert after.ok
    assert all(outcome.rejected for outcome in chained)
    for place, outcome in enumerate(chained):
        if place == culprit:
            assert outcome.reason is Reason.BELOW_MIN_BALANCE
        else:
            assert outcome.reason is Reason.LINKED_FAILED
            failed = {"failed_id": "culprit", "failed_reason": "ERROR_REASON_BELOW_MIN_BALANCE"}
            assert outcome.facts == failed
    assert (await book.account("a")).balance == 2

    again = await book.execute([*linked(*transfers), alone])
    assert again == [replace(outcome, replayed=True) for outcome in [*chained, after]]
    recorded = await book.get_transfer("culprit")
    assert recorded.outcome == chained[culprit]
    assert (recorded.chain.place, recorded.chain.length) == (culprit + 1, 3)


async def test_chain_when_partly_known_then_nothing_is_executed(
    client: Yupana, book: BookClient
) -> None:
    await open_accounts(book, "a")
    one, two, new = (CreateTransfer("world", "a", 1, id=id_) for id_ in ("one", "two", "new"))
    first = await book.execute(linked(one, two))
    before = await position(client, book)

    known, mixed = await book.execute(linked(one, new))
    assert known == replace(first[0], replayed=True)
    assert (mixed.reason, mixed.facts) == (Reason.CHAIN_MIXED, {"known_id": "one"})

    outcomes = await book.execute(linked(new, one, two))
    assert [outcome.reason for outcome in outcomes] == [
        Reason.CHAIN_MIXED,
        Reason.ID_REUSED,
        Reason.ID_REUSED,
    ]
    [alone] = await book.execute([one])
    for outcome in (*outcomes[1:], alone):
        assert outcome.facts["field"] == "linked"
    assert await position(client, book) == before
    assert (await book.execute([new]))[0].ok


async def test_chain_when_sent_in_full_by_many_at_once_then_it_happens_once(
    ledger: LedgerProcess, book: BookClient
) -> None:
    await open_accounts(book, "a", "b")
    chain = linked(*(CreateTransfer("world", account, 3) for account in "ab"))
    async with Yupana(ledger.address) as another:
        handles = [book, another.book(book.id)]
        answers = await asyncio.gather(*(handles[n % 2].execute(chain) for n in range(20)))
    assert len({tuple(outcome.position for outcome in answer) for answer in answers}) == 1
    assert sum(not outcome.replayed for answer in answers for outcome in answer) == 2
    assert {a.balance for a in (await book.accounts(["a", "b"])).values()} == {3}


async def test_chain_when_a_thousand_long_then_it_stands_or_falls_as_one(book: BookClient) -> None:
    await open_accounts(book, "a", max_balance=1000)
    good = linked(*(CreateTransfer("world", "a", 1) for _ in range(1000)))
    assert all(outcome.ok for outcome in await book.execute(good))
    bad = linked(*(CreateTransfer("a", "world", 1) for _ in range(999)), OpenAsset("USD", scale=2))
    bad[-1] = replace(bad[-1], id="second")
    outcomes = await book.execute(bad)
    assert [o.reason for o in outcomes] == [Reason.LINKED_FAILED] * 999 + [Reason.ASSET_EXISTS]
    assert (await book.account("a")).balance == 1000
