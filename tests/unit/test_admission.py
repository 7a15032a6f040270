"""Which calls a server lets in."""

import asyncio

import pytest

from yupana_server.runtime.admission import Admission
from yupana_server.runtime.errors import CallError


def test_call_when_too_many_are_in_flight_then_refused_until_one_ends() -> None:
    admission = Admission(rpcs_max=2)
    with admission.admitted():
        with admission.admitted(), pytest.raises(CallError) as refused, admission.admitted():
            pass
        with admission.admitted():
            pass

    assert refused.value.reason == "OVERLOADED"


async def test_close_when_calls_are_in_flight_then_they_end_and_no_other_begins() -> None:
    admission = Admission(rpcs_max=2)
    with admission.admitted():
        admission.close()
        with pytest.raises(CallError) as refused, admission.admitted():
            pass
        idle = asyncio.create_task(admission.idle())
        await asyncio.sleep(0)
        assert not idle.done()
    async with asyncio.timeout(5):
        await idle

    assert refused.value.reason == "DRAINING"


async def test_idle_when_no_call_came_then_at_once() -> None:
    async with asyncio.timeout(5):
        await Admission(rpcs_max=1).idle()
