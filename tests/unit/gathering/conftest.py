"""A server to gather for, and a book there."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from support.fake_servers import FakeServer, OneServer
from yupana import BookClient
from yupana.calls import Calls


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def calls(server: FakeServer) -> AsyncIterator[Calls]:
    """Fails the test when a task or an error nobody looked at is left behind."""
    unseen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    calls = Calls(OneServer(server), write_timeout_s=5, read_timeout_s=5)
    yield calls
    await calls.close()
    gc.collect()
    await asyncio.sleep(0)
    assert not unseen
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def shop(calls: Calls) -> BookClient:
    return BookClient(calls, "shop")
