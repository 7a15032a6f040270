"""`yupana demo`: a ticket sale against the embedded stack, told as a report of half a page."""

import asyncio
import json
import time
import urllib.request
from dataclasses import dataclass

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from yupana import BookClient, Yupana
from yupana_server.dev.stack import Stack
from yupana_server.dev.ticket_sale import (
    BURST_BATCH,
    BUYERS,
    PRICE,
    REVENUE,
    SEATS,
    SEATS_LEFT,
    Buyer,
    SaleReport,
    burst,
    make_buyers,
    prepare,
    sell,
)
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.verify import Findings, Verifier

BOOK = "tickets"
SHOWN_DIFFERENCES = 5
REST_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Books:
    """What the accounts say after the sale."""

    seats_left: int
    seats_of_buyers: dict[int, int]
    revenue: int
    wallets: dict[int, int]


@dataclass(frozen=True, slots=True)
class RestRead:
    """The revenue once more, as anybody reads it who has no client of ours."""

    url: str
    balance: int


@dataclass(frozen=True, slots=True)
class Play:
    """All that happened."""

    sale: SaleReport
    books: Books
    per_second: float
    findings: Findings
    rest: RestRead


def play_and_print() -> bool:
    """Play the sale, print what happened, and tell whether every claim held."""
    console = Console(highlight=False)
    started_s = time.monotonic()
    buyers = make_buyers()
    starting = "Starting PostgreSQL, Valkey, the ledger and the feed ..."
    with console.status(starting) as status, Stack(None, audited=False) as stack:
        status.update(f"{BUYERS} buyers race for {SEATS} seats ...")
        play = asyncio.run(_play(stack, buyers))
        status.update("Stopping ...")
    broken = broken_claims(play, buyers)
    _print_report(console, play)
    for claim in broken:
        console.print(f"[red]✗ {claim}[/red]")
    if broken:
        return False
    told = f"[dim]The revenue by REST, while it ran:[/dim] curl {play.rest.url}"
    console.print(told, soft_wrap=True)
    console.print("[green]✓ the book balances[/green], and all of this was checked against it.")
    console.print(f"[dim]{time.monotonic() - started_s:.0f} s; nothing is left running.[/dim]")
    return True


async def _play(stack: Stack, buyers: list[Buyer]) -> Play:
    async with Yupana(stack.address) as yupana:
        await yupana.create_book(BOOK)
        book = yupana.book(BOOK)
        await prepare(book, buyers)
        sale = await sell(book, buyers)
        books = await _read_books(book, buyers)
        per_second = await burst(book)
    rest = await asyncio.to_thread(_read_by_rest, stack.edge.address)
    return Play(sale, books, per_second, await _verify(stack.ledger_url), rest)


async def _read_books(book: BookClient, buyers: list[Buyer]) -> Books:
    found = await book.accounts(
        [
            REVENUE,
            SEATS_LEFT,
            *(buyer.wallet for buyer in buyers),
            *(buyer.seats for buyer in buyers),
        ]
    )
    return Books(
        seats_left=found[SEATS_LEFT].balance,
        seats_of_buyers={buyer.number: found[buyer.seats].balance for buyer in buyers},
        revenue=found[REVENUE].balance,
        wallets={buyer.number: found[buyer.wallet].balance for buyer in buyers},
    )


def _read_by_rest(edge: str) -> RestRead:
    url = f"http://{edge}/v1/books/{BOOK}/accounts/{REVENUE}"
    with urllib.request.urlopen(url, timeout=REST_TIMEOUT_S) as answer:
        return RestRead(url, int(json.load(answer)["balances"]["balance"]))


async def _verify(url: str) -> Findings:
    reader = JournalReader(url, connections_max=2)
    await reader.open()
    try:
        book = await reader.book(BOOK)
        if book is None:
            raise RuntimeError(f"the book {BOOK} is gone")
        return await Verifier(reader, book, lambda _entries: None).run()
    finally:
        await reader.close()


def broken_claims(play: Play, buyers: list[Buyer]) -> list[str]:
    """Hold what the buyers were told, and what the report says, against the accounts."""
    sale, books = play.sale, play.books
    owners = {number for number, seats in books.seats_of_buyers.items() if seats}
    claims = {
        f"{SEATS} seats were to be sold, {len(sale.bought)} were": len(sale.bought) == SEATS,
        f"{books.seats_left} seats are left": books.seats_left == 0,
        "who was told to have a seat has none, or the other way round": owners == sale.bought,
        "somebody has more than one seat": max(books.seats_of_buyers.values()) == 1,
        f"the revenue is {_money(books.revenue)}": books.revenue == SEATS * PRICE,
        "a wallet is negative": min(books.wallets.values()) >= 0,
        "a wallet paid another price than that of its seats": all(
            buyer.money - books.wallets[buyer.number] == PRICE * (buyer.number in owners)
            for buyer in buyers
        ),
        f"by REST the revenue is {_money(play.rest.balance)}": play.rest.balance == books.revenue,
        f"{sale.contradictions} calls had two outcomes": sale.contradictions == 0,
        f"unexpected reasons: {dict(sale.other_reasons)}": not sale.other_reasons,
    }
    broken = [claim for claim, holds in claims.items() if not holds]
    return broken + play.findings.differences[:SHOWN_DIFFERENCES]


def _print_report(console: Console, play: Play) -> None:
    sale, books, findings = play.sale, play.books, play.findings
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    for number, meaning in (
        (f"{len(sale.bought)}", f"of {SEATS} seats sold to {BUYERS} buyers who raced for them"),
        (_money(books.revenue), f"moved from wallets to the revenue, {_money(PRICE)} a seat"),
        (f"{sale.sold_out}", "buyers refused: sold out (their payment fell with the seat)"),
        (f"{sale.too_poor}", "buyers refused: not enough money (their seat fell with it)"),
        (f"{sale.calls}", f"calls; the race took {sale.seconds:.1f} s"),
        (f"{sale.dropped}", "of them dropped by the caller, then sent again with the same ids:"),
        (f"{sale.dropped_done}", "  had been decided all the same, and were replayed"),
        (f"{sale.dropped_new}", "  had not, and were decided then"),
        (f"{sale.replays}", "calls were repeats, and had the outcome of the first one"),
        (f"{play.per_second:,.0f}", f"plain transfers a second, {BURST_BATCH:,} in a request"),
        (f"{findings.entries:,}", "journal entries folded anew and compared"),
    ):
        table.add_row(number, meaning)
    console.print(Panel(table, title="A ticket sale", title_align="left", expand=False))


def _money(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02}"
