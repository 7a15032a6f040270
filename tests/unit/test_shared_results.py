"""A result that many wait for."""

import asyncio

import pytest

from yupana_server.ledger.shared_results import Shared


async def test_result_when_one_who_waits_goes_away_then_the_others_are_told() -> None:
    shared: Shared[int] = Shared()
    gone, stays = (asyncio.ensure_future(shared.wait()) for _ in range(2))
    gone.cancel()
    shared.tell(7)
    assert await stays == 7
    assert gone.cancelled()


async def test_result_when_there_is_none_then_everybody_hears_why() -> None:
    shared: Shared[int] = Shared()
    waiting = [shared.wait() for _ in range(2)]
    shared.fail(ValueError("no"))
    for each in waiting:
        with pytest.raises(ValueError, match="no"):
            await each
