"""What operators can ask of a process."""

import asyncio
import json
import signal
from collections.abc import Callable

import grpc
import grpc.aio
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc

from support.databases import Database
from support.processes import FeedProcess, LedgerProcess, WorkerProcess
from yupana.admin.v1.admin_service_pb2 import GetInfoRequest
from yupana.admin.v1.admin_service_pb2_grpc import AdminServiceStub

ADMIN = {"YUPANA_ADMIN": "true"}
Start = Callable[..., LedgerProcess]


async def test_info_when_asked_then_says_what_runs_and_keeps_the_password(
    database: Database,
    start_ledger: Start,
    start_feed: Callable[..., FeedProcess],
    start_worker: Callable[..., WorkerProcess],
) -> None:
    url = database.ledger_url.replace("yupana_ledger@", "yupana_ledger:s3cr3t@")
    ledger = start_ledger(database, url=f"{url}?password=s3cr3t", environment=ADMIN)
    feed = start_feed(database, environment=ADMIN)
    worker = start_worker(database, environment=ADMIN)
    for process, service in ((ledger, "ledger"), (feed, "feed"), (worker, "worker")):
        async with grpc.aio.insecure_channel(process.address) as channel:
            info = await AdminServiceStub(channel).GetInfo(GetInfoRequest(), timeout=10)
        assert info.service == service
        assert info.version
        assert info.schema >= "0005"
        assert info.start_time.seconds > 0
        assert info.config["YUPANA_LISTEN"] == process.address
        assert "s3cr3t" not in str(info)
        assert database.name in info.config["YUPANA_DATABASE_URL"]
        assert "YUPANA_METRICS_LISTEN" not in info.config


async def test_channelz_when_asked_then_lists_servers(
    database: Database, start_ledger: Start
) -> None:
    process = start_ledger(database, environment=ADMIN)
    async with grpc.aio.insecure_channel(process.address) as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        answer = await stub.GetServers(channelz_pb2.GetServersRequest(), timeout=10)
    assert answer.server


async def test_admin_when_not_switched_on_then_nothing_is_there(ledger: LedgerProcess) -> None:
    async with grpc.aio.insecure_channel(ledger.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await AdminServiceStub(channel).GetInfo(GetInfoRequest(), timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_dump_when_sigusr1_comes_then_stacks_are_logged_and_it_goes_on(
    database: Database, start_ledger: Start
) -> None:
    process = start_ledger(database)
    process.send(signal.SIGUSR1)
    async with asyncio.timeout(30):
        while '"stacks"' not in process.log():
            await asyncio.sleep(0.05)
    lines = [json.loads(line) for line in process.log().splitlines() if '"stacks"' in line]
    assert any("service.py" in frame for stack in lines[0]["tasks"].values() for frame in stack)
    assert any("Thread" in line for line in lines[0]["threads"])
    assert process.serving()
    assert process.stop() == 0
