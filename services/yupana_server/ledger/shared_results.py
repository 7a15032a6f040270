"""A result that many wait for, each of whom may go away."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Gives the same result to everybody who waits.

    As a shielded future would, but that has two callbacks of the event loop for each who waits.
    """

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[T]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self) -> "asyncio.Future[T]":
        """Return what the result will be told to; whoever goes away cancels only this."""
        mine: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        return mine

    def tell(self, result: T) -> None:
        """Tell the result."""
        for each in self._waiting:
            if not each.done():
                each.set_result(result)

    def fail(self, error: Exception) -> None:
        """Tell that there is no result."""
        for each in self._waiting:
            if not each.done():
                each.set_exception(error)
