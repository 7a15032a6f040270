"""The server's side of a stream: order, bounds, and how it ends."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator

import pytest
from google.protobuf.duration_pb2 import Duration
from opentelemetry.context import Context

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.ledger import execute_stream
from yupana_server.ledger.execute_stream import ExecuteStream
from yupana_server.ledger.execution import Execution
from yupana_server.ledger.submission import (
    Answer,
    DrainingError,
    OverloadedError,
    Submission,
)
from yupana_server.messages.tokens import encode_position
from yupana_server.runtime.deadlines import StreamDeadline
from yupana_server.runtime.errors import CallError, Violation, malformed


class FakeExecutor:
    """Stands for executor and writer: requests are submitted, and answered when the test says."""

    def __init__(self) -> None:
        self.submitted: list[int] = []
        self.gone: list[int] = []
        self.answers: dict[int, asyncio.Future[Answer]] = {}
        self.full = False
        self.at_once = False

    async def prepare(self, request, deadline, span_context) -> Execution:
        if request.book == "malformed":
            raise malformed([Violation("commands[0].id", "is empty")])
        weight = len(request.commands)
        submission = Submission([], deadline.at, weight=weight, checked_seq=int(request.book))
        deadline.ran_out = lambda: CallError("DEADLINE_EXCEEDED", "not decided")
        return Execution(self, submission)

    id = "shop"

    async def writer(self, execution):
        return self

    async def submit(self, submission) -> Answer:
        if self.full:
            raise OverloadedError(1)
        number = submission.checked_seq
        self.submitted.append(number)
        answer = self.answers[number] = asyncio.get_running_loop().create_future()
        if self.at_once:
            self.answer(number)
        try:
            return await answer
        except asyncio.CancelledError:
            self.gone.append(number)
            raise

    def answer(self, *numbers: int) -> None:
        for number in numbers:
            self.answers[number].set_result(Answer([], number, 1))

    def error(self, execution, error) -> CallError:
        return CallError("DRAINING" if isinstance(error, DrainingError) else "INTERNAL", str(error))


class Producer:
    """A caller that sends requests without an end; counts those that were read."""

    def __init__(self, *requests: ledger_service_pb2.ExecuteStreamRequest) -> None:
        self.read = 0
        self._requests = deque(requests)

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._requests:
            raise StopAsyncIteration
        self.read += 1
        return self._requests.popleft()


def request(number: int | str, commands: int = 1, **fields) -> object:
    message = ledger_service_pb2.ExecuteStreamRequest(**fields)
    message.request.book = str(number)
    for _ in range(commands):
        message.request.commands.add()
    return message


def requests(count: int, commands: int = 1) -> list[object]:
    return [request(number, commands) for number in range(1, count + 1)]


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
async def tasks_before() -> AsyncIterator[None]:
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def stream_of(executor: FakeExecutor, producer: object) -> ExecuteStream:
    return ExecuteStream(executor, producer, StreamDeadline(math.inf, 5), Context())


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def collect(stream: ExecuteStream) -> tuple[list[str], CallError | None]:
    found: list[str] = []
    try:
        async for answer in stream.answers():
            found.append(answer.position)  # noqa: PERF401 - kept when it fails
    except CallError as error:
        return found, error
    return found, None


def positions(*numbers: int) -> list[str]:
    return [encode_position("shop", 1, number) for number in numbers]


async def test_answers_when_later_ones_are_done_first_then_they_keep_the_order(
    executor, tasks_before
) -> None:
    task = asyncio.create_task(collect(stream_of(executor, Producer(*requests(3)))))
    await turns()
    assert executor.submitted == [1, 2, 3]
    executor.answer(3)
    await turns()
    executor.answer(2, 1)

    assert await task == (positions(1, 2, 3), None)


async def test_reading_when_many_commands_are_under_way_then_it_waits(
    executor, tasks_before
) -> None:
    producer = Producer(*requests(100, commands=1_000))
    task = asyncio.create_task(collect(stream_of(executor, producer)))
    await turns(2_000)
    assert producer.read == execute_stream.COMMANDS_UNDER_WAY_MAX / 1_000 == 10

    executor.answer(1, 2)
    await turns()
    assert producer.read == 12
    executor.at_once = True
    executor.answer(*range(3, 13))
    assert await task == (positions(*range(1, 101)), None)


async def test_reading_when_many_requests_are_under_way_then_it_waits(
    executor, tasks_before
) -> None:
    producer = Producer(*requests(3_000))
    task = asyncio.create_task(collect(stream_of(executor, producer)))
    await turns(20_000)

    assert producer.read == execute_stream.REQUESTS_UNDER_WAY_MAX
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_reading_when_answers_are_not_taken_then_it_waits(executor, tasks_before) -> None:
    executor.at_once = True
    producer = Producer(*requests(100, commands=1_000))
    answers = stream_of(executor, producer).answers()
    await anext(answers)
    await turns(2_000)

    assert producer.read == 10
    await answers.aclose()


async def test_malformed_when_behind_others_then_they_are_answered_and_nothing_behind_is_read(
    executor, tasks_before
) -> None:
    producer = Producer(*requests(2), request("malformed"), request(4))
    task = asyncio.create_task(collect(stream_of(executor, producer)))
    await turns()
    executor.answer(1, 2)
    found, error = await task

    assert found == positions(1, 2)
    assert error.reason == "MALFORMED_REQUEST"
    assert error.metadata["request"] == "3"
    assert error.violations == [Violation("commands[0].id", "is empty")]
    assert executor.submitted == [1, 2]


@pytest.mark.parametrize("seconds", [0, -1, 3_601])
async def test_timeout_when_out_of_bounds_then_the_request_is_malformed(
    executor, tasks_before, seconds
) -> None:
    wrong = request(1, timeout=Duration(seconds=seconds))
    found, error = await collect(stream_of(executor, Producer(wrong)))

    assert found == []
    assert error.reason == "MALFORMED_REQUEST"
    assert [violation.field for violation in error.violations] == ["timeout"]


async def test_queue_when_full_then_requests_wait_in_their_order(executor, tasks_before) -> None:
    executor.full = True
    executor.at_once = True
    task = asyncio.create_task(collect(stream_of(executor, Producer(*requests(3)))))
    await asyncio.sleep(3 * execute_stream.QUEUE_PAUSE_S)
    assert executor.submitted == []
    executor.full = False

    assert await task == (positions(1, 2, 3), None)
    assert executor.submitted == [1, 2, 3]


async def test_queue_when_full_for_too_long_then_the_request_ran_out_of_time(
    executor, tasks_before
) -> None:
    executor.full = True
    hurried = request(1, timeout=Duration(nanos=50_000_000))
    found, error = await collect(stream_of(executor, Producer(hurried, request(2))))

    assert (found, error.reason, error.metadata["request"]) == ([], "DEADLINE_EXCEEDED", "1")
    assert executor.submitted == []


async def test_deadline_when_it_passes_then_what_is_behind_is_not_waited_for(
    executor, tasks_before
) -> None:
    hurried = request(2, timeout=Duration(nanos=50_000_000))
    producer = Producer(request(1), hurried, request(3))
    task = asyncio.create_task(collect(stream_of(executor, producer)))
    await turns()
    executor.answer(1)
    found, error = await task
    await turns()

    assert found == positions(1)
    assert (error.reason, error.metadata["request"]) == ("DEADLINE_EXCEEDED", "2")
    assert executor.gone == [2, 3]


async def test_drain_when_requests_are_under_way_then_they_are_answered_first(
    executor, tasks_before
) -> None:
    class Endless(Producer):
        async def __anext__(self):
            if not self._requests:
                await asyncio.sleep(60)
            return await super().__anext__()

    stream = stream_of(executor, Endless(*requests(2)))
    task = asyncio.create_task(collect(stream))
    await turns()
    stream.drain()
    await turns()
    assert not task.done()
    executor.answer(1, 2)
    found, error = await task

    assert found == positions(1, 2)
    assert (error.reason, error.metadata["request"]) == ("DRAINING", "3")


async def test_drain_when_the_caller_has_closed_its_side_then_the_stream_ends_well(
    executor, tasks_before
) -> None:
    stream = stream_of(executor, Producer(*requests(2)))
    task = asyncio.create_task(collect(stream))
    await turns()
    stream.drain()
    executor.answer(1, 2)

    assert await task == (positions(1, 2), None)


async def test_caller_when_it_goes_away_then_nothing_is_left(executor, tasks_before) -> None:
    answers = stream_of(executor, Producer(*requests(3))).answers()
    task = asyncio.create_task(anext(answers))
    await turns()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await answers.aclose()
    await turns()

    assert sorted(executor.gone) == [1, 2, 3]


async def test_request_when_it_fails_then_those_behind_are_let_go(executor, tasks_before) -> None:
    task = asyncio.create_task(collect(stream_of(executor, Producer(*requests(3)))))
    await turns()
    executor.answers[1].set_exception(DrainingError("now"))
    executor.answers[3].set_exception(DrainingError("now"))
    found, error = await task
    await turns()

    assert (found, error.reason, error.metadata["request"]) == ([], "DRAINING", "1")
    assert executor.gone == [2]
