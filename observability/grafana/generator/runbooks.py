"""A dashboard for each alert: its runbook, and how the alert stands."""

import re
from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard

from generator.alerts import ALERTS, Alert
from generator.panels import Query, lines, number, words


def dashboards() -> Iterator[Dashboard]:
    """Yield them all."""
    for alert in ALERTS.values():
        yield _dashboard(alert)


def _dashboard(alert: Alert) -> Dashboard:
    firing = f'count(ALERTS{{alertname="{alert.name}",alertstate="firing"}}) or vector(0)'
    pending = f'count(ALERTS{{alertname="{alert.name}",alertstate="pending"}}) or vector(0)'
    state = lines(
        "How it stands",
        "How many of these alerts fire, or are about to.",
        "none",
        [Query(firing, "firing"), Query(pending, "about to")],
    )
    return (
        Dashboard(f"Runbook: {alert.name}")
        .uid(alert.uid)
        .description(f"What to do when {alert.name} fires.")
        .tags(["runbook", alert.severity])
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .readonly()
        .with_panel(words(alert.name, _linked(alert.runbook), height=24, width=16).id(1))
        .with_panel(state.id(2))
        .with_panel(
            number("Firing", "How many of these alerts fire.", "none", firing, bad_above=1).id(3)
        )
        .with_panel(words("When it fires", f"```promql\n{alert.expression}\n```", height=12).id(4))
    )


def _linked(runbook: str) -> str:
    """Have links between runbooks lead to each other's dashboards."""
    _, _, text = runbook.partition("\n")  # The panel has the title already.

    def link(match: re.Match[str]) -> str:
        name, target = match.groups()
        alert = ALERTS.get(target.removesuffix(".md"))
        return name if alert is None else f"[{name}](/d/{alert.uid})"

    return re.sub(r"\[([^\]]+)\]\(([^)]+\.md)\)", link, text).strip() + "\n"
