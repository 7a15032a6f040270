"""What servers in tests that forward bytes have in common."""

import asyncio
from typing import Any

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect_on(
    writer: asyncio.StreamWriter, host: str, port: int, tasks: set[asyncio.Task[Any]]
) -> Streams | None:
    """Connect to where bytes go on to that come from who is behind `writer`.

    None when that fails, or is cancelled by who ends all `tasks`: then that one is cut off.
    """
    task = asyncio.current_task()
    assert task is not None
    tasks.add(task)
    try:
        return await asyncio.open_connection(host, port)
    except (ConnectionError, asyncio.CancelledError):
        writer.transport.abort()
        return None  # Cancelled it would be told of as an error, by Python 3.11.
    finally:
        tasks.discard(task)
