"""What the committed dashboards of Grafana hold."""

import json
from pathlib import Path
from typing import Any

from support.prometheus import OBSERVABILITY

DASHBOARDS = sorted((OBSERVABILITY / "grafana" / "dashboards").rglob("*.json"))

CHOICES = {
    "$__rate_interval": "1m",
    "$instance": ".*",
    "$book": ".*",
}
"""What Grafana puts in for its variables while everything is chosen."""


def panels(path: Path) -> list[dict[str, Any]]:
    """Return the panels of a dashboard."""
    found: list[dict[str, Any]] = json.loads(path.read_text())["panels"]
    return found


def queries(path: Path) -> dict[str, str]:
    """Return the queries of a dashboard as Grafana sends them, by panel and letter."""
    found = {}
    for panel in panels(path):
        for target in panel.get("targets") or ():
            expression = target["expr"]
            for variable, choice in CHOICES.items():
                expression = expression.replace(variable, choice)
            assert "$" not in expression, expression
            found[f"{panel['title']} {target['refId']}"] = expression
    return found


def all_queries() -> dict[str, str]:
    """Return the queries of all dashboards."""
    return {
        f"{path.stem}: {name}": expression
        for path in DASHBOARDS
        for name, expression in queries(path).items()
    }
