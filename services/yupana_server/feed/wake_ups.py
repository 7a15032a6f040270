"""Has followers look when there is something new: by announcements, and by looking now and then."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from yupana_server.feed import measures
from yupana_server.feed.following.followers import Followers
from yupana_server.journal.errors import UnavailableError
from yupana_server.runtime.announcements import CHANNEL, read_books
from yupana_server.runtime.redis import Redis, RedisAwayError

AGAIN_S = 0.5
"""How long it waits before it listens again where it could not."""

HEAR_TIMEOUT_S = 5.0
"""How long it listens at a time; nothing depends on it."""

log = structlog.get_logger("yupana.wake_ups")


async def poll(followers: Followers, *, every_s: float) -> None:
    """Look by one query over all books that are followed, until cancelled.

    The safety net: it finds what was not announced, and histories that were cut.
    """
    while True:
        await asyncio.sleep(every_s)
        places = followers.places()
        if not places:
            continue
        try:
            changed = await followers.journals.entries.changed(places)
            measures.note_wake_ups("poll", followers.wake_numbers(changed))
        except UnavailableError:
            pass  # Told of by the projector, which looks as often.
        except Exception:
            log.exception("poll_failed")


def nothing() -> None:
    """Do nothing."""


async def listen(
    wake: Callable[[Sequence[str]], object],
    redis: Redis,
    *,
    begun: Callable[[], object] = nothing,
) -> None:
    """Have `wake` told which books ledgers announce, until cancelled.

    Without Redis nothing is heard, and there is only the poll. `begun` is called whenever it
    begins to hear: nobody heard what was announced before.
    """
    while True:
        try:
            await _hear(wake, redis, begun)
        except RedisAwayError:
            await asyncio.sleep(AGAIN_S)
        except Exception:
            log.exception("listen_failed")
            await asyncio.sleep(AGAIN_S)


async def _hear(
    wake: Callable[[Sequence[str]], object], redis: Redis, begun: Callable[[], object]
) -> None:
    async with redis.use() as client, client.pubsub(ignore_subscribe_messages=True) as heard:
        await heard.subscribe(CHANNEL)
        await heard.get_message(timeout=HEAR_TIMEOUT_S)  # Redis says that it is so.
        begun()
        while True:
            message = await heard.get_message(timeout=HEAR_TIMEOUT_S)
            if message is not None:
                wake(read_books(message["data"]))
