"""What commands that show something have in common."""

from collections.abc import AsyncIterator
from typing import TypeVar

from yupana import BookClient
from yupana_server.cli.output import stderr

Item = TypeVar("Item")


async def scales(book: BookClient) -> dict[str, int]:
    """Return how many decimals each of the book's assets has."""
    return {asset.id: asset.scale async for asset in book.list_assets()}


async def first(items: AsyncIterator[Item], limit: int) -> list[Item]:
    """Return the first `limit` items, and say so on stderr when there are more."""
    found: list[Item] = []
    async for item in items:
        if len(found) == limit:
            tell_of_more(limit)
            break
        found.append(item)
    return found


def tell_of_more(limit: int) -> None:
    """Say on stderr that not everything is shown."""
    stderr().print(f"there are more than {limit:,}: --limit shows more")
