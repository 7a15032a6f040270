"""Projectors driven directly, so that a test says when something is folded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.databases import Database
from yupana_server.feed.projector import Projector
from yupana_server.journal.projections import ProjectionStore


@asynccontextmanager
async def projector_of(database: Database) -> AsyncIterator[Projector]:
    """A projector that folds when it is told to."""
    async with store_of(database) as store:
        projector = Projector(store, jobs_max=3, poll_s=0.05)
        yield projector
        await projector.drain()


@asynccontextmanager
async def store_of(database: Database) -> AsyncIterator[ProjectionStore]:
    """What projections are written through."""
    store = ProjectionStore(database.feed_url, connections_max=4)
    await store.open(wait_s=10)
    try:
        yield store
    finally:
        await store.close()
