"""Records what came of attempts, and how the endpoint stands by that."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from yupana_server.feed.webhooks import measures
from yupana_server.feed.webhooks.ordering import Waiting
from yupana_server.feed.webhooks.sending import Attempt
from yupana_server.feed.webhooks.tools import Served, Tools, chance
from yupana_server.journal.webhook_rows import DeliveryState, EndpointState, Health, Result

log = structlog.get_logger("yupana.webhooks")

Ended = tuple[Waiting, Attempt]


class Recorder:
    """Records the attempts of one endpoint."""

    def __init__(self, tools: Tools, served: Served):
        self._tools = tools
        self._served = served

    async def record(self, ended: Sequence[Ended]) -> list[Result]:
        """Record attempts in the order in which they ended; returns what becomes of each."""
        now, health = datetime.now(UTC), self._served.endpoint.health
        results = []
        for delivery, attempt in ended:
            results.append(self._result(delivery, attempt, health, now))
            health = self._tools.policy.after(health, attempt, now, chance=chance())
        await self._tools.store.record(self._served.endpoint, results)
        for result in results:
            if result.state is not DeliveryState.WAITING:
                measures.note_ended(result.state)
        await self._note(health)
        return results

    async def recover(self) -> None:
        """Have an endpoint be active again that failed, and all that waits tried at once."""
        await self._note(Health(EndpointState.ACTIVE))

    def _result(self, delivery: Waiting, attempt: Attempt, health: Health, now: datetime) -> Result:
        """Return what becomes of a delivery; none is given up while all of them fail."""
        schedule, attempts = self._tools.schedule, delivery.attempts + 1
        state, due_at = DeliveryState.DELIVERED, now
        if not attempt.delivered:
            last = schedule.is_last(attempts) and health.state is EndpointState.ACTIVE
            state = DeliveryState.DEAD if last else DeliveryState.WAITING
            asked_s = attempt.retry_after_s
            pause_s = schedule.pause_s(attempts, chance=chance(), retry_after_s=asked_s)
            due_at = now + timedelta(seconds=pause_s)
        return Result(
            run=delivery.run,
            seq=delivery.seq,
            attempts=attempts,
            state=state,
            due_at=due_at,
            began_at=attempt.began_at,
            took_s=attempt.took_s,
            status=attempt.status,
            error=attempt.error,
            excerpt=attempt.excerpt,
        )

    async def _note(self, health: Health) -> None:
        """Keep how the endpoint stands, unless a call changed it meanwhile."""
        served = self._served
        before = served.endpoint.health
        if health == before:
            return
        if not await self._tools.store.set_health(served.endpoint, health):
            served.outdated = True
            return
        served.endpoint = served.endpoint._replace(health=health)
        if health.state is before.state:
            return
        self._tell(health)
        if before.state is EndpointState.FAILING and health.state is EndpointState.ACTIVE:
            await self._tools.store.begin_again(served.endpoint)
            served.outdated = True
        if health.state is EndpointState.GONE:
            served.outdated = True

    def _tell(self, health: Health) -> None:
        write = log.info if health.state is EndpointState.ACTIVE else log.warning
        write(
            "webhook_state_changed",
            book=self._served.book.id,
            endpoint=self._served.endpoint.endpoint,
            state=health.state.value,
            failures=health.failures,
        )
