"""A standby that commits wait for, and that is not there."""

import asyncio

from support.journals import execute

TERMINATE = "pg_terminate_backend"
CANCEL = "pg_cancel_backend"


def set_standby(url: str, name: str) -> None:
    """Have commits wait for a standby of this name, or for none."""
    execute(url, f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    execute(url, "SELECT pg_reload_conf()")


async def set_missing_standby(url: str) -> None:
    """Have commits wait for a standby that is not there; returns when they do."""
    set_standby(url, "nobody")
    ended: list[tuple[object, ...]] = []
    async with asyncio.timeout(10):
        while not ended:
            statement = "SELECT pg_logical_emit_message(true, 'does this wait?', '')"
            probe = asyncio.create_task(asyncio.to_thread(execute, url, statement))
            while not ended and not probe.done():
                ended = await end_sync_rep(url)
            await asyncio.gather(probe, return_exceptions=True)


async def end_sync_rep(url: str, *, by: str = TERMINATE) -> list[tuple[object, ...]]:
    """End the sessions whose commit waits for the standby, or have them stop waiting: CANCEL.

    Those then tell of a commit that went well, with a warning.
    """
    await asyncio.sleep(0.02)
    waiting = f"SELECT {by}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    return await asyncio.to_thread(execute, url, waiting)
