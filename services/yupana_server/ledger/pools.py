"""Gauges of connection pools, by the semantic conventions of OpenTelemetry."""

from collections.abc import Mapping

from yupana_server.journal.reads import JournalReader
from yupana_server.runtime.metrics import Gauge, observe

_POOL = "db.client.connection.pool.name"
CONNECTIONS = Gauge(
    "db.client.connection.count",
    "{connection}",
    "Connections of a pool, idle and used.",
    (_POOL, "db.client.connection.state"),
)
PENDING = Gauge(
    "db.client.connection.pending_requests",
    "{request}",
    "Requests that wait for a connection.",
    (_POOL,),
)
CONNECTIONS_MAX = Gauge(
    "db.client.connection.max", "{connection}", "How many connections a pool may have.", (_POOL,)
)


def observe_pools(readers: Mapping[str, JournalReader]) -> None:
    """Have gauges show the pools of these readers, by the names of the pools."""

    def connections() -> dict[tuple[str, ...], int]:
        found: dict[tuple[str, ...], int] = {}
        for name, reader in readers.items():
            use = reader.use()
            found[name, "idle"] = use.idle
            found[name, "used"] = use.size - use.idle
        return found

    observe(CONNECTIONS, connections)
    observe(PENDING, lambda: {(n,): reader.use().waiting for n, reader in readers.items()})
    observe(CONNECTIONS_MAX, lambda: {(n,): r.use().size_max for n, r in readers.items()})
