"""Many concurrent callers of one client against a real ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc.aio
import pytest

import yupana
from support.databases import Database
from support.processes import LedgerProcess
from yupana import BookClient, Yupana

CALLERS = 1_024


class Counter(grpc.aio.UnaryUnaryClientInterceptor):
    """Counts requests that change something, and the commands in them."""

    def __init__(self) -> None:
        self.requests = 0
        self.commands = 0

    async def intercept_unary_unary(self, continuation, details, request):
        if details.method.endswith(b"/Execute"):
            self.requests += 1
            self.commands += len(request.commands)
        return await continuation(details, request)


@pytest.fixture
def counter() -> Counter:
    return Counter()


async def new_book(client: Yupana) -> BookClient:
    await client.create_book("shop")
    shop = client.book("shop")
    await shop.open_asset("USD", scale=2)
    await shop.open_account("world", asset="USD")
    await shop.open_account("till", asset="USD")
    return shop


@pytest.fixture
async def shop(
    database: Database, start_ledger: Callable[..., LedgerProcess], counter: Counter
) -> AsyncIterator[BookClient]:
    async with Yupana(start_ledger(database).address, interceptors=[counter]) as client:
        shop = await new_book(client)
        counter.requests = counter.commands = 0
        yield shop


async def balance(shop: BookClient) -> int:
    return (await shop.account("till")).available


async def test_transfers_when_made_by_many_then_each_has_its_outcome(
    shop: BookClient, counter: Counter
) -> None:
    async def caller(number: int) -> None:
        for place in range(3):
            outcome = await shop.transfer("world", "till", number, id=f"{number}-{place}")
            assert (outcome.id, outcome.amount) == (f"{number}-{place}", number)

    await asyncio.gather(*map(caller, range(CALLERS)))

    assert counter.commands == 3 * CALLERS
    assert counter.requests < counter.commands / 50
    assert await balance(shop) == 3 * sum(range(CALLERS))


async def test_transfers_when_some_are_wrong_then_only_they_fail(
    shop: BookClient, counter: Counter
) -> None:
    def call(number: int):
        if number % 100 == 7:
            return shop.transfer("world", "till", -number, id=f"t{number}")
        if number % 100 == 8:
            return shop.transfer("world", "nowhere", 1, id=f"t{number}")
        return shop.transfer("world", "till", 1, id=f"t{number}")

    found = await asyncio.gather(*map(call, range(CALLERS)), return_exceptions=True)

    for number, result in enumerate(found):
        if number % 100 == 7:
            assert isinstance(result, yupana.MalformedRequest)
            assert result.ids == (f"t{number}",)
            [violation] = result.violations
            assert violation.field == "commands[0].create_transfer.amount"
            assert str(-number) in violation.description
        elif number % 100 == 8:
            assert isinstance(result, yupana.Rejected)
            assert result.reason is yupana.Reason.ACCOUNT_NOT_FOUND
        else:
            assert result.ok
            assert not result.replayed
    assert counter.requests < 40


async def test_transfers_when_many_callers_leave_then_the_others_have_their_outcomes(
    shop: BookClient,
) -> None:
    tasks = [
        asyncio.create_task(shop.transfer("world", "till", 1, id=f"t{number}"))
        for number in range(CALLERS)
    ]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
        if number % 100 == 0:
            await asyncio.sleep(0.001)
    found = await asyncio.gather(*tasks, return_exceptions=True)

    stayed = [result for number, result in enumerate(found) if number % 3]
    assert all(outcome.ok for outcome in stayed)
    assert len(stayed) <= await balance(shop) <= CALLERS


async def test_transfers_when_the_same_ids_are_sent_at_once_then_they_count_once(
    shop: BookClient,
) -> None:
    calls = (shop.transfer("world", "till", 1, id=f"t{number % 100}") for number in range(CALLERS))

    outcomes = await asyncio.gather(*calls)

    assert sum(not outcome.replayed for outcome in outcomes) == 100
    assert await balance(shop) == 100


async def test_transfers_when_the_ledger_is_killed_then_each_counts_once(
    database: Database, start_ledger: Callable[..., LedgerProcess]
) -> None:
    process = start_ledger(database)
    async with Yupana(process.address, write_timeout_s=30) as client:
        shop = await new_book(client)
        done = 0

        async def caller(number: int) -> None:
            nonlocal done
            for place in range(6):
                outcome = await shop.transfer("world", "till", 1, id=f"{number}-{place}")
                assert outcome.id == f"{number}-{place}"
                done += 1

        callers = [asyncio.create_task(caller(number)) for number in range(CALLERS)]
        async with asyncio.timeout(30):
            while done < 2 * CALLERS:
                await asyncio.sleep(0.005)
        process.kill()
        await asyncio.to_thread(process.restart)
        await asyncio.gather(*callers)

        assert await balance(shop) == done == 6 * CALLERS
