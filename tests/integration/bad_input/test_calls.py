"""Deadlines, unknown methods, health and reflection."""

import time

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from support.wire import Wire, execute, reason_of, says_nothing_of_the_inside, transfer
from yupana.book import BookClient

# Calls


async def test_call_when_deadline_is_too_short_then_deadline_exceeded(
    wire: Wire, quiet: BookClient
) -> None:
    before = await wire.position(quiet)
    for timeout_s in (0.001, 0.02, 0):
        started_s = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.ledger.Execute(execute(quiet, transfer()), timeout=timeout_s)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - started_s < 1
        says_nothing_of_the_inside(caught.value.details() or "")
    assert await wire.position(quiet) == before


async def test_call_when_it_has_no_deadline_then_it_works(wire: Wire, book: BookClient) -> None:
    answer = await wire.ledger.Execute(execute(book, transfer(credit_account="b")), timeout=None)
    assert reason_of(answer.outcomes[0]) == "ACCOUNT_NOT_FOUND"


async def test_call_when_method_is_unknown_then_unimplemented(wire: Wire) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await wire.channel.unary_unary("/yupana.ledger.v1.LedgerService/Erase")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


SERVICES = ["yupana.ledger.v1.LedgerService", "yupana.ledger.v1.BookService"]


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_health_when_asked_or_watched_then_serving(wire: Wire, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(wire.channel)
    request = health_pb2.HealthCheckRequest(service=service)
    assert (await stub.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(request)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


async def test_health_when_service_is_unknown_then_says_so(wire: Wire) -> None:
    stub = health_pb2_grpc.HealthStub(wire.channel)
    request = health_pb2.HealthCheckRequest(service="nothing")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Check(request)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(request)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


async def test_reflection_lists_the_services(wire: Wire) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(wire.channel)
    call = stub.ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    )
    answers = [answer async for answer in call]
    names = {service.name for service in answers[0].list_services_response.service}
    assert names >= {*SERVICES, "grpc.health.v1.Health"}
