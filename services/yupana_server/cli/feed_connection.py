"""How the commands reach the feed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias

import typer

from yupana import WebhookClient
from yupana_server.cli.connection import Answer, connect
from yupana_server.runtime.config import DEFAULT_FEED_PORT

DEFAULT_FEED = f"127.0.0.1:{DEFAULT_FEED_PORT}"
FeedOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--feed",
        envvar="YUPANA_FEED",
        help="The feed, host:port; several separated by commas.",
    ),
]


def ask_webhooks(
    feed: str, book: str, question: Callable[[WebhookClient], Awaitable[Answer]]
) -> Answer:
    """Return what one of the methods about a book's webhooks answers."""

    async def work() -> Answer:
        async with connect(feed, feed=feed) as yupana:
            return await question(yupana.book(book).webhooks)

    return asyncio.run(work())
