"""A ticket sale in which everybody wants the same seats at the same time.

Each purchase is one chain of two linked transfers: pay, and take a seat. Both happen or neither.
Calls are repeated and dropped on purpose, always with the same ids.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from yupana import (
    BookClient,
    Command,
    CreateTransfer,
    DeadlineExceeded,
    OpenAccount,
    Outcome,
    OutcomeUnknown,
    Overloaded,
    Reason,
    Unavailable,
    linked,
)

SEATS = 50
BUYERS = 200
PRICE = 45_00
POOR_BUYERS = 40
"""So many have less than the price."""
RICHEST = 200_00

WORLD, REVENUE = "world", "sale:revenue"
PRINTER, SEATS_LEFT = "sale:printer", "sale:seats"

# Of three buyers one repeats the call at once and one drops it, so that all of it is seen.
HABITS = ("patient", "repeats", "drops")
# The race takes about so long: some calls are dropped before they arrive, some after they are
# decided, and some have their answer by then.
DROP_AFTER_MAX_S = 0.3
SEED = 7

BURST_S = 2.5
BURST_BATCH = 1_000
BURST_IN_FLIGHT = 4
BURST_ACCOUNTS = 100


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody who wants one seat."""

    number: int
    money: int
    habit: str

    @property
    def wallet(self) -> str:
        """The account of their money."""
        return f"buyers:{self.number:03}:wallet"

    @property
    def seats(self) -> str:
        """The account of their seats."""
        return f"buyers:{self.number:03}:seats"

    @property
    def purchase(self) -> list[Command]:
        """Pay and take a seat: the same commands with the same ids whenever it is asked."""
        order = f"order-{self.number:03}"
        return linked(
            CreateTransfer(self.wallet, REVENUE, PRICE, id=f"{order}:pay"),
            CreateTransfer(SEATS_LEFT, self.seats, 1, id=f"{order}:seat"),
        )


@dataclass(slots=True)
class SaleReport:
    """What the buyers saw."""

    calls: int = 0
    bought: set[int] = field(default_factory=set)
    """The numbers of the buyers who were told that they have a seat."""
    sold_out: int = 0
    too_poor: int = 0
    other_reasons: Counter[str] = field(default_factory=Counter)
    replays: int = 0
    """Calls that were answered with the outcome of an earlier one."""
    contradictions: int = 0
    """Calls whose outcome was another one than that of an earlier call."""
    dropped: int = 0
    """Calls that the buyer did not wait for."""
    dropped_done: int = 0
    """Of those, how many had been decided all the same: asking again replayed it."""
    dropped_new: int = 0
    """Of those, how many had never arrived: asking again decided it."""
    seconds: float = 0.0


def make_buyers() -> list[Buyer]:
    """Return the buyers: the same ones every time, in no order of wealth."""
    chance = random.Random(SEED)  # noqa: S311 - a play, no secret
    money = [
        chance.randint(0, PRICE - 1) if number < POOR_BUYERS else chance.randint(PRICE, RICHEST)
        for number in range(BUYERS)
    ]
    chance.shuffle(money)
    return [Buyer(number, money[number], HABITS[number % len(HABITS)]) for number in range(BUYERS)]


async def prepare(book: BookClient, buyers: Sequence[Buyer]) -> None:
    """Open everything, print the seats and fill the wallets."""
    await book.open_asset("USD", scale=2)
    await book.open_asset("SEAT", scale=0)
    accounts = [
        OpenAccount(WORLD, "USD"),
        OpenAccount(REVENUE, "USD"),
        OpenAccount(PRINTER, "SEAT"),
        OpenAccount(SEATS_LEFT, "SEAT", min_balance=0),
        *(OpenAccount(buyer.wallet, "USD", min_balance=0) for buyer in buyers),
        *(OpenAccount(buyer.seats, "SEAT", max_balance=1) for buyer in buyers),
    ]
    funding = [
        CreateTransfer(PRINTER, SEATS_LEFT, SEATS),
        *(CreateTransfer(WORLD, buyer.wallet, buyer.money) for buyer in buyers),
    ]
    for outcome in await book.execute([*accounts, *funding]):
        outcome.raise_for_reason()


