"""Every query of every dashboard and every rule, against a real run of all services."""

import re
import time
from collections.abc import Iterator

import pytest

from support.dashboards import all_queries
from support.databases import make_database
from support.observed import SEEN_WITHIN_S, Observed, observed
from yupana_server.dev.postgres import EmbeddedPostgres

SELECTOR = re.compile(r"((?:yupana|rpc|process|db|cpython)[a-z0-9_:]+)(?:\{([^}]*)\})?")
LABELS = re.compile(r"\b(?:by|on|ignoring) \([^)]*\)|\bgroup_left \(\)")
MATCHER = re.compile(r"(\w+)(?:=~|!~|!=|=)\"[^\"]*\"")
RARE = {"error_type", "rpc_response_status_code"}
"""What these say may never happen in a good run; that they are labels must be so."""


@pytest.fixture(scope="module")
def running(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Observed]:
    with observed(make_database(postgres), tmp_path_factory.mktemp("observed")) as running:
        yield running


@pytest.mark.timeout(600)
def test_panels_when_all_services_ran_then_every_query_returns_data(running: Observed) -> None:
    assert len(all_queries()) > 100
    assert not running.make_traffic_until_seen(all_queries(), running.prometheus.has_data)


@pytest.mark.timeout(600)
def test_rules_when_all_services_ran_then_each_is_evaluated_without_error(
    running: Observed,
) -> None:
    running.make_traffic(rounds=1)
    deadline = time.monotonic() + SEEN_WITHIN_S
    while any(rule["health"] == "unknown" for rule in running.prometheus.rules()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    rules = running.prometheus.rules()
    assert len(rules) > 30
    for rule in rules:
        assert rule["health"] == "ok", (rule["name"], rule.get("lastError"))
        if rule["type"] == "recording":
            assert running.prometheus.has_data(rule["name"]), rule["name"]


@pytest.mark.timeout(600)
def test_selectors_when_all_services_ran_then_each_means_series_that_are_there(
    running: Observed,
) -> None:
    """An alert that looks for a label that nobody sends stays silent for ever."""
    expressions = [rule["query"] for rule in running.prometheus.rules()]
    expressions += all_queries().values()
    wanted = {
        selector: selector
        for expression in expressions
        for selector in map(loosened, SELECTOR.finditer(LABELS.sub("", expression)))
    }
    assert len(wanted) > 30
    assert not running.make_traffic_until_seen(
        wanted, lambda selector: bool(running.prometheus.query(selector))
    )


def loosened(selector: re.Match[str]) -> str:
    """Return the selector, asking of rare labels only that they are there."""
    metric, matchers = selector.groups()
    kept = [
        f'{match[1]}!=""' if match[1] in RARE else match[0]
        for match in MATCHER.finditer(matchers or "")
    ]
    return f"{metric}{{{','.join(kept)}}}"
