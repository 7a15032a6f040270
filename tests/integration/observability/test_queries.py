"""Every query of every dashboard and every rule, against a real run of all services."""

import math
import re
import time
from collections.abc import Callable, Iterator

import pytest

from support.dashboards import DASHBOARDS, queries
from support.databases import make_database
from support.observed import Observed, observed
from support.prometheus import Prometheus
from yupana_server.dev.postgres import EmbeddedPostgres

SEEN_WITHIN_S = 300.0
"""Traffic goes on for so long at most, on a machine with other work."""

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


def has_data(prometheus: Prometheus, expression: str) -> bool:
    """Whether it gives a number at least; NaN is none."""
    series = prometheus.query(expression)
    return any(not math.isnan(float(each["value"][1])) for each in series)


def make_traffic_until_none_is_left(
    running: Observed, wanted: dict[str, str], seen: Callable[[str], bool]
) -> dict[str, str]:
    """Make traffic; returns what was not seen."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while wanted and time.monotonic() < deadline:
        running.make_traffic(rounds=1)
        wanted = {name: each for name, each in wanted.items() if not seen(each)}
    return wanted


@pytest.mark.timeout(600)
def test_panels_when_all_services_ran_then_every_query_returns_data(running: Observed) -> None:
    wanted = {
        f"{path.stem}: {name}": expression
        for path in DASHBOARDS
        for name, expression in queries(path).items()
    }
    assert len(wanted) > 100
    missing = make_traffic_until_none_is_left(
        running, wanted, lambda expression: has_data(running.prometheus, expression)
    )
    assert not missing


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
            assert has_data(running.prometheus, rule["name"]), rule["name"]


@pytest.mark.timeout(600)
def test_selectors_when_all_services_ran_then_each_means_series_that_are_there(
    running: Observed,
) -> None:
    """An alert that looks for a label that nobody sends stays silent for ever."""
    expressions = [rule["query"] for rule in running.prometheus.rules()]
    expressions += [query for path in DASHBOARDS for query in queries(path).values()]
    wanted = {
        selector: selector
        for expression in expressions
        for selector in map(loosened, SELECTOR.finditer(LABELS.sub("", expression)))
    }
    assert len(wanted) > 30
    missing = make_traffic_until_none_is_left(
        running, wanted, lambda selector: bool(running.prometheus.query(selector))
    )
    assert not missing


def loosened(selector: re.Match[str]) -> str:
    """Return the selector, asking of rare labels only that they are there."""
    metric, matchers = selector.groups()
    kept = [
        f'{match[1]}!=""' if match[1] in RARE else match[0]
        for match in MATCHER.finditer(matchers or "")
    ]
    return f"{metric}{{{','.join(kept)}}}"
