"""The replicas that this server may read from."""

import time
from collections.abc import Sequence
from enum import StrEnum

import structlog
from opentelemetry import metrics

from yupana_server.journal.connect import READ_APPLICATION
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.replicas import ReplicaReader, behind_bytes
from yupana_server.runtime.metrics import Gauge

AWAY_S = 2.0
"""How long a replica is left alone that could not be read from."""

LAG = Gauge(
    "yupana.replica.lag",
    "By",
    "How much of the log a replica has not replayed, as seen last; nothing of one that is away.",
    ("yupana.replica",),
)

_meter = metrics.get_meter("yupana.ledger")
_reads = _meter.create_counter(
    "yupana.replica.reads",
    unit="{read}",
    description="Reads that a replica could have served, by what came of it.",
)

log = structlog.get_logger("yupana.replicas")


class Served(StrEnum):
    """What came of a read that a replica could have served."""

    SERVED = "served"
    BEHIND = "behind"
    FAILED = "failed"
    REFUSED = "refused"
    """The answer was an error, which the primary had to confirm."""


class Replica:
    """One of them."""

    def __init__(self, number: int, url: str, *, connections_max: int):
        self.number = number
        self.reader = ReplicaReader(
            url, connections_max=connections_max, application=READ_APPLICATION
        )
        self.lag_bytes: int | None = None
        self._away_until = 0.0
        self._trouble = False

    @property
    def away(self) -> bool:
        """Whether it is left alone at this moment."""
        return time.monotonic() < self._away_until

    def note(self, served: Served) -> None:
        """Take note of what came of a read."""
        _reads.add(1, {"yupana.replica.result": served.value})
        failed = served is Served.FAILED
        if failed:
            self._away_until = time.monotonic() + AWAY_S
        if failed != self._trouble:
            log.warning("replica_away" if failed else "replica_back", replica=self.number)
        self._trouble = failed


class Replicas:
    """All of them, by turns."""

    def __init__(self, urls: Sequence[str], *, connections_max: int):
        self.all = [
            Replica(number, url, connections_max=connections_max) for number, url in enumerate(urls)
        ]
        self._turn = 0

    async def open(self) -> None:
        """Begin to connect; does not wait for any."""
        for replica in self.all:
            await replica.reader.open()
        for served in Served if self.all else ():
            _reads.add(0, {"yupana.replica.result": served.value})

    async def close(self) -> None:
        """Close all connections."""
        for replica in self.all:
            await replica.reader.close()

    def choose(self) -> Replica | None:
        """Return the next one that is not left alone; None when there is none."""
        for _ in self.all:
            self._turn = (self._turn + 1) % len(self.all)
            if not (replica := self.all[self._turn]).away:
                return replica
        return None

    async def look(self, primary: JournalReader) -> None:
        """See how far each lags behind the primary."""
        for replica in self.all:
            try:
                replica.lag_bytes = await behind_bytes(primary, replica.reader)
            except UnavailableError:
                replica.lag_bytes = None

    def lags(self) -> dict[tuple[str, ...], int]:
        """Return what LAG shows."""
        seen = ((replica.number, replica.lag_bytes) for replica in self.all)
        return {(str(number),): lag for number, lag in seen if lag is not None}
