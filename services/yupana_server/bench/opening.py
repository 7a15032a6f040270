"""Opens the books that profiles write to."""

import asyncio
from collections.abc import Iterator
from itertools import islice

from yupana import Command, OpenAccount, Yupana
from yupana_server.bench.accounts import ASSET, account, poor_account
from yupana_server.bench.clients import Line
from yupana_server.bench.loads import Books

REQUEST_ACCOUNTS = 5_000
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
        for number, id_ in enumerate(book_ids(prefix, books)):
            await yupana.create_book(id_, timeout_s=CONNECT_TIMEOUT_S)
            book = yupana.book(id_)
            await book.open_asset(ASSET, scale=2)
            opened = 0
            accounts = _accounts(books)
            while commands := list(islice(accounts, REQUEST_ACCOUNTS)):
                for outcome in await book.execute(commands):
                    outcome.raise_for_reason()
                opened += len(commands)
                line.progress(number * (books.accounts + books.poor_accounts) + opened)


def _accounts(books: Books) -> Iterator[Command]:
    for number in range(books.accounts):
        yield OpenAccount(account(number), ASSET)
    for number in range(books.poor_accounts):
        yield OpenAccount(poor_account(number), ASSET, min_balance=0)
