"""Keeps the work of a process within a share of a core."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Share:
    """Rests after work, for so long that work and rest together keep the share.

    Measured by the CPU time of the whole process. Waiting counts as rest, but not for later: after
    a quiet hour there is no burst.
    """

    def __init__(
        self,
        share: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._share = share
        self._clock = clock
        self._cpu = cpu
        self._sleep = sleep
        self._began_at = clock()
        self._spent = cpu()

    async def rest(self) -> None:
        """Rest for what was spent since the last rest."""
        spent = self._cpu()
        rest_s = (spent - self._spent) / self._share - (self._clock() - self._began_at)
        # What is spent during the rest counts for the next one.
        self._spent = spent
        if rest_s > 0:
            await self._sleep(rest_s)
        self._began_at = self._clock()
