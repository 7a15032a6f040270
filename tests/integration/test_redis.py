"""The connection to Redis, which may be away at any moment."""

import asyncio
import os
import signal
import time

import pytest

from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.runtime import redis
from yupana_server.runtime.redis import Redis, RedisAwayError


async def test_redis_when_it_stalls_then_given_up_at_once_and_left_alone_for_a_moment(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "AWAY_S", 0.2)
    client = Redis(valkey.url(), connections_max=2)
    try:
        async with client.use() as commands:
            assert await commands.set("key", "value")
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(RedisAwayError):
                async with client.use() as commands:
                    await commands.get("key")
            assert time.monotonic() - began < 2.0
            with pytest.raises(RedisAwayError, match="a moment ago"):
                async with client.use():
                    raise AssertionError("it was not left alone")
            assert client.away
            assert client.trouble
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        await asyncio.sleep(0.3)
        async with client.use() as commands:
            assert await commands.get("key") == b"value"
        assert not client.trouble
    finally:
        await client.close()


async def test_redis_when_it_restarts_then_connections_are_made_anew(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "AWAY_S", 0.0)
    client = Redis(valkey.url(), connections_max=2)
    try:
        async with client.use() as commands:
            await commands.ping()
        valkey.restart()
        async with asyncio.timeout(5):
            while True:
                try:
                    async with client.use() as commands:
                        assert await commands.ping()
                    break
                except RedisAwayError:
                    await asyncio.sleep(0.01)
    finally:
        await client.close()


async def test_call_when_many_run_at_once_then_connections_are_left_for_others(
    valkey: EmbeddedValkey,
) -> None:
    client = Redis(valkey.url(), connections_max=2)
    try:
        answers = await asyncio.gather(*(client.call("ECHO", str(n)) for n in range(20)))
        assert answers == [str(n).encode() for n in range(20)]
        async with client.use() as commands:
            assert await commands.ping()
    finally:
        await client.close()


async def test_call_when_more_run_than_there_are_connections_then_each_has_its_turn(
    valkey: EmbeddedValkey,
) -> None:
    client = Redis(valkey.url(), connections_max=2)

    async def call_on() -> None:
        ends_at = time.monotonic() + 4 * redis.ANSWER_TIMEOUT_S
        while time.monotonic() < ends_at:
            await client.call("PING")

    try:
        await asyncio.gather(*(call_on() for _ in range(8)))
    finally:
        await client.close()


async def test_call_when_redis_was_restarted_then_its_connection_is_made_anew(
    valkey: EmbeddedValkey,
) -> None:
    client = Redis(valkey.url(), connections_max=2)
    try:
        assert await client.call("ECHO", "before") == b"before"
        valkey.restart()
        for _ in range(2):  # So the event loop hears that the connection has ended.
            await asyncio.sleep(0)
        assert await client.call("ECHO", "after") == b"after"
        assert not client.trouble
    finally:
        await client.close()


async def test_call_when_its_caller_is_cancelled_then_the_next_one_gets_its_own_answer(
    valkey: EmbeddedValkey,
) -> None:
    client = Redis(valkey.url(), connections_max=2)
    try:
        await client.call("SET", "key", "value")
        gone = asyncio.create_task(client.call("BLPOP", "nothing", 1))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.wait([gone])
        assert await client.call("GET", "key") == b"value"
    finally:
        await client.close()
