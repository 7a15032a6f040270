"""Servers between clients and a real ledger that break its promises, for the checker to catch."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import grpc.aio

from yupana.ledger.v1 import ledger_service_pb2 as ledgers
from yupana.methods import BATCH_GET_ACCOUNTS, CREATE_BOOK, EXECUTE, EXECUTE_STREAM, Method
from yupana_server.dev.ports import pick_port

Forward = Callable[[Any], Awaitable[Any]]


class Liar:
    """Passes everything on as it is. Those that lie override `execute`, `stream` or `read`.

    What comes on a stream it passes on in single calls.
    """

    def __init__(self, target: str):
        self.address = f"127.0.0.1:{pick_port()}"
        self.lies = 0
        self._target = target
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> "Liar":
        self._channel = await self._exits.enter_async_context(
            grpc.aio.insecure_channel(self._target)
        )
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(
            [
                self._handler(CREATE_BOOK, self.create_book),
                self._handler(EXECUTE, self.execute),
                self._stream_handler(),
                self._handler(BATCH_GET_ACCOUNTS, self.read),
            ]
        )
        assert server.add_insecure_port(self.address)
        await server.start()
        self._exits.push_async_callback(server.stop, None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def create_book(self, request: Any, forward: Forward) -> Any:
        return await forward(request)

    async def execute(
        self, request: ledgers.ExecuteRequest, forward: Forward
    ) -> ledgers.ExecuteResponse:
        return await forward(request)

    async def stream(
        self, request: ledgers.ExecuteRequest, forward: Forward
    ) -> ledgers.ExecuteResponse:
        """Answer one request of a stream."""
        return await self.execute(request, forward)

    async def read(
        self, request: ledgers.BatchGetAccountsRequest, forward: Forward
    ) -> ledgers.BatchGetAccountsResponse:
        return await forward(request)

    def _forward(self, method: Method[Any, Any]) -> Forward:
        return self._channel.unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )

    def _stream_handler(self) -> grpc.GenericRpcHandler:
        method, forward = EXECUTE_STREAM, self._forward(EXECUTE)

        async def handle(
            requests: AsyncIterator[ledgers.ExecuteStreamRequest], context: Any
        ) -> AsyncIterator[ledgers.ExecuteResponse]:
            async for message in requests:
                yield await self.stream(message.request, forward)

        handler = grpc.stream_stream_rpc_method_handler(
            handle,
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(method.service, {method.name: handler})

    def _handler(self, method: Method[Any, Any], answer: Any) -> grpc.GenericRpcHandler:
        forward = self._forward(method)

        async def handle(request: Any, context: Any) -> Any:
            return await answer(request, forward)

        handler = grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(method.service, {method.name: handler})


class LosesEntries(Liar):
    """Acknowledges some transfers that it never passed on."""

    _seen = 0
    _newest: Any = None

    async def execute(self, request, forward):
        self._seen += 1
        posted = all(each.HasField("create_transfer") for each in request.commands)
        if posted and self._newest is not None and self._seen % 5 == 0:
            self.lies += 1
            answer = ledgers.ExecuteResponse()
            for command in request.commands:
                outcome = answer.outcomes.add(id=command.id, position=self._newest.position)
                outcome.record_time.CopyFrom(self._newest.record_time)
                outcome.transfer_posted.amount = command.create_transfer.amount
            return answer
        answer = await forward(request)
        self._newest = answer.outcomes[-1]
        return answer


class PostsTwice(Liar):
    """Passes some transfers on a second time, under ids of its own."""

    async def execute(self, request, forward):
        answer = await forward(request)
        done = zip(request.commands, answer.outcomes, strict=True)
        posted = [c for c, o in done if o.HasField("transfer_posted") and not c.linked]
        for command in posted[:1]:
            self.lies += 1
            again = ledgers.ExecuteRequest(book=request.book, commands=[command])
            again.commands[0].id = f"again-{self.lies}"
            await forward(again)
        return answer


class RepeatsReads(Liar):
    """Reads the same accounts once and shows what it saw ever after."""

    def __init__(self, target: str):
        super().__init__(target)
        self._seen: dict[tuple[str, ...], Any] = {}

    async def read(self, request, forward):
        key = tuple(request.accounts)
        # Only who wants to see what is there now is lied to.
        strong = request.consistency.WhichOneof("level") in (None, "strong")
        self.lies += strong and key in self._seen
        if key not in self._seen:
            self._seen[key] = await forward(request)
        return self._seen[key]


class ForgesReads(RepeatsReads):
    """As the other one, but says that it read just now."""

    async def read(self, request, forward):
        old = await super().read(request, forward)
        answer = ledgers.BatchGetAccountsResponse()
        answer.CopyFrom(old)
        answer.position = (await forward(request)).position
        return answer


class ReordersReads(Liar):
    """Shows each reader what the read before had found, and only then looks again."""

    _before: Any = None

    async def read(self, request, forward):
        everything = ledgers.BatchGetAccountsRequest()
        everything.CopyFrom(request)
        everything.accounts[:] = ["world", "shop", *(f"users:{n}" for n in range(8)), "nobody"]
        before, self._before = self._before, await forward(everything)
        self.lies += before is not None
        found = before or self._before
        answer = ledgers.BatchGetAccountsResponse(position=found.position)
        answer.accounts.extend(a for a in found.accounts if a.id in request.accounts)
        answer.missing.extend(a for a in found.missing if a in request.accounts)
        return answer


class ReusesIds(Liar):
    """Calls a replay another use of its id."""

    async def execute(self, request, forward):
        answer = await forward(request)
        for outcome in answer.outcomes:
            if outcome.replayed:
                self.lies += 1
                id_ = outcome.id
                outcome.Clear()
                outcome.id = id_
                outcome.refused.reason = 32  # ID_REUSED
        return answer


class ChangesOutcomes(Liar):
    """Tells another amount to who asks again."""

    async def execute(self, request, forward):
        answer = await forward(request)
        for outcome in answer.outcomes:
            if outcome.replayed and outcome.HasField("transfer_posted"):
                self.lies += 1
                outcome.transfer_posted.amount = str(int(outcome.transfer_posted.amount) + 1)
        return answer


class ForgetsReplays(Liar):
    """Tells whoever asks again that it was done just now."""

    async def execute(self, request, forward):
        answer = await forward(request)
        for outcome in answer.outcomes:
            self.lies += outcome.replayed
            outcome.replayed = False
        return answer


class LosesStreamed(Liar):
    """Acknowledges some transfers that came on a stream, and never passes them on."""

    async def stream(self, request, forward):
        kept = ledgers.ExecuteRequest(book=request.book, commands=request.commands)
        lost = [n for n, c in enumerate(request.commands) if _alone(request, n, "create_transfer")]
        for place in reversed(lost[1:]):
            del kept.commands[place]
        answer = await forward(kept)
        for place in lost[1:]:
            self.lies += 1
            command, before = request.commands[place], answer.outcomes[place - 1]
            told = ledgers.ExecuteResponse().outcomes.add(id=command.id, position=before.position)
            told.record_time.CopyFrom(before.record_time)
            told.transfer_posted.amount = command.create_transfer.amount
            answer.outcomes.insert(place, told)
        return answer


class ReordersStreams(Liar):
    """Decides the commands of a stream's request from the last to the first."""

    async def stream(self, request, forward):
        if any(command.linked for command in request.commands):
            return await forward(request)
        self.lies += len(request.commands) > 1
        turned = ledgers.ExecuteRequest(book=request.book, commands=reversed(request.commands))
        answer = await forward(turned)
        return ledgers.ExecuteResponse(outcomes=reversed(answer.outcomes))


