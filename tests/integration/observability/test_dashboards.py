"""The dashboards as Grafana's own model reads them, and what people expect of every panel."""

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from support.dashboards import DASHBOARDS, panels
from support.prometheus import OBSERVABILITY

register_default_plugins()

UIDS = {json.loads(path.read_text())["uid"] for path in DASHBOARDS}
KINDS = {"timeseries", "stat", "text"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboard_when_read_into_grafanas_model_then_nothing_is_lost_or_added(path: Any) -> None:
    committed = json.loads(path.read_text())
    model = Dashboard.from_json(committed)
    again = json.loads(json.dumps(model, cls=JSONEncoder))
    assert again == committed
    assert model.uid == path.stem
    assert len(path.stem) <= 40  # Grafana takes no longer ones.


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_when_looked_at_then_each_says_what_it_shows_in_which_unit(path: Any) -> None:
    found = panels(path)
    assert len({panel["id"] for panel in found}) == len(found)
    for panel in found:
        assert panel["type"] in KINDS
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        if panel["type"] != "text":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_when_laid_out_then_none_covers_another(path: Any) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(path):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken.get((x, y)))
                taken[x, y] = panel["title"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_links_when_followed_then_they_lead_to_a_dashboard_or_to_traces(path: Any) -> None:
    variables = {
        each["name"] for each in json.loads(path.read_text())["templating"].get("list", ())
    }
    for panel in panels(path):
        for link in panel.get("links") or ():
            assert link["url"].removeprefix("/d/") in UIDS, panel["title"]
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links") or ():
            assert link["url"].startswith("${jaeger}/search?service=yupana-ledger")
            assert "jaeger" in variables
        for target in re.findall(r"\]\((/d/[^)]+)\)", json.dumps(panel.get("options", {}))):
            assert target.removeprefix("/d/") in UIDS, panel["title"]


def test_dashboards_when_counted_then_every_page_and_every_runbook_is_there() -> None:
    pages = {"service", "ledger", "postgres", "integrity", "slo"}
    runbooks = {path.stem for path in (OBSERVABILITY / "runbooks").glob("*.md")}
    assert {f"yupana-{page}" for page in pages} <= UIDS
    assert len(UIDS) == len(DASHBOARDS) == len(pages) + len(runbooks)


def test_pages_when_looked_at_then_their_panels_lead_to_runbooks_and_traces() -> None:
    runbooks, traces = set(), set()
    for path in DASHBOARDS:
        for panel in panels(path):
            if panel.get("links"):
                runbooks.add(path.stem)
            if panel.get("fieldConfig", {}).get("defaults", {}).get("links"):
                traces.add(path.stem)
    pages = {uid for uid in UIDS if uid.startswith("yupana-")}
    assert runbooks == pages
    assert traces == pages
