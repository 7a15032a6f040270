"""Callers whose commands gather, and what became of them."""

import asyncio

import grpc

from support.fake_servers import fails
from yupana import BookClient

LOST = fails(grpc.StatusCode.UNAVAILABLE, message="Socket closed")


def transfers(shop: BookClient, *ids: str, timeout_s: float | None = None) -> list[asyncio.Task]:
    return [
        asyncio.create_task(shop.transfer("a", "b", amount, id=id_, timeout_s=timeout_s))
        for amount, id_ in enumerate(ids, start=1)
    ]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def results(tasks: list[asyncio.Task]) -> list[object]:
    return await asyncio.gather(*tasks, return_exceptions=True)
