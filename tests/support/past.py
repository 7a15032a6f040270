"""A book with a past, half of which is folded, and reads of it as callers ask for them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from support.databases import Database
from support.naive import NaiveHistory, naive_history
from support.projectors import projector_of
from support.random_book import RandomBook
from support.servicers import Servicers, servicers_of
from support.writers import send, writers
from yupana.ledger.v1 import history_service_pb2 as history
from yupana_server.feed.projector import Projector

WRITTEN_AT_ONCE = 1_000


@dataclass
class Past:
    """A book with a past, and everything to read it with."""

    database: Database
    servicers: Servicers
    book: RandomBook
    write: Callable[..., Any]
    projector: Projector

    async def history(self) -> NaiveHistory:
        return await naive_history(self.servicers.reader, 1, self.database.admin_url)


@asynccontextmanager
async def past_of(database: Database) -> AsyncIterator[Past]:
    """A book `b` of which the projector has folded about the half."""
    book = RandomBook(41)
    async with (
        writers(database) as make,
        servicers_of(database) as servicers,
        projector_of(database) as projector,
    ):
        writer = make()

        async def write(*commands: Any) -> None:
            # In parts: what takes a second to decide, on a busy machine, is too old then (R8).
            for first in range(0, len(commands), WRITTEN_AT_ONCE):
                await send(writer, *commands[first : first + WRITTEN_AT_ONCE])

        await write(*book.opening(), *book.commands(150))
        await projector.catch_up()
        await write(*book.commands(150))
        yield Past(database, servicers, book, write, projector)


async def statement(past: Past, account: str, size: int, **wanted: Any) -> list[Any]:
    """Return all pages of a statement."""
    pages: list[Any] = []
    token = ""
    while token or not pages:
        request = history.GetStatementRequest(
            book="b", account=account, page_size=size, page_token=token, **wanted
        )
        pages.append(await past.servicers.history.GetStatement(request))
        token = pages[-1].next_page_token
    return pages
