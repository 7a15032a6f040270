"""How Yupana's processes connect to Postgres."""

from typing import Any

import psycopg

APPEND_APPLICATION = "yupana-append"
"""What appends call themselves in `pg_stat_activity`; R5 ends only sessions of this name."""

READ_APPLICATION = "yupana-read"
FEED_APPLICATION = "yupana-feed"
WORKER_APPLICATION = "yupana-worker"

LOCK_TIMEOUT_MS = 1_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 2_000
"""How long a writer may hold the lock without a word; see docs/decisions/005."""

CONNECT_TIMEOUT_S = 3
"""libpq rounds this to whole seconds, at least 2."""


def session_settings(application: str, *, synchronous_commit: str = "on") -> dict[str, Any]:
    """Return the connection parameters of a session.

    R12: commits wait for the disk (and the standby, when there is one) whatever the server's
    default says, and tell by a warning when they stopped waiting; and only a server that takes
    writes is talked to, for reads as well: a standby, or what was fenced, may lag. R5: nobody
    waits for a lock or holds one for long.
    """
    options = (
        f"-c synchronous_commit={synchronous_commit} -c client_min_messages=warning "
        "-c default_transaction_isolation=read\\ committed "
        "-c search_path=pg_catalog -c timezone=UTC -c datestyle=ISO "
        "-c standard_conforming_strings=on "
        f"-c lock_timeout={LOCK_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} "
        # Every statement is an index probe. A plan made while a book was empty must not read the
        # whole journal when it has grown.
        "-c enable_seqscan=off -c enable_bitmapscan=off "
        # No value asks for another plan; to plan, to compile or to start workers takes longer than
        # to run.
        "-c plan_cache_mode=force_generic_plan -c jit=off -c max_parallel_workers_per_gather=0"
    )
    return {
        "application_name": application,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "target_session_attrs": "read-write",
        "options": options,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
    }


async def connect(url: str, *, application: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
    """Open a direct connection in autocommit mode.

    Raises:
        psycopg.OperationalError: The server cannot be reached or refuses the role.
    """
    return await psycopg.AsyncConnection.connect(
        url, autocommit=True, prepare_threshold=None, **session_settings(application)
    )
