"""Scripts that run inside Redis, sent by their hash, each in a span of its own."""

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from opentelemetry import trace
from redis.exceptions import NoScriptError

from yupana_server.runtime.redis import Redis

_tracer = trace.get_tracer("yupana.redis")


class Script:
    """A script that Redis keeps by its hash, and is sent anew to one that does not have it."""

    def __init__(self, name: str, text: str):
        """`name` is what spans call it: no key and no value is ever shown in them."""
        self._name = name
        self._text = text
        # What Redis names scripts by; nothing secret rests on it.
        self._hash = sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run it and return its answer, texts as bytes.

        Raises:
            RedisAwayError: Redis cannot be reached or refused it; that it ran is possible.
        """
        span = _tracer.start_span(
            f"EVALSHA {self._name}",
            kind=trace.SpanKind.CLIENT,
            attributes={
                "db.system.name": "redis",
                "db.operation.name": "EVALSHA",
                "db.stored_procedure.name": self._name,
            },
        )
        try:
            return await self._run(redis, keys, arguments)
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
        finally:
            span.end()

    async def _run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        given = (len(keys), *keys, *arguments)
        try:
            return await redis.call("EVALSHA", self._hash, *given)
        except NoScriptError:  # It was restarted, or its scripts were flushed.
            return await redis.call("EVAL", self._text, *given)
