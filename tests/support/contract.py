"""Accounts to try the contract with, and where answers stand in the journal."""

from datetime import UTC, datetime
from typing import Any

from yupana import OpenAccount, Yupana
from yupana.book import BookClient
from yupana_server.messages.tokens import decode_position

PAST = datetime(2020, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)


def seq(book: BookClient, position: str) -> int:
    return decode_position(book.id, position).seq


async def position(client: Yupana, book: BookClient) -> str:
    return (await client.get_book(book.id)).position


async def open_accounts(book: BookClient, *accounts: str, **options: Any) -> None:
    outcomes = await book.execute([OpenAccount(each, "USD", **options) for each in accounts])
    assert all(outcome.ok for outcome in outcomes)
