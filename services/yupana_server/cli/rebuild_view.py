"""`yupana rebuild view`: has the Redis view of books begin anew."""

from typing import TYPE_CHECKING

from yupana_server.runtime.config import ConfigError, FeedConfig

if TYPE_CHECKING:
    from yupana_server.journal.reads import JournalReader


async def rebuild_views(config: FeedConfig, reader: "JournalReader", book_id: str | None) -> None:
    """Have the view of a book, or of all books, begin anew at the end of the journal.

    Raises:
        ConfigError: There is no such book, or no Redis.
    """
    from yupana_server.journal.view_rows import ViewJournal
    from yupana_server.runtime.redis import Redis, RedisAwayError
    from yupana_server.view.marks import ViewKeys
    from yupana_server.view.store import ViewStore

    if config.redis_url is None:
        raise ConfigError("YUPANA_REDIS_URL is not set: there is no view")
    tails = await ViewJournal(reader).tails(book_id)
    if book_id is not None and not tails:
        raise ConfigError(f"there is no book {book_id}")
    redis = Redis(config.redis_url.get_secret_value(), connections_max=1)
    store = ViewStore(redis)
    try:
        for tail in tails:
            keys = ViewKeys(tail.id, tail.created_at)
            await store.end(keys)
            # Should a feed have been quicker, it begins anew all the same.
            await store.begin(keys, None, epoch=tail.epoch, link=tail.link)
            print(f"the view of {tail.id} begins anew")
    except RedisAwayError as error:
        raise ConfigError("Redis does not answer: try again when it does") from error
    finally:
        await redis.close()
