"""What reads see of what was answered, in which order, and at which position."""

import asyncio
from itertools import pairwise
from typing import Any

from support.contract import open_accounts, position, seq
from support.processes import LedgerProcess
from yupana import CreateTransfer, Outcome, Yupana
from yupana.book import BookClient
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.ledger.v1.consistency_pb2 import Consistency

# Order and visibility


async def test_read_when_begun_after_an_answer_then_sees_it(
    ledger: LedgerProcess, book: BookClient
) -> None:
    async with Yupana(ledger.address) as another:
        reader = another.book(book.id)

        async def write_and_read(account: str) -> None:
            await book.open_account(account, asset="USD")
            for count in range(1, 26):
                outcome = await book.transfer("world", account, 1)
                seen = await reader.account(account)
                assert seen.balance == count
                assert seen.last_position == outcome.position
                assert (await reader.get_transfer(outcome.id)).outcome == outcome
                if count % 10 == 0:
                    transfers = [t.id async for t in reader.list_transfers(account=account)]
                    assert len(transfers) == count
                    assert transfers[0] == outcome.id

        await asyncio.gather(*(write_and_read(f"own:{n}") for n in range(16)))


async def test_accounts_when_read_while_transfers_run_then_they_sum_to_zero(
    stub: Any, book: BookClient
) -> None:
    names = ["world", *(f"a{n}" for n in range(6))]
    await open_accounts(book, *names[1:])
    writing = True

    async def write(place: int) -> None:
        for count in range(40):
            debit, credit = names[(place + count) % 7], names[(place * 3 + count + 1) % 7]
            if debit != credit:
                await book.execute([CreateTransfer(debit, credit, 7)] * (1 + count % 3))

    async def read() -> int:
        request = ledgers.BatchGetAccountsRequest(book=book.id, accounts=names)
        reads, newest = 0, 0
        while writing:
            answer = await stub.BatchGetAccounts(request)
            assert [account.id for account in answer.accounts] == names
            assert sum(int(account.balances.balance) for account in answer.accounts) == 0
            here = seq(book, answer.position)
            assert here >= newest
            assert all(seq(book, a.last_position) <= here for a in answer.accounts)
            reads, newest = reads + 1, here
        return reads

    readers = [asyncio.create_task(read()) for _ in range(6)]
    await asyncio.gather(*(write(place) for place in range(8)))
    writing = False
    assert min(await asyncio.gather(*readers)) > 3


