"""What a process needs to let callers in: from its configuration to an interceptor."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import grpc.aio
import structlog

from yupana_server.authorization.gate import AccountsOf, Gate
from yupana_server.authorization.interceptor import AccessInterceptor
from yupana_server.authorization.principals import Principals
from yupana_server.authorization.quotas import Quotas
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.keys import KeyReader
from yupana_server.journal.reads import JournalReader
from yupana_server.runtime.config import ChecksAccess
from yupana_server.runtime.passed_on import certificate_names, passed_certificate_names
from yupana_server.runtime.redis import Redis
from yupana_server.runtime.tasks import end_tasks

CONNECTIONS = 2
REDIS_CONNECTIONS = 16
NOTE_EVERY_S = 30.0
"""How often it is written down which keys were used."""

log = structlog.get_logger("yupana.access")


class Access:
    """Lets callers in, or everybody where keys are not asked for."""

    def __init__(
        self,
        config: ChecksAccess,
        *,
        accounts_of: AccountsOf | None = None,
        takes_passed_on: bool = False,
    ):
        """`accounts_of` returns the accounts of commands that were recorded.

        `takes_passed_on` says that other processes of ours may pass calls on to this one.
        """
        self.required = config.access == "keys"
        self._reader = JournalReader(
            config.database_url.get_secret_value(), connections_max=CONNECTIONS
        )
        url = config.redis_url
        self._redis = (
            None
            if url is None
            else Redis(url.get_secret_value(), connections_max=REDIS_CONNECTIONS)
        )
        self.principals = Principals(
            KeyReader(self._reader), config.hash_keys, fresh_s=config.access_fresh_s
        )
        self.gate = Gate(self.principals, Quotas(self._redis), accounts_of=accounts_of)
        self._names = passed_certificate_names if takes_passed_on else certificate_names
        self._noting: asyncio.Task[None] | None = None

    @property
    def interceptors(self) -> Sequence[grpc.aio.ServerInterceptor]:
        """What stands behind the CallInterceptor."""
        return [AccessInterceptor(self.gate, names=self._names)] if self.required else []

    async def start(self) -> None:
        """Begin. Does not wait for a database that is away."""
        if not self.required:
            log.warning("access_open", advice="whoever reaches this service may do everything")
            return
        await self._reader.open()
        self._noting = asyncio.create_task(self._note())

    async def stop(self) -> None:
        """Write down what is left, and close all connections."""
        if self._noting is None:
            return
        await end_tasks([self._noting])
        with suppress(UnavailableError):
            await self.principals.note_uses()
        await self._reader.close()
        if self._redis is not None:
            await self._redis.close()

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(NOTE_EVERY_S)
            with suppress(UnavailableError):
                await self.principals.note_uses()