async def sell(book: BookClient, buyers: Sequence[Buyer]) -> SaleReport:
    """Let all buyers race, then let all of them send their calls once more."""
    report = SaleReport()
    started_s = time.monotonic()
    firsts = await asyncio.gather(*(_buy(book, buyer, report) for buyer in buyers))
    report.seconds = time.monotonic() - started_s
    for buyer, first in zip(buyers, firsts, strict=True):
        _count(buyer, first, report)
    agains = await asyncio.gather(*(_call(book, buyer, report) for buyer in buyers))
    for first, again in zip(firsts, agains, strict=True):
        _compare(first, again, report)
    return report


async def burst(book: BookClient) -> float:
    """Send plain transfers for a few seconds; return how many were posted a second."""
    accounts = [f"burst:{number:02}" for number in range(BURST_ACCOUNTS)]
    for outcome in await book.execute([OpenAccount(account, "USD") for account in accounts]):
        outcome.raise_for_reason()
    chance = random.Random(SEED)  # noqa: S311
    posted = 0
    started_s = time.monotonic()

    async def send() -> None:
        nonlocal posted
        while time.monotonic() - started_s < BURST_S:
            outcomes = await book.execute(_plain_transfers(accounts, chance))
            posted += sum(outcome.ok for outcome in outcomes)

    await asyncio.gather(*(send() for _ in range(BURST_IN_FLIGHT)))
    return posted / (time.monotonic() - started_s)


def _plain_transfers(accounts: Sequence[str], chance: random.Random) -> Iterator[Command]:
    for _ in range(BURST_BATCH):
        debit, credit = chance.sample(accounts, 2)
        yield CreateTransfer(debit, credit, chance.randint(1, 99_99))


async def _buy(book: BookClient, buyer: Buyer, report: SaleReport) -> list[Outcome]:
    """Buy as the buyer is used to."""
    if buyer.habit == "repeats":
        first, again = await asyncio.gather(_call(book, buyer, report), _call(book, buyer, report))
        _compare(first, again, report)
        return first
    if buyer.habit == "drops" and await _drop(book, buyer, report):
        outcomes = await _call(book, buyer, report)
        if outcomes[0].replayed:
            report.dropped_done += 1
        else:
            report.dropped_new += 1
        return outcomes
    return await _call(book, buyer, report)


async def _call(book: BookClient, buyer: Buyer, report: SaleReport) -> list[Outcome]:
    report.calls += 1
    outcomes = await book.execute(buyer.purchase)
    report.replays += outcomes[0].replayed
    return outcomes


async def _drop(book: BookClient, buyer: Buyer, report: SaleReport) -> bool:
    """Send the call and hang up, or give it too little time; return whether it was unanswered."""
    report.calls += 1
    patience_s = DROP_AFTER_MAX_S * buyer.number / BUYERS
    hangs_up = buyer.number % 2 == 0
    timeout_s = None if hangs_up else patience_s
    call = asyncio.create_task(book.execute(buyer.purchase, timeout_s=timeout_s))
    if hangs_up:
        await asyncio.wait([call], timeout=patience_s)
        call.cancel()
    try:
        outcomes = await call
    except (asyncio.CancelledError, DeadlineExceeded, OutcomeUnknown, Overloaded, Unavailable):
        report.dropped += 1
        return True
    report.replays += outcomes[0].replayed
    return False


def _count(buyer: Buyer, outcomes: Sequence[Outcome], report: SaleReport) -> None:
    if all(outcome.ok for outcome in outcomes):
        report.bought.add(buyer.number)
        return
    culprit = next(each for each in outcomes if each.reason is not Reason.LINKED_FAILED)
    account = culprit.facts.get("account")
    if culprit.reason is Reason.BELOW_MIN_BALANCE and account == SEATS_LEFT:
        report.sold_out += 1
    elif culprit.reason is Reason.BELOW_MIN_BALANCE and account == buyer.wallet:
        report.too_poor += 1
    else:
        report.other_reasons[str(culprit.reason)] += 1


def _compare(first: Sequence[Outcome], again: Sequence[Outcome], report: SaleReport) -> None:
    """Count it when the same ids had different outcomes."""
    same = [(each.kind, each.reason, each.position) for each in first] == [
        (each.kind, each.reason, each.position) for each in again
    ]
    report.contradictions += not same