async def test_entries_when_written_by_many_then_times_and_positions_rise_together(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")

    async def write() -> list[Outcome]:
        found: list[Outcome] = []
        for _ in range(10):
            commands = [CreateTransfer("world", "a", 1), CreateTransfer("nobody", "a", 1)]
            found += await book.execute(commands)
        return found

    outcomes = [o for found in await asyncio.gather(*(write() for _ in range(10))) for o in found]
    outcomes.sort(key=lambda outcome: seq(book, outcome.position))
    seqs = [seq(book, outcome.position) for outcome in outcomes]
    assert seqs == list(range(seqs[0], seqs[0] + 200))
    times = [outcome.recorded_at for outcome in outcomes]
    assert all(earlier < later for earlier, later in pairwise(times))

    listed = [transfer.outcome async for transfer in book.list_transfers()]
    assert listed == outcomes[::-1]


async def test_execute_when_ten_thousand_then_all_are_recorded_in_their_order(
    book: BookClient,
) -> None:
    await open_accounts(book, "a")
    outcomes = await book.execute([CreateTransfer("world", "a", 1) for _ in range(10_000)])
    assert all(outcome.ok for outcome in outcomes)
    seqs = [seq(book, outcome.position) for outcome in outcomes]
    assert seqs == list(range(seqs[0], seqs[0] + 10_000))
    assert (await book.account("a")).balance == 10_000


# Reads as of a position


async def test_read_when_at_least_a_position_then_sees_it(stub: Any, book: BookClient) -> None:
    await open_accounts(book, "a")
    outcome = await book.transfer("world", "a", 3)
    at_least = outcome.position
    assert (await book.account("a", at_least=at_least)).balance == 3
    assert (await book.get_transfer(outcome.id, at_least=at_least)).outcome == outcome
    assert [t.id async for t in book.list_transfers(at_least=at_least)] == [outcome.id]
    assert len([a async for a in book.list_accounts(at_least=at_least)]) == 2
    assert len([a async for a in book.list_assets(at_least=at_least)]) == 2
    assert (await book.account("a", eventual=True)).id == "a"

    request = ledgers.BatchGetAccountsRequest(
        book=book.id, accounts=["a"], consistency=Consistency(at_least=at_least)
    )
    assert seq(book, (await stub.BatchGetAccounts(request)).position) >= seq(book, at_least)


async def test_answers_carry_positions_that_have_seen_them(
    client: Yupana, stub: Any, book: BookClient
) -> None:
    empty = await client.create_book(f"{book.id}:empty")
    assert [a async for a in client.book(empty.id).list_accounts(at_least=empty.position)] == []

    command = ledgers.ExecuteRequest(book=book.id).commands.add(id="t")
    command.create_transfer.debit_account, command.create_transfer.credit_account = "world", "no"
    command.create_transfer.amount = "1"
    request = ledgers.ExecuteRequest(book=book.id, commands=[command])
    first, again = await stub.Execute(request), await stub.Execute(request)
    await book.open_account("later", asset="USD")
    later = await stub.Execute(request)
    recorded = seq(book, first.outcomes[0].position)
    for answer in (first, again, later):
        assert seq(book, answer.position) >= recorded
        assert answer.outcomes[0].position == first.outcomes[0].position
    assert await position(client, book) == later.position


# A page shows exactly what there is at its position


async def test_list_transfers_when_others_write_then_page_ends_at_its_position(
    stub: Any, book: BookClient
) -> None:
    await open_accounts(book, "a")
    await book.transfer("world", "a", 1)

    async def write() -> None:
        for _ in range(60):
            await book.transfer("world", "a", 1)

    writers = [asyncio.create_task(write()) for _ in range(4)]
    request = ledgers.ListTransfersRequest(book=book.id, page_size=1)
    apart = []
    while not all(writer.done() for writer in writers):
        answer = await stub.ListTransfers(request)
        newest = answer.transfers[0].outcome.position
        apart.append(seq(book, newest) - seq(book, answer.position))
    await asyncio.gather(*writers)
    assert set(apart) == {0}


async def test_list_accounts_when_others_open_some_then_page_has_all_up_to_its_position(
    stub: Any, book: BookClient
) -> None:
    async def open_some(writer: int) -> None:
        for place in range(50):
            await book.open_account(f"a:{writer}:{place}", asset="USD")

    first = seq(book, (await book.account("world")).last_position)
    writers = [asyncio.create_task(open_some(writer)) for writer in range(4)]
    request = ledgers.ListAccountsRequest(book=book.id, page_size=1000)
    missing = []
    while not all(writer.done() for writer in writers):
        answer = await stub.ListAccounts(request)
        missing.append(seq(book, answer.position) - first - (len(answer.accounts) - 1))
    await asyncio.gather(*writers)
    assert set(missing) == {0}


async def test_list_assets_when_others_open_some_then_page_ends_at_its_position(
    book_stub: Any, book: BookClient
) -> None:
    async def open_some(writer: int) -> None:
        for place in range(50):
            await book.open_asset(f"A:{writer}:{place}", scale=2)

    first = seq(book, (await book.account("world")).last_position)
    writers = [asyncio.create_task(open_some(writer)) for writer in range(4)]
    request = books.ListAssetsRequest(book=book.id, page_size=1000)
    apart = []
    while not all(writer.done() for writer in writers):
        answer = await book_stub.ListAssets(request)
        apart.append(seq(book, answer.position) - first - (len(answer.assets) - 2))
    await asyncio.gather(*writers)
    assert set(apart) == {0}