class PaysHalf(Liar):
    """Keeps the last leg of a payment for itself."""

    async def execute(self, request, forward):
        halved = ledgers.ExecuteRequest()
        halved.CopyFrom(request)
        for command in halved.commands:
            payment = command.create_payment
            if len(payment.legs) > 1 and not payment.collect_amount:
                del payment.legs[-1]
        answer = await forward(halved)
        for command, outcome in zip(request.commands, answer.outcomes, strict=True):
            legs = command.create_payment.legs
            if len(legs) > len(outcome.payment_posted.leg_amounts) > 0:
                self.lies += 1
                outcome.payment_posted.leg_amounts.append(legs[-1].amount)
        return answer


class ReversesTwice(Liar):
    """Passes reversals on a second time, under ids of its own."""

    async def execute(self, request, forward):
        answer = await forward(request)
        done = zip(request.commands, answer.outcomes, strict=True)
        for command in [c for c, o in done if o.HasField("transfer_reversed") and not c.linked]:
            again = ledgers.ExecuteRequest(book=request.book, commands=[command])
            again.commands[0].id = f"again-{command.id}"
            again.commands[0].reverse_transfer.amount = "0"
            self.lies += (await forward(again)).outcomes[0].HasField("transfer_reversed")
        return answer


class ForgetsReversals(Liar):
    """Tells as reversed so far only what a reversal itself moved back, and one more."""

    async def execute(self, request, forward):
        answer = await forward(request)
        for outcome in answer.outcomes:
            if outcome.HasField("transfer_reversed"):
                self.lies += 1
                amount = int(outcome.transfer_reversed.amount)
                outcome.transfer_reversed.reversed_amount = str(amount + 1)
        return answer


class KeepsMembers(Liar):
    """Says nothing of the last hold of a group."""

    async def execute(self, request, forward):
        answer = await forward(request)
        for outcome in answer.outcomes:
            if outcome.group_resolved.holds:
                self.lies += 1
                del outcome.group_resolved.holds[-1]
        return answer


def _alone(request: ledgers.ExecuteRequest, place: int, kind: str) -> bool:
    """Tell whether a command is of a kind and in no chain."""
    before = request.commands[place - 1].linked if place else False
    command = request.commands[place]
    return command.HasField(kind) and not command.linked and not before
