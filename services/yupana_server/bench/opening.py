"""Opens the books that profiles write to."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from yupana import BookClient, Command, OpenAccount, Yupana
from yupana_server.bench.accounts import ASSET, account, poor_account
from yupana_server.bench.clients import Line
from yupana_server.bench.loads import Books

REQUEST_ACCOUNTS = 5_000
REQUESTS = 4
"""So many requests are under way at a time."""
TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 5.0


def book_ids(prefix: str, books: Books) -> tuple[str, ...]:
    """Return the ids of the books, all of the same length."""
    return tuple(f"{prefix}-{books.name}-{number}" for number in range(books.count))


def open_books(prefix: str, books: Books, address: str, line: Line) -> None:
    """Create the books and open their accounts, through the published client."""
    asyncio.run(_open(prefix, books, address, line))


async def _open(prefix: str, books: Books, address: str, line: Line) -> None:
    async with Yupana(address, write_timeout_s=TIMEOUT_S) as yupana:
        opened = 0
        for id_ in book_ids(prefix, books):
            await yupana.create_book(id_, timeout_s=CONNECT_TIMEOUT_S)
            if books.filled:
                continue  # With its accounts, and before a ledger has looked at it.
            book = yupana.book(id_)
            await book.open_asset(ASSET, scale=2)
            accounts = _accounts(books)
            while commands := list(islice(accounts, REQUESTS * REQUEST_ACCOUNTS)):
                await asyncio.gather(*map(partial(_execute, book), _parts(commands)))
                opened += len(commands)
                line.progress(opened)


async def _execute(book: BookClient, commands: Sequence[Command]) -> None:
    for outcome in await book.execute(commands):
        outcome.raise_for_reason()


def _parts(commands: Sequence[Command]) -> Iterator[Sequence[Command]]:
    for start in range(0, len(commands), REQUEST_ACCOUNTS):
        yield commands[start : start + REQUEST_ACCOUNTS]


def _accounts(books: Books) -> Iterator[Command]:
    for number in range(books.accounts):
        yield OpenAccount(account(number), ASSET)
    for number in range(books.poor_accounts):
        yield OpenAccount(poor_account(number), ASSET, min_balance=0)
