"""Ledgers that a test starts by itself, and the accounts of their book."""

from collections.abc import Awaitable, Callable

from support.processes import LedgerProcess
from yupana.book import BookClient

StartLedger = Callable[..., LedgerProcess]
Start = Callable[..., Awaitable[tuple[LedgerProcess, BookClient]]]


async def open_accounts(book: BookClient) -> None:
    await book.open_asset("USD", scale=2)
    await book.open_account("world", asset="USD")
    await book.open_account("users:1", asset="USD", min_balance=0)
