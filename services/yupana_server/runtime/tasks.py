"""Tasks that run until they are cancelled end then, whatever the libraries do that they wait in.

Up to Python 3.11 `asyncio.wait_for`, by which psycopg's pool and redis-py wait, swallows a
cancellation that comes just when its wait is over.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

AGAIN_S = 30.0
"""After so long a task that did not end is cancelled again; whatever tidies up takes less."""


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, with whatever result."""
    tasks = pending = set(tasks)
    cancelled: asyncio.CancelledError | None = None
    while pending:
        for task in pending:
            task.cancel()
        try:
            _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
        except asyncio.CancelledError as error:  # Who cancels this waits for them too.
            cancelled, pending = error, {task for task in pending if not task.done()}
    await asyncio.gather(*tasks, return_exceptions=True)  # So that nobody calls them unseen.
    if cancelled is not None:
        raise cancelled


@contextmanager
def heeding_cancellation() -> Iterator[None]:
    """Raise the CancelledError that came to the block, and that the block swallowed."""
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    before = task.cancelling()
    try:
        yield
    except Exception as error:
        if task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
    if task.cancelling() > before:
        raise asyncio.CancelledError
