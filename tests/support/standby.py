"""A standby that commits wait for, and that is not there."""

import asyncio

from support.journals import execute

END_SYNC_REP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


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


async def end_sync_rep(url: str) -> list[tuple[object, ...]]:
    """End the sessions whose commit waits for the standby."""
    await asyncio.sleep(0.02)
    return await asyncio.to_thread(execute, url, END_SYNC_REP)
