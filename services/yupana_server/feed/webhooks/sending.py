"""Makes one attempt to deliver, and tells what came of it. Never raises for what a receiver does.

Nothing that a receiver does takes more than a bounded time, memory or trust: no redirects are
followed, no cookies kept, nothing is decompressed, and of an answer little is read.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import aiohttp
from yarl import URL

from yupana_server.feed.webhooks.guard import Guard, GuardedResolver, Lookup, RefusedTargetError

ANSWER_BYTES_MAX = 65_536
"""So much of an answer is read; what is longer ends with its connection."""

EXCERPT_CHARS = 512
KEEP_ALIVE_S = 1.0
"""Shorter than receivers keep idle connections, so that none is used as it is being closed."""

CONNECTIONS_PER_TARGET = 64
HEADERS_BYTES_MAX = 8_190
"""Of one header; there may be 128 of them."""


class Attempt(NamedTuple):
    """What came of an attempt to deliver."""

    began_at: datetime
    took_s: float
    status: int | None = None
    """The HTTP status of the answer; None when none came."""
    error: str = ""
    """Why it failed, in a word; empty when it was delivered."""
    excerpt: str = ""
    """The beginning of the answer's body."""
    retry_after_s: float | None = None
    """How long the receiver asks to be left alone."""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: a status of 2xx, and the answer came to its end."""
        return not self.error

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more deliveries, ever."""
        return self.status == 410


class Sender:
    """Sends to any endpoint, from one event loop."""

    def __init__(
        self,
        guard: Guard,
        *,
        timeout_s: float,
        in_flight_max: int,
        user_agent: str = "Yupana",
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        """`timeout_s` is for all of an attempt, from the look-up to the end of the answer."""
        self._timeout_s = timeout_s
        self._guard = guard
        self._resolver = GuardedResolver(guard, lookup)
        self._session: aiohttp.ClientSession | None = None
        self._in_flight_max = in_flight_max
        self._user_agent = user_agent
        self._tls = tls

    async def send(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Post a body. Cancelled, it may have arrived."""
        began_at, began_s = datetime.now(UTC), time.monotonic()
        status, excerpt, error, retry_after_s = None, "", "", None
        try:
            # Outside of what aiohttp bounds, so that nothing is left out.
            async with (
                asyncio.timeout(self._timeout_s),
                self._open().post(
                    URL(url), data=body, headers=headers, allow_redirects=False
                ) as got,
            ):
                status = got.status
                retry_after_s = _retry_after(got.headers.get("retry-after"), began_at)
                excerpt = await _read(got)
                error = _error_of(status)
        except TimeoutError:
            error = "timeout"
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            error = _word_for(failure, answered=status is not None)
        took_s = time.monotonic() - began_s
        return Attempt(began_at, took_s, status, error, excerpt, retry_after_s)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()

    def _open(self) -> aiohttp.ClientSession:
        """Return the session; made here because aiohttp wants to be inside the event loop."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                socket_factory=self._guard.socket,
                use_dns_cache=False,
                limit=self._in_flight_max,
                limit_per_host=CONNECTIONS_PER_TARGET,
                keepalive_timeout=KEEP_ALIVE_S,
                **({} if self._tls is None else {"ssl": self._tls}),  # type: ignore[arg-type]
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                max_line_size=HEADERS_BYTES_MAX,
                max_field_size=HEADERS_BYTES_MAX,
                headers={
                    "user-agent": self._user_agent,
                    "accept": "*/*",
                    "accept-encoding": "identity",
                },
            )
        return self._session


async def _read(answer: aiohttp.ClientResponse) -> str:
    """Read an answer to its end, or to the bound; return how it begins."""
    kept, length = b"", 0
    while chunk := await answer.content.readany():
        length += len(chunk)
        if len(kept) < EXCERPT_CHARS:
            kept += chunk[: EXCERPT_CHARS - len(kept)]
        if length > ANSWER_BYTES_MAX:
            answer.close()
            break
    return _printable(kept)


def _printable(text: bytes) -> str:
    """Return text that a terminal and Postgres can take, whatever the receiver sent."""
    decoded = text.decode("utf-8", errors="replace")
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}"
        for char in decoded
    )


def _error_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    # Whoever answers for the endpoint could send us anywhere: its owner has to change the URL.
    return "redirect" if 300 <= status < 400 else "status"


def _word_for(failure: Exception, *, answered: bool) -> str:
    """Return a word for what went wrong on the way; no text of an exception goes further."""
    reason: BaseException | None = failure
    while reason is not None:
        if isinstance(reason, RefusedTargetError):
            return "target_refused"
        reason = getattr(reason, "os_error", None) or reason.__cause__
    if isinstance(failure, (aiohttp.ClientSSLError, ssl.SSLError)):
        return "tls"
    if isinstance(failure, aiohttp.ClientConnectorDNSError):
        return "name_not_found"
    if isinstance(failure, aiohttp.ClientConnectorError):
        return "connect"
    if isinstance(failure, aiohttp.InvalidURL):
        return "target_refused"
    return "answer_cut" if answered else "no_answer"


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds, or a date; None for anything else."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()
