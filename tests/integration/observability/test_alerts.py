"""The rules of Prometheus: each alert fires when it should and only then, and has a runbook."""

import re
from typing import Any

import pytest
import yaml

from support.prometheus import OBSERVABILITY, RULES, promtool

CASES = sorted((RULES / "tests").glob("*.yml"))
SECTIONS = ["## Meaning", "## Impact", "## How to check", "## How to act"]
GRAFANA = "http://localhost:3000/d/"


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def kebab(alert: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", alert.removeprefix("Yupana")).lower()


def test_config_when_checked_then_promtool_accepts_it_and_its_rules() -> None:
    assert "SUCCESS" in promtool("check", "config", RULES / "prometheus.yml")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_when_series_are_given_then_they_fire_as_the_cases_say(cases: Any) -> None:
    assert "SUCCESS" in promtool("test", "rules", cases)


def test_cases_when_counted_then_each_alert_fires_in_some_and_not_in_others() -> None:
    fires, stays_quiet = set(), set()
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                (fires if check["exp_alerts"] else stays_quiet).add(check["alertname"])
    assert fires == set(alerts())
    assert stays_quiet == set(alerts())


def test_runbooks_when_read_then_there_is_one_for_each_alert_with_all_sections() -> None:
    runbooks = {path.stem: path.read_text() for path in (OBSERVABILITY / "runbooks").glob("*.md")}
    assert set(runbooks) == set(alerts())
    for alert, text in runbooks.items():
        lines = text.splitlines()
        assert lines[0] == f"# {alert}"
        assert [line for line in lines if line.startswith("## ")] == SECTIONS, alert
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (OBSERVABILITY / "runbooks" / target).resolve().is_file(), (alert, target)


def test_alerts_when_read_then_each_says_how_urgent_it_is_and_leads_to_its_runbook() -> None:
    for alert, rule in alerts().items():
        assert rule["labels"]["severity"] in ("page", "ticket"), alert
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, alert
        assert rule["annotations"]["runbook_url"] == f"{GRAFANA}runbook-{kebab(alert)}"
