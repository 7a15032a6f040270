"""Which calls are let in: a bounded number, and none once the server ends."""

import asyncio
from contextlib import AbstractContextManager

from yupana_server.runtime.errors import CallError


class Admission:
    """Counts the calls in flight, and refuses those beyond the bound or after `close`."""

    def __init__(self, rpcs_max: int):
        self._rpcs_max = rpcs_max
        self._in_flight = 0
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._place = _Place(self)

    @property
    def in_flight(self) -> int:
        """How many calls are in flight."""
        return self._in_flight

    def admitted(self) -> AbstractContextManager[None]:
        """Let a call in for as long as the `with` block runs.

        Entering it raises:
            CallError: OVERLOADED or DRAINING; nothing was done for it.
        """
        return self._place

    def enter(self) -> None:
        """Count a call, or raise as `admitted` says."""
        refusal = self.refusal()
        if refusal is not None:
            raise refusal
        self._in_flight += 1
        self._idle.clear()

    def leave(self) -> None:
        """Count it no more."""
        self._in_flight -= 1
        if not self._in_flight:
            self._idle.set()

    def refusal(self) -> CallError | None:
        """Return why no call would be let in now, None if one would."""
        if self._closed:
            return draining()
        if self._in_flight >= self._rpcs_max:
            return CallError(
                "OVERLOADED",
                f"{self._rpcs_max} calls are in flight already: try again later",
                metadata={"rpcs_in_flight": str(self._rpcs_max)},
            )
        return None

    def close(self) -> None:
        """Refuse calls from now on: another server takes over.

        gRPC itself ends with CANCELLED what arrives while it stops, which tells a caller nothing.
        """
        self._closed = True

    async def idle(self) -> None:
        """Wait until no call is in flight."""
        await self._idle.wait()


class _Place(AbstractContextManager[None]):
    """What `admitted` gives to every call: it has nothing of its own, and costs a call nothing."""

    def __init__(self, admission: Admission):
        self._admission = admission

    def __enter__(self) -> None:
        self._admission.enter()

    def __exit__(self, *_: object) -> None:
        self._admission.leave()


def draining() -> CallError:
    """Return what ends a call because this server ends."""
    return CallError("DRAINING", "this server is shutting down: another one takes over")
