"""The alerts of Prometheus and their runbooks, for what links to them."""

import re
from pathlib import Path
from typing import NamedTuple

import yaml

OBSERVABILITY = Path(__file__).parent.parent.parent


class Alert(NamedTuple):
    """An alert with its runbook."""

    name: str
    expression: str
    severity: str
    runbook: str
    """Markdown."""

    @property
    def uid(self) -> str:
        """The id of the dashboard that shows the runbook: an id has at most 40 characters."""
        words = re.sub(r"(?<!^)(?=[A-Z])", "-", self.name.removeprefix("Yupana"))
        return f"runbook-{words.lower()}"


def read_alerts() -> dict[str, Alert]:
    """Return all alerts by their names."""
    rules = yaml.safe_load((OBSERVABILITY / "prometheus" / "alerts.yml").read_text())
    found = {}
    for group in rules["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            text = (OBSERVABILITY / "runbooks" / f"{name}.md").read_text()
            found[name] = Alert(name, rule["expr"], rule["labels"]["severity"], text)
    return found


ALERTS = read_alerts()
