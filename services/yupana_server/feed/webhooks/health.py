"""When an endpoint is left alone, and when it is tried again. Pure: time is given."""

from datetime import datetime, timedelta
from typing import NamedTuple

from yupana_server.feed.webhooks.schedule import Schedule
from yupana_server.feed.webhooks.sending import Attempt
from yupana_server.journal.webhook_rows import EndpointState, Health


class Policy(NamedTuple):
    """What makes an endpoint count as failing."""

    failures: int
    """So many attempts in a row failed,"""
    failing_for: timedelta
    """and the first of them so long ago."""
    probes: Schedule
    """When it is then tried, by how many attempts there were since."""

    def after(self, health: Health, attempt: Attempt, now: datetime, *, chance: float) -> Health:
        """Return how an endpoint stands after an attempt."""
        if attempt.delivered:
            return Health(EndpointState.ACTIVE)
        failures = health.failures + 1
        since = health.failing_since or now
        failed = Health(health.state, failures, since)
        if attempt.gone:
            return failed._replace(state=EndpointState.GONE)
        if failures < self.failures or now - since < self.failing_for:
            return failed
        pause_s = self.probes.pause_s(failures - self.failures + 1, chance=chance)
        probe_at = now + timedelta(seconds=pause_s)
        return failed._replace(state=EndpointState.FAILING, probe_at=probe_at)
